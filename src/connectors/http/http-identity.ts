import type { NetworkRules } from '../../http/network-rules.js';

/** What a limit is counted for: one connection, or all connections of a connector together. */
export type LimitedThing = 'connection' | 'connector';

/** At most `limit` requests per `perMs`, evenly, after a burst. `rate()` makes it. */
export interface RateLimit {
  readonly kind: 'rate';
  readonly limit: number;
  readonly perMs: number;
  readonly burst: number;
  readonly of: LimitedThing;
}

/** At most `limit` requests in a window that the other system begins anew at its time. `quota()` makes it. */
export interface QuotaLimit {
  readonly kind: 'quota';
  readonly limit: number;
  readonly perMs: number;
  /** Names of headers, in small letters. */
  readonly remainingHeader: string | undefined;
  readonly resetHeader: string | undefined;
  readonly of: LimitedThing;
}

/** A limit of the requests to another system, which all processes keep together. */
export type HttpLimit = RateLimit | QuotaLimit;

/**
 * A request before it is sent, for whoever puts the credentials on it. Every request goes through it, so it
 * is made of the plainest things there are.
 */
export interface UnsignedRequest {
  /** Others read it as well. Another one is put here, and this one is never changed. */
  url: URL;
  /** Names in small letters. */
  headers: Record<string, string>;
  readonly method: string;
  readonly body: string | Buffer | undefined;
}

/** What was put on a request besides its headers. */
export interface Authorization {
  /** Of the token that was used. Undefined where there is none that could be renewed. */
  generation?: number;
  /** A client certificate in PEM, its key, and the authority of the server if it is not a public one. */
  tls?: { cert: string; key: string; ca?: string };
}

/** What the client of one connection is told about it: by the connection's own part, at each request anew. */
export interface HttpIdentity {
  readonly tenantId: string;
  readonly connectionId: string;
  /** The key of the connector: limits of the whole connector are counted under it. */
  readonly connector: string;
  readonly baseUrl: string;
  /**
   * Where credentials may go besides the origin of baseUrl, as origins (scheme, host and port).
   */
  readonly origins: readonly string[];
  readonly limits: readonly HttpLimit[];
  readonly network: NetworkRules;
  /**
   * Puts the credentials of now on a request, which goes to one of the origins. Gives the generation of the
   * token used, undefined where there is none.
   */
  authorize(request: UnsignedRequest, signal: AbortSignal): Promise<Authorization>;
  /**
   * After a 401 with this generation: true where there is another token now, so that the request may be sent
   * once more.
   */
  renew(generation: number | undefined, signal: AbortSignal): Promise<boolean>;
}
