import { Inject, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { MountedRoutes } from '../../module/mounted-routes.js';
import { segmentsOf } from '../../module/route-path.js';
import { ADMIN_MOUNT_OPTIONS, type AdminMountOptions } from '../admin-options.js';
import { AdminSections } from '../admin-sections.js';
import { AdminCalls } from '../calls/admin-calls.js';
import type { ServerRequest } from '../calls/admin-request.js';
import { bodyTooLarge, MAX_BODY_BYTES, problemOfBody, saysTooMuch } from '../calls/body.js';
import type { Route } from '../routes/route.js';
import { METHODS } from './mounted-controller.js';

/** What is used of a route of Fastify before it is added. */
interface FastifyRoute {
  readonly url: string;
  bodyLimit?: number;
  errorHandler?: (error: unknown, request: ServerRequest, reply: FastifyReply) => void;
}

interface FastifyReply {
  removeHeader(name: string): void;
}

/** What is used of an application of Fastify. */
interface FastifyInstance {
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): void;
}

/**
 * Answers with a problem where the application's body parser refuses a body. The parser comes before
 * routes, guards and filters of controllers, so its errors would reach the filters of the application only.
 */
@Injectable()
export class BodyErrors {
  constructor(
    private readonly routes: MountedRoutes,
    private readonly host: HttpAdapterHost,
    @Inject(ADMIN_MOUNT_OPTIONS) private readonly mount: AdminMountOptions,
    private readonly calls: AdminCalls,
    private readonly sections: AdminSections,
  ) {
    // An application that a test makes of a compiled module has no server yet.
    if (host.httpAdapter) this.refuseEarly();
    else host.init$.subscribe(() => this.refuseEarly());
  }

  /**
   * Refuses a body that says itself that it is too large before the parsers of Express, which may take more
   * and read it to its end. In Fastify the limit of the route does it. Node throws the body away as it comes,
   * so the sender reads the answer at once and keeps its connection.
   */
  private refuseEarly(): void {
    const { httpAdapter } = this.host;
    if (!httpAdapter || httpAdapter.getType() === 'fastify') return;
    httpAdapter.use((request: ServerRequest, response: unknown, next: () => void) => {
      if (saysTooMuch(request) && this.isOurs(request)) this.calls.refuse(bodyTooLarge(), request, response);
      else next();
    });
  }

  /** Called when the application's body parsers are there, and its routes are not. */
  install(): void {
    const { httpAdapter } = this.host;
    if (httpAdapter === undefined) return;
    if (httpAdapter.getType() === 'fastify') this.installInFastify(httpAdapter.getInstance());
    else {
      // Express knows a handler of errors by its four parameters.
      httpAdapter.use(
        (error: unknown, request: ServerRequest, response: unknown, next: (e: unknown) => void) => {
          if (this.isOurs(request)) this.calls.refuse(problemOfBody(error, request), request, response);
          else next(error);
        },
      );
    }
  }

  private installInFastify(instance: FastifyInstance): void {
    const urls = new Set(this.sections.routes.map((route) => `/${this.segmentsOf(route).join('/')}`));
    instance.addHook('onRoute', (route) => {
      if (!urls.has(route.url)) return;
      route.bodyLimit = MAX_BODY_BYTES;
      route.errorHandler = (error, request, reply) => {
        // Fastify would end the connection, and a sender that still writes might not read the answer.
        reply.removeHeader('connection');
        this.calls.refuse(problemOfBody(error, request), request, reply);
      };
    });
  }

  private isOurs({ method, originalUrl, url }: ServerRequest): boolean {
    const given = segmentsOf((originalUrl ?? url).split('?', 1)[0] ?? '');
    return this.sections.routes.some((route) => {
      if (route.method !== method) return false;
      const expected = this.segmentsOf(route);
      return (
        expected.length === given.length &&
        expected.every((segment, index) => segment.startsWith(':') || segment === given[index])
      );
    });
  }

  /** The segments of a route in the application. */
  private segmentsOf({ path, method }: Route): string[] {
    return this.routes.segmentsOf(`${this.mount.path}/${path}`, METHODS[method]);
  }
}
