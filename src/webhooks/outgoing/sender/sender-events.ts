import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { AnyEventContract } from '../../../contracts/event-contract.js';
import { defineEvent } from '../../../contracts/event-contract.js';
import type { EventSchema, JsonSchema } from '../../../contracts/schemas/event-schema.js';

/** What every event about a destination says. */
export interface DestinationEvent {
  readonly destinationId: string;
  readonly tenantId: string;
}

export interface DestinationFailing extends DestinationEvent {
  /** Failures in a row. */
  readonly failures: number;
  /** ISO 8601. */
  readonly failingSince: string;
}

export interface DestinationDisabled extends DestinationEvent {
  readonly reason: string;
}

export interface DestinationRecovered extends DestinationEvent {
  /** Since when it had failed. ISO 8601. */
  readonly failingSince: string | null;
}

export interface DeliveryDead extends DestinationEvent {
  /** As `WebhookDelivery.id`. */
  readonly deliveryId: string;
  /** The id of the event, which receivers get as `webhook-id`. Null if retention has deleted the message. */
  readonly eventId: string | null;
  /** The type that receivers see. Null if retention has deleted the message. */
  readonly type: string | null;
  readonly attempts: number;
  readonly error: string | null;
}

const TEXT = { type: 'string' };
const TIME = { type: 'string', format: 'date-time' };
const COUNT = { type: 'integer', minimum: 0 };
const orNull = (schema: object) => ({ anyOf: [schema, { type: 'null' }] });

/** A schema that only describes, because the sender itself makes these payloads. It needs no library. */
function described<T>(properties: Readonly<Record<string, object>>): EventSchema<T> {
  const all = { destinationId: { type: 'string', format: 'uuid' }, tenantId: TEXT, ...properties };
  const schema: JsonSchema = { type: 'object', properties: all, required: Object.keys(all) };
  const standard: StandardSchemaV1.Props<T, T> & { readonly jsonSchema: object } = {
    version: 1,
    vendor: 'nestjs-integration',
    validate: (value) => ({ value: value as T }),
    jsonSchema: { input: () => schema, output: () => schema },
  };
  return { '~standard': standard };
}

export const destinationFailing = defineEvent({
  name: 'integration.webhook.destination_failing',
  schema: described<DestinationFailing>({ failures: COUNT, failingSince: TIME }),
  visibility: 'public',
  severity: 'warning',
  description: 'A destination of webhooks has failed several times in a row, and is tried less often.',
});

export const destinationDisabled = defineEvent({
  name: 'integration.webhook.destination_disabled',
  schema: described<DestinationDisabled>({ reason: TEXT }),
  visibility: 'public',
  severity: 'error',
  description: 'A destination of webhooks was disabled, because it has failed for too long or is gone.',
});

export const destinationRecovered = defineEvent({
  name: 'integration.webhook.destination_recovered',
  schema: described<DestinationRecovered>({ failingSince: orNull(TIME) }),
  visibility: 'public',
  severity: 'info',
  description: 'A destination of webhooks that had failed takes deliveries again.',
});

export const deliveryDead = defineEvent({
  name: 'integration.webhook.delivery_dead',
  schema: described<DeliveryDead>({
    deliveryId: TEXT,
    eventId: orNull({ type: 'string', format: 'uuid' }),
    type: orNull(TEXT),
    attempts: COUNT,
    error: orNull(TEXT),
  }),
  visibility: 'public',
  severity: 'error',
  description:
    'A delivery to a destination of webhooks has used up its attempts, or what was to be sent is deleted.',
});

/** The contracts of the events that the sender publishes. */
export const SENDER_CONTRACTS: readonly AnyEventContract[] = [
  destinationFailing,
  destinationDisabled,
  destinationRecovered,
  deliveryDead,
];
