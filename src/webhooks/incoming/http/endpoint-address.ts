import type { ModuleRef } from '@nestjs/core';
import { segmentsOf } from '../../../module/route-path.js';
import { DEFAULT_PATH, type WebhooksModuleOptions } from '../../webhooks-options.js';
import { globalPrefixOf } from './global-prefix.js';
import { ROUTE_PATHS } from './webhook-controller.js';

/** The path at which an endpoint is called, and its URL if that is known. */
export function addressOf(
  { id, source }: { readonly id: string; readonly source: string },
  moduleRef: ModuleRef,
  { path = DEFAULT_PATH, publicUrl }: WebhooksModuleOptions,
): { path: string; url: string | null } {
  const own = segmentsOf(path);
  const prefix = segmentsOf(globalPrefixOf(moduleRef, `/${[...own, ROUTE_PATHS[1]].join('/')}`));
  const full = `/${[...prefix, ...own, source, id].join('/')}`;
  return { path: full, url: publicUrl === undefined ? null : publicUrl.replace(/\/+$/, '') + full };
}
