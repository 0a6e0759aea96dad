import { Inject, Injectable, RequestMethod } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { MountedRoutes } from '../../module/mounted-routes.js';
import { ADMIN_MOUNT_OPTIONS, type AdminMountOptions } from '../admin-options.js';

/** What is used of a route of Fastify before it is added. */
interface FastifyRoute {
  readonly url: string;
  readonly method: string | readonly string[];
}

/** What is used of an application of Fastify. */
interface FastifyInstance {
  readonly initialConfig: {
    readonly ignoreTrailingSlash?: boolean;
    readonly routerOptions?: { readonly ignoreTrailingSlash?: boolean };
  };
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): void;
  route(route: FastifyRoute): unknown;
}

/**
 * Answers the addresses of the page with a slash at their end as well, because people type them so. Express
 * does it by itself, and Nest takes the slash from the paths of controllers. So in Fastify each of these
 * routes is added a second time, with all that Nest has made of it.
 */
@Injectable()
export class PageSlash {
  constructor(
    private readonly routes: MountedRoutes,
    private readonly host: HttpAdapterHost,
    @Inject(ADMIN_MOUNT_OPTIONS) private readonly mount: AdminMountOptions,
  ) {}

  /** Called when the routes of the application are not there yet. */
  install(): void {
    const { httpAdapter } = this.host;
    if (httpAdapter?.getType() !== 'fastify') return;
    const instance: FastifyInstance = httpAdapter.getInstance();
    const { ignoreTrailingSlash, routerOptions } = instance.initialConfig;
    if (ignoreTrailingSlash || routerOptions?.ignoreTrailingSlash) return;
    const urls = this.urls();
    instance.addHook('onRoute', (route) => {
      if ([route.method].flat().includes('GET') && urls.has(route.url))
        instance.route({ ...route, method: 'GET', url: `${route.url}/` });
    });
  }

  private urls(): ReadonlySet<string> {
    const { path } = this.mount;
    const urls = [path, `${path}/ui`].map(
      (each) => `/${this.routes.segmentsOf(each, RequestMethod.GET).join('/')}`,
    );
    // The root is answered as it is.
    return new Set(urls.filter((url) => url !== '/'));
  }
}
