import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { MountedRoutes } from '../../http/mounted-routes.js';
import { fastifyOf } from '../../http/platforms.js';

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
  ) {}

  /** Called when the routes of the application are not there yet. */
  install(): void {
    const { httpAdapter } = this.host;
    const instance = httpAdapter && fastifyOf(httpAdapter);
    if (instance === undefined) return;
    const { ignoreTrailingSlash, routerOptions } = instance.initialConfig;
    if (ignoreTrailingSlash || routerOptions?.ignoreTrailingSlash) return;
    const urls = this.urls();
    instance.addHook('onRoute', (route) => {
      if ([route.method].flat().includes('GET') && urls.has(route.url))
        instance.route({ ...route, method: 'GET', url: `${route.url}/` });
    });
  }

  private urls(): ReadonlySet<string> {
    const urls = ['', 'ui'].map((path) => this.routes.pathOf({ method: 'GET', path }));
    // The root is answered as it is.
    return new Set(urls.filter((url) => url !== '/'));
  }
}
