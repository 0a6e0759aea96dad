import {
  Controller,
  Inject,
  Req,
  RequestMapping,
  RequestMethod,
  Res,
  type Type,
  UseFilters,
  UseGuards,
  VERSION_NEUTRAL,
} from '@nestjs/common';
import { segmentsOf } from '../../module/route-path.js';
import type { AdminDecorators, AdminMountOptions } from '../admin-options.js';
import { AdminCalls } from '../calls/admin-calls.js';
import { AdminProblemFilter } from '../calls/admin-problem.filter.js';
import type { ServerRequest } from '../calls/admin-request.js';
import { type Call, type Handlers, onlyReads, type Route } from '../routes/route.js';

const CALLS = Symbol('admin calls');
export const METHODS = {
  GET: RequestMethod.GET,
  POST: RequestMethod.POST,
  PATCH: RequestMethod.PATCH,
  DELETE: RequestMethod.DELETE,
} as const;

/**
 * Makes an ordinary controller of Nest out of handlers, for one place.
 *
 * Why a subclass, with methods of its own: decorators write metadata on the class and on the function of
 * each method. Two applications of one process, or two places of one application, have other paths, guards
 * and decorators. On a shared class or an inherited function, the last one would decide for all.
 */
export function mountedController(handlers: Handlers, mount: AdminMountOptions): Type<object> {
  class Mounted extends handlers {}
  Object.defineProperty(Mounted, 'name', { value: handlers.name });
  Inject(AdminCalls)(Mounted.prototype, CALLS);
  for (const [name, route] of Object.entries(handlers.routes)) {
    addRoute(Mounted, name, route, mount.decorate ?? {});
  }
  UseFilters(AdminProblemFilter)(Mounted);
  if (mount.guards !== undefined) UseGuards(...mount.guards)(Mounted);
  Controller({ path: segmentsOf(mount.path).join('/'), version: VERSION_NEUTRAL })(Mounted);
  return Mounted as unknown as Type<object>;
}

type Instance = Readonly<Record<string, (call: Call<Route>) => unknown>> & { readonly [CALLS]: AdminCalls };

function addRoute(
  mounted: Handlers['prototype'],
  name: string,
  route: Route,
  decorate: AdminDecorators,
): void {
  const { prototype } = mounted as { prototype: object };
  const handler = (prototype as Record<string, (call: Call<Route>) => unknown>)[name];
  if (handler === undefined) throw new Error(`the route ${name} has no handler`);
  const method = {
    [name](this: Instance, request: ServerRequest, response: unknown): Promise<void> {
      return this[CALLS].answer(route, request, response, (call) => handler.call(this, call));
    },
  }[name];
  const descriptor: PropertyDescriptor = {
    value: method,
    configurable: true,
    enumerable: false,
    writable: true,
  };
  Object.defineProperty(prototype, name, descriptor);
  Req()(prototype, name, 0);
  Res()(prototype, name, 1);
  const decorators = [
    RequestMapping({ path: route.path, method: METHODS[route.method] }),
    ...((onlyReads(route) ? decorate.read : decorate.write) ?? []),
  ];
  for (const each of decorators) each(prototype, name, descriptor);
}
