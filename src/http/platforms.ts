import type { AbstractHttpAdapter, HttpAdapterHost } from '@nestjs/core';
import type { ServerRequest } from './server-request.js';

/** A request as a middleware of Express gets it. */
export interface ExpressRequest extends ServerRequest {
  /**
   * The path that Express looks for routes with. The URL may be written in other ways, and holds more where
   * applications of Express are nested.
   */
  readonly path?: string;
}

/** What is used of a route of Fastify before it is added. */
export interface FastifyRoute {
  readonly url: string;
  readonly method: string | readonly string[];
  bodyLimit?: number;
  errorHandler?: (error: unknown, request: ServerRequest, reply: FastifyReply) => void;
  preParsing?: unknown;
  preValidation?: unknown;
}

interface FastifyReply {
  removeHeader(name: string): void;
}

/** What is used of an application of Fastify. */
export interface FastifyInstance {
  readonly initialConfig: {
    readonly ignoreTrailingSlash?: boolean;
    readonly routerOptions?: { readonly ignoreTrailingSlash?: boolean };
  };
  addHook(name: 'onRoute', hook: (route: FastifyRoute) => void): void;
  route(route: FastifyRoute): unknown;
}

/** The application of Fastify behind an adapter. Undefined for any other platform. */
export function fastifyOf(adapter: AbstractHttpAdapter): FastifyInstance | undefined {
  return adapter.getType() === 'fastify' ? adapter.getInstance() : undefined;
}

/** What is used of the router of Express. */
interface ExpressRouter {
  readonly caseSensitive?: boolean;
  readonly strict?: boolean;
}

/** How Express compares paths. The router takes it from the settings when it is made. */
export function expressRouterOf(adapter: AbstractHttpAdapter): ExpressRouter {
  try {
    const { router } = adapter.getInstance() as { readonly router?: ExpressRouter };
    return router ?? {};
  } catch {
    // Express 4 throws where its router is asked for. It is taken to compare as it does by default.
    return {};
  }
}

/** Calls `use` with the adapter as soon as the application has one. A process without HTTP has none. */
export function whenServed(host: HttpAdapterHost, use: (adapter: AbstractHttpAdapter) => void): void {
  const now = () => {
    // Nest says so with null or undefined.
    if (host.httpAdapter) use(host.httpAdapter);
  };
  // An application that a test makes of a compiled module has no server yet.
  if (host.httpAdapter) now();
  else host.init$.subscribe(now);
}
