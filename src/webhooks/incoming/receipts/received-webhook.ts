import type { DomainEventInput } from '../../../events/domain-event.js';

/** A webhook that came in, as it goes into the database. */
export interface ReceivedWebhook {
  readonly source: string;
  readonly tenantId: string;
  /** SHA-256 in hex. */
  readonly keyHash: string;
  readonly bodyHash: string;
  readonly repeatedBody: 'mark' | 'reject' | undefined;
  readonly endpointId: string | undefined;
  readonly contentType: string | undefined;
  /** Undefined where the payload is all. */
  readonly bytes: Buffer | undefined;
  readonly event: DomainEventInput;
}
