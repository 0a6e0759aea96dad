import { type DynamicModule, Module, type NestModule, type Type } from '@nestjs/common';
import { HttpAdapterHost, ModuleRef } from '@nestjs/core';
import { type ControllerRoute, mountedController } from '../../../http/mounted-controller.js';
import { MountedRoutes } from '../../../http/mounted-routes.js';
import { ParsedBodies } from '../../../http/parsed-bodies.js';
import { MAX_BODY_BYTES, problemOfBody } from '../../../rest/body.js';
import { problemFilter } from '../../../rest/problem.filter.js';
import type { RestRoute } from '../../../rest/route.js';
import type { WebhookPortalMount } from '../../options/portal-options.js';
import { PortalHandlers } from './portal.handlers.js';
import { PortalCalls } from './portal-calls.js';
import type { PortalCall } from './portal-route.js';
import { PORTAL_ROUTES } from './portal-routes.js';

const ROUTES: readonly RestRoute[] = Object.values(PORTAL_ROUTES);

const PortalProblemFilter = problemFilter(PortalCalls);

/**
 * The portal. It is a module beside `WebhooksModule`, which imports it, so that the modules of its guards are
 * its own. `RouterModule` can give it a path by its class.
 */
@Module({})
export class WebhookPortalModule implements NestModule {
  constructor(private readonly bodies: ParsedBodies) {}

  static at(mount: WebhookPortalMount): DynamicModule {
    const { path, imports = [] } = mount;
    return {
      module: WebhookPortalModule,
      imports: [...imports],
      controllers: [portalController(mount)],
      providers: [
        PortalCalls,
        PortalProblemFilter,
        {
          provide: MountedRoutes,
          inject: [ModuleRef, HttpAdapterHost],
          useFactory: (moduleRef: ModuleRef, host: HttpAdapterHost) =>
            new MountedRoutes(moduleRef, host, { module: WebhookPortalModule, path, routes: () => ROUTES }),
        },
        {
          provide: ParsedBodies,
          inject: [MountedRoutes, PortalCalls],
          useFactory: (routes: MountedRoutes, calls: PortalCalls) =>
            new ParsedBodies(routes, {
              limit: MAX_BODY_BYTES,
              refuse: (error, request, response) =>
                calls.refuse(problemOfBody(error, request), request, response),
            }),
        },
      ],
    };
  }

  /** Nest calls it between the body parsers of the application and its routes. */
  configure(): void {
    this.bodies.install();
  }
}

function portalController({ path, guards, decorate }: WebhookPortalMount): Type<object> {
  return mountedController({
    name: 'WebhookPortalController',
    of: PortalHandlers,
    path,
    by: PortalCalls,
    routes: Object.fromEntries(
      Object.entries(PORTAL_ROUTES).map(([name, route]) => [name, routeOf(name, route)]),
    ),
    guards: [...guards],
    filters: [PortalProblemFilter],
    decorate,
  });
}

function routeOf(name: string, route: RestRoute): ControllerRoute<PortalCalls> {
  const handlers = PortalHandlers.prototype as unknown as Record<
    string,
    (call: PortalCall<RestRoute>) => unknown
  >;
  return {
    method: route.method,
    paths: [route.path],
    answer: (calls, request, response, controller) =>
      calls.answer(route, request, response, (call) => handlers[name]?.call(controller, call)),
  };
}
