import type { ChangeAuthor } from '../../../audit/change-author.js';
import type { SecretView } from '../../../secrets/secret.service.js';

/** `paused`: genuine deliveries are answered 503, so that their sender repeats them. */
export type IncomingEndpointStatus = 'active' | 'paused';

/** A row of the table. */
export interface EndpointRow {
  readonly id: string;
  readonly tenantId: string;
  readonly source: string;
  /** What the sender calls the account, as the application noted it. */
  readonly externalId: string | null;
  /** The connection with which it is made, paused and removed. Null for an endpoint of its own. */
  readonly connectionId: string | null;
  readonly status: IncomingEndpointStatus;
  readonly createdAt: Date;
}

/** An address at which the sender of one tenant delivers. */
export interface IncomingEndpoint extends EndpointRow {
  /** The path with the global prefix and the paths of `RouterModule`: `/webhooks/github/<id>`. */
  readonly path: string;
  /**
   * What the sender is given. Null if the module has no `publicUrl`, or if the path before the routes has a
   * parameter.
   */
  readonly url: string | null;
}

export interface IncomingEndpointDetails extends IncomingEndpoint {
  /** The secrets that are valid now, the latest first. */
  readonly secrets: readonly SecretView[];
}

/** What a change of the secret resolves to. */
export interface EndpointWithSecret {
  readonly endpoint: IncomingEndpointDetails;
  /** The secret, if it was made here. It is shown this once. Null if the caller gave it. */
  readonly secret: string | null;
}

export interface CreateIncomingEndpoint extends ChangeAuthor {
  /** The key of a source with `secrets: 'endpoint'`. */
  readonly source: string;
  /** What the sender calls the account: at most 255 characters. */
  readonly externalId?: string | undefined;
  /** The secret that the sender shows. Without it one is made, if the sender takes secrets. */
  readonly secret?: string | undefined;
}

export interface RotateIncomingSecret extends ChangeAuthor {
  /** The new secret. Without it one is made, if the sender takes secrets. */
  readonly secret?: string | undefined;
  /**
   * For how long the secrets before it stay valid, in milliseconds. Default: the setting
   * `core.integration.webhooks.secretOverlapHours`.
   */
  readonly overlapMs?: number | undefined;
}

export interface IncomingEndpointFilter {
  readonly source?: string | undefined;
  readonly status?: IncomingEndpointStatus | undefined;
}

export interface IncomingEndpointPageRequest {
  /** Number of endpoints: 50 by default, at most 1,000. */
  readonly limit?: number | undefined;
  /** The `next` of the page before. */
  readonly after?: string | undefined;
}

export interface IncomingEndpointPage {
  /** In the order in which they were created. */
  readonly endpoints: IncomingEndpoint[];
  /** Give it as `after` for the next page. Null on the last page. */
  readonly next: string | null;
}
