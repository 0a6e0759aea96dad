import { IntegrationError } from '../../errors.js';
import type { DomainEventInput, EventName, PublishedEvent } from '../../events/domain-event.js';
import { problemOfText } from '../../words/text.js';

/** What is done once. */
export interface OnceDelivery {
  readonly source: string;
  /** What the sender calls the delivery. At most 255 characters. */
  readonly key: string;
  readonly type: string;
  /** Equal keys of two tenants are two deliveries. Default: none. */
  readonly tenantId?: string | undefined;
  /**
   * What `verify` says of the body. It is needed only for a source with `repeatedBody: 'reject'` outside of a
   * route with `@VerifiedWebhook`.
   */
  readonly bodyHash?: string | undefined;
}

/** Publishes an event in the transaction of `once`. */
export type Emit = <N extends EventName>(event: DomainEventInput<N>) => Promise<PublishedEvent>;

const LIMITS = { source: 63, key: 255, type: 255 } as const;

/** @throws IntegrationError INTEGRATION_EVENT_INVALID */
export function refuseBadDelivery(delivery: OnceDelivery): void {
  const fields = (['source', 'key', 'type'] as const).filter(
    (field) => problemOfText(delivery?.[field], LIMITS[field]) !== undefined,
  );
  const { tenantId } = delivery ?? {};
  const isTenant = tenantId === undefined || tenantId === '' || problemOfText(tenantId, 127) === undefined;
  const isHash = delivery?.bodyHash === undefined || /^[0-9a-f]{64}$/.test(String(delivery.bodyHash));
  if (fields.length === 0 && isTenant && isHash) return;
  const wrong = [...fields, ...(isTenant ? [] : ['tenantId']), ...(isHash ? [] : ['bodyHash'])];
  throw new IntegrationError(
    'INTEGRATION_EVENT_INVALID',
    `The delivery cannot be claimed: ${wrong.join(', ')} must be texts that are not empty and not too long`,
    { fields: wrong },
  );
}
