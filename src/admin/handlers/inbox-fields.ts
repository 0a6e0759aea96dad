import { EVENT_TEXT_LIMITS } from '../../events/event-limits.js';
import type { InboxFilter } from '../../inbox/inbox-record.js';
import type { ValuesOf } from '../../rest/field.js';
import { optional, position, text, uuid } from '../../rest/field.js';

/** The fields by which a request chooses events of the inbox. */
export const INBOX_FIELDS = {
  consumer: optional(text('The name of a consumer.', 127)),
  eventName: optional(text('An event name.', EVENT_TEXT_LIMITS.eventName)),
  aggregateType: optional(text('The type of an aggregate.', EVENT_TEXT_LIMITS.aggregateType)),
  aggregateId: optional(text('The id of an aggregate.', EVENT_TEXT_LIMITS.aggregateId)),
  event: optional(uuid('The id of an event.')),
  position: optional(position('The position of an event.')),
  fingerprint: optional(text('The kind of the error.', 64)),
};

export function inboxFilterOf(given: ValuesOf<typeof INBOX_FIELDS>): InboxFilter {
  const { consumer, event, fingerprint, eventName, aggregateType, aggregateId, position } = given;
  return {
    consumerName: consumer,
    outboxEventId: event,
    errorFingerprint: fingerprint,
    eventName,
    aggregateType,
    aggregateId,
    position,
  };
}
