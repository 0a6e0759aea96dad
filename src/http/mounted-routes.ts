import { RequestMethod, type Type } from '@nestjs/common';
import type { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { configurationOf, modulePathOf } from './nest-container.js';
import {
  type ExpressRequest,
  expressRouterOf,
  type FastifyRoute,
  fastifyOf,
  whenServed,
} from './platforms.js';
import { segmentsOf } from './route-path.js';
import { parametersOf, type RoutePattern, routePattern } from './route-pattern.js';
import type { ServerRequest } from './server-request.js';

export type HttpMethod = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** A route of a module. */
export interface RouteAt {
  readonly method: HttpMethod;
  /** The path below that of the controllers: `consumers/:name`. */
  readonly path: string;
}

/** The routes of a module, and where its controllers are. */
export interface RoutesOfModule {
  readonly module: Type<unknown>;
  /** The path of the controllers: `ops/integration`. */
  readonly path: string;
  /** The routes that there are now. Parts may bring more until the application makes its routes. */
  readonly routes: () => readonly RouteAt[];
}

type Next = (error?: unknown) => void;

/** What stands for all methods in the list of what is excluded. */
const ALL_METHODS: readonly unknown[] = [RequestMethod.ALL, -1];

/**
 * The routes of a module, wherever the application has mounted them: behind the global prefix, unless they
 * are excluded from it, and behind the path that `RouterModule` gives to the module. Their controllers are
 * neutral to versions, so a version never stands in their paths. Prefix and paths are set after the
 * container is made, so they are asked for when they are needed.
 *
 * A body parser of the application comes before guards, filters and handlers. So what becomes of the bodies
 * of these routes is decided in front of it, on each platform in its own way. Requests of other routes are
 * left alone.
 */
export class MountedRoutes {
  private readonly patterns = new Map<string, RoutePattern>();

  constructor(
    private readonly moduleRef: ModuleRef,
    private readonly host: HttpAdapterHost,
    private readonly at: RoutesOfModule,
  ) {}

  /** The segments of the path of a route in the application. */
  segmentsOf({ path, method }: RouteAt): string[] {
    const own = [modulePathOf(this.moduleRef, this.at.module), this.at.path, path].flatMap(segmentsOf);
    return [...segmentsOf(this.prefixOf(`/${own.join('/')}`, RequestMethod[method])), ...own];
  }

  /** The path of a route in the application, as it is declared: `/api/ops/integration/consumers/:name`. */
  pathOf(route: RouteAt): string {
    return `/${this.segmentsOf(route).join('/')}`;
  }

  /**
   * The parameters of the request, if it is one of these routes that Express will find for it. Fastify
   * looks for the route before it reads the body, and needs no such question.
   */
  parametersOf({ method, path, url }: ExpressRequest): Record<string, string> | undefined {
    const router = expressRouterOf(this.host.httpAdapter);
    const given = path ?? url.split('?', 1)[0] ?? '';
    for (const route of this.at.routes()) {
      if (route.method !== method) continue;
      const found = parametersOf(this.patternOf(this.pathOf(route), router), given);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /**
   * Express: handles requests in front of the application's body parsers. Nest adds these when the
   * application is initialized, before the middleware of modules. So it must be called while the container
   * makes providers.
   */
  beforeParsers(handle: (request: ExpressRequest, response: unknown, next: Next) => void): void {
    whenServed(this.host, (adapter) => {
      if (fastifyOf(adapter) === undefined) adapter.use(handle);
    });
  }

  /**
   * Express: handles what the application's body parsers throw for requests of these routes. It must be
   * called when the parsers are there and the routes are not: in `configure` of a module.
   */
  onParserError(handle: (error: unknown, request: ServerRequest, response: unknown) => void): void {
    const { httpAdapter } = this.host;
    if (!httpAdapter || fastifyOf(httpAdapter) !== undefined) return;
    // Express knows a handler of errors by its four parameters.
    httpAdapter.use((error: unknown, request: ExpressRequest, response: unknown, next: Next) => {
      if (this.parametersOf(request) === undefined) next(error);
      else handle(error, request, response);
    });
  }

  /** Fastify: changes each of these routes as the application adds it. */
  whenAdded(change: (route: FastifyRoute) => void): void {
    whenServed(this.host, (adapter) =>
      fastifyOf(adapter)?.addHook('onRoute', (added) => {
        if (this.at.routes().some((route) => this.isAdded(route, added))) change(added);
      }),
    );
  }

  /** The ends are compared first, because a server adds many routes, and making a whole path takes longer. */
  private isAdded(route: RouteAt, { method, url }: FastifyRoute): boolean {
    // Fastify adds a HEAD for each GET.
    const methods = [method].flat().map((each) => (each === 'HEAD' ? 'GET' : each));
    return url.endsWith(route.path) && methods.includes(route.method) && url === this.pathOf(route);
  }

  private prefixOf(path: string, method: RequestMethod): string {
    const config = configurationOf(this.moduleRef);
    const isExcluded = config
      ?.getGlobalPrefixOptions()
      .exclude?.some(
        ({ pathRegex, requestMethod }) =>
          (requestMethod === method || ALL_METHODS.includes(requestMethod)) && pathRegex?.test(path) === true,
      );
    return isExcluded === true ? '' : (config?.getGlobalPrefix() ?? '');
  }

  private patternOf(path: string, router: ReturnType<typeof expressRouterOf>): RoutePattern {
    const known = this.patterns.get(path);
    if (known !== undefined) return known;
    const pattern = routePattern(path, router);
    this.patterns.set(path, pattern);
    return pattern;
  }
}

/** Whether a segment of a route stands for more than itself, such as `:tenant`. */
export function isParameter(segment: string): boolean {
  return /[:*{}()?]/u.test(segment);
}
