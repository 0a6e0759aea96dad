import { DECORATED_TYPE } from '../../words/decorated-type.js';
import type { RawWebhookRequest } from './definitions/raw-request.js';
import type { WebhookReply } from './definitions/webhook-source.js';

/** What became of a request. */
export type AcceptedWebhook =
  | { readonly status: 'accepted'; readonly outboxEventId: string }
  /** It was accepted before. `outboxEventId` is the event of the first time, if one was published. */
  | { readonly status: 'repeated'; readonly outboxEventId: string | undefined }
  /** The source only tries the address. It is to be answered with `reply`. */
  | { readonly status: 'handshake'; readonly reply: WebhookReply };
export const AcceptedWebhook: unknown = DECORATED_TYPE;

/** A request that comes from whom it says. */
export interface VerifiedWebhookRequest {
  readonly source: string;
  readonly deliveryId: string;
  readonly type: string;
  /** The place of the secret that matched in the list of the source or endpoint, from 0 on. */
  readonly secret: number;
  /** The endpoint and its tenant, where the secrets are the endpoint's. */
  readonly endpointId?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly signedAt: Date | undefined;
  /** SHA-256 in hex of what the signature covers. Two deliveries of one body have the same. */
  readonly bodyHash: string;
  /** The body, if it is JSON. */
  readonly json: unknown;
  readonly request: RawWebhookRequest;
}
export const VerifiedWebhookRequest: unknown = DECORATED_TYPE;
