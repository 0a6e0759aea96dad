import type { AdminHttpRequest } from '../admin-options.js';

/** What the admin API uses of a request of Express or Fastify. */
export interface ServerRequest extends AdminHttpRequest {
  /** The URL as it was sent. `url` lacks a part of it where Express applications are nested. */
  readonly originalUrl?: string | undefined;
  readonly params?: Readonly<Record<string, unknown>> | undefined;
  readonly body?: unknown;
}

/** A header of a request, its first value if it was sent several times. `name` is in lower case. */
export function headerOf(request: AdminHttpRequest, name: string): string | undefined {
  const value = request.headers[name];
  return typeof value === 'string' || value === undefined ? value : value[0];
}

/** The query of a request as it was sent. The application's query parser has no part in it. */
export function queryOf(request: ServerRequest): string {
  const url = request.originalUrl ?? request.url;
  const start = url.indexOf('?');
  return start < 0 ? '' : url.slice(start + 1);
}
