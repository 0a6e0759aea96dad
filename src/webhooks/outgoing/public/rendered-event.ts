import { createHash } from 'node:crypto';
import { IntegrationError } from '../../../errors.js';
import { nameOfAggregate } from '../../../events/aggregate-key.js';
import type { DomainEvent } from '../../../events/domain-event.js';
import { serializePayload } from '../../../events/json-payload.js';
import type { PublicEvent } from './public-events.js';
import { LONGEST_TENANT } from './tenant-id.js';

/** An event whose payload is JSON text, with every digit that the log has. */
export type TextEvent = DomainEvent<string>;

/**
 * What receivers get of an event, as JSON text: what `webhook.data` of its contract returns, or its payload.
 *
 * @throws what the function throws; IntegrationError INTEGRATION_PAYLOAD_INVALID or
 * INTEGRATION_PAYLOAD_TOO_LARGE for what it returns and JSON, or Postgres, cannot hold
 */
export function dataOf(
  event: TextEvent,
  { contract }: PublicEvent,
  limits: { readonly maxPayloadBytes: number },
): string {
  const { webhook } = contract;
  if (webhook?.data === undefined) return event.payload;
  const data = webhook.data({ ...event, payload: JSON.parse(event.payload) });
  return serializePayload(data, limits, 'webhook.data(event)').json;
}

/** The beginning of the names of this package's own events, which say themselves whose they are. */
const OWN = 'integration.';

/**
 * Whose event it is.
 *
 * @throws what the function throws; IntegrationError INTEGRATION_OPTIONS_INVALID if it returns no tenant
 */
export function tenantOfEvent(
  event: TextEvent,
  tenantOf: ((event: DomainEvent) => string) | undefined,
): string {
  if (tenantOf === undefined || event.eventName.startsWith(OWN)) {
    const { tenantId } = event.metadata;
    return typeof tenantId === 'string' ? tenantId : '';
  }
  const tenant: unknown = tenantOf({ ...event, payload: JSON.parse(event.payload) });
  if (typeof tenant === 'string' && [...tenant].length <= LONGEST_TENANT) return tenant;
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    `outgoing.tenantOf must return a text of at most ${LONGEST_TENANT} characters for ${JSON.stringify(event.eventName)}, and it returned ${typeof tenant === 'string' ? 'a longer one' : typeof tenant}`,
    { eventName: event.eventName },
  );
}

/**
 * A number of 64 bits for an aggregate, the same in every process and version. It is a text, because
 * JavaScript has no whole numbers of this size.
 */
export function entityOf(event: TextEvent): string {
  return createHash('sha256').update(nameOfAggregate(event)).digest().readBigInt64BE(0).toString();
}
