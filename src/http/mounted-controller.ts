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
import type { HttpMethod } from './mounted-routes.js';
import { segmentsOf } from './route-path.js';
import type { ServerRequest } from './server-request.js';

/** One method of a controller, and the routes that it answers. */
export interface ControllerRoute<A> {
  readonly method: HttpMethod;
  /** The paths below that of the controller. */
  readonly paths: readonly string[];
  /** Decorators of the application, for its guards. */
  readonly decorate?: readonly MethodDecorator[] | undefined;
  /** Writes the answer itself, so interceptors, pipes and filters of the application change nothing in it. */
  readonly answer: (by: A, request: ServerRequest, response: unknown, controller: object) => unknown;
}

export interface ControllerAt<A> {
  readonly name: string;
  /** The class that the controller extends. Nest injects its constructor. */
  readonly of?: new (
    ...args: never[]
  ) => object;
  readonly path: string;
  /** The provider that answers. */
  readonly by: Type<A>;
  /** By the names of the methods. */
  readonly routes: Readonly<Record<string, ControllerRoute<A>>>;
  readonly guards?: Parameters<typeof UseGuards> | undefined;
  readonly filters?: Parameters<typeof UseFilters> | undefined;
  /** Decorators of the application, for the class. What they say of path and version does not hold. */
  readonly decorate?: readonly ClassDecorator[] | undefined;
}

const ANSWERER = Symbol('answerer');

/**
 * Makes an ordinary controller of Nest, for one place.
 *
 * Why a class with methods of its own: decorators write metadata on the class and on the function of each
 * method. Two applications of one process, or two places of one application, have other paths, guards and
 * decorators. On a shared class or an inherited function, the last one would decide for all.
 */
export function mountedController<A extends object>(at: ControllerAt<A>): Type<object> {
  const { name, of: Base = Object, path, by, routes, guards, filters, decorate = [] } = at;
  class Mounted extends Base {}
  Object.defineProperty(Mounted, 'name', { value: name });
  Inject(by)(Mounted.prototype, ANSWERER);
  for (const [method, route] of Object.entries(routes)) addRoute(Mounted.prototype, method, route);
  for (const each of decorate) each(Mounted);
  if (filters !== undefined) UseFilters(...filters)(Mounted);
  if (guards !== undefined) UseGuards(...guards)(Mounted);
  Controller({ path: segmentsOf(path).join('/'), version: VERSION_NEUTRAL })(Mounted);
  return Mounted as unknown as Type<object>;
}

function addRoute<A>(
  prototype: object,
  name: string,
  { method, paths, decorate = [], answer }: ControllerRoute<A>,
): void {
  const { [name]: value } = {
    [name](this: { readonly [ANSWERER]: A }, request: ServerRequest, response: unknown): unknown {
      return answer(this[ANSWERER], request, response, this);
    },
  };
  const descriptor: PropertyDescriptor = { value, configurable: true, enumerable: false, writable: true };
  Object.defineProperty(prototype, name, descriptor);
  Req()(prototype, name, 0);
  Res()(prototype, name, 1);
  const mapping = RequestMapping({ path: [...paths], method: RequestMethod[method] });
  for (const each of [mapping, ...decorate]) each(prototype, name, descriptor);
}
