import { isParameter, type MountedRoutes } from '../../../http/mounted-routes.js';
import type { WebhooksModuleOptions } from '../../options/webhooks-options.js';
import { ENDPOINT_PATH } from '../http/webhook-routes.js';

/**
 * The path at which an endpoint is called, and its URL if that is known. It is not where a parameter stands
 * before the routes, such as `:tenant` in a global prefix.
 */
export function addressOf(
  { id, source }: { readonly id: string; readonly source: string },
  routes: MountedRoutes,
  { publicUrl }: WebhooksModuleOptions,
): { path: string; url: string | null } {
  const before = routes.segmentsOf({ method: 'POST', path: ENDPOINT_PATH }).slice(0, -2);
  const full = `/${[...before, source, id].join('/')}`;
  const isKnown = publicUrl !== undefined && !before.some(isParameter);
  return { path: full, url: isKnown ? publicUrl.replace(/\/+$/, '') + full : null };
}
