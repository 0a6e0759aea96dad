import { RequestMethod } from '@nestjs/common';
import { isParameter, type MountedRoutes } from '../../../module/mounted-routes.js';
import { DEFAULT_PATH, type WebhooksModuleOptions } from '../../webhooks-options.js';
import { ROUTE_PATHS } from './webhook-controller.js';

/**
 * The path at which an endpoint is called, and its URL if that is known. It is not where a parameter stands
 * before the routes, such as `:tenant` in a global prefix.
 */
export function addressOf(
  { id, source }: { readonly id: string; readonly source: string },
  routes: MountedRoutes,
  { path = DEFAULT_PATH, publicUrl }: WebhooksModuleOptions,
): { path: string; url: string | null } {
  const mounted = routes.segmentsOf(`${path}/${ROUTE_PATHS[1]}`, RequestMethod.POST);
  const before = mounted.slice(0, -2);
  const full = `/${[...before, source, id].join('/')}`;
  const isKnown = publicUrl !== undefined && !before.some(isParameter);
  return { path: full, url: isKnown ? publicUrl.replace(/\/+$/, '') + full : null };
}
