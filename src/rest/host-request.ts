/**
 * A request of Express or Fastify, as functions of the host get it. A guard of the application may have put a
 * `user` on it.
 */
export interface HostRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly user?: unknown;
}
