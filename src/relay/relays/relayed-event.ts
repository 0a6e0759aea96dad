import { NonRetryableError } from '../../errors.js';
import type { DomainEvent } from '../../events/domain-event.js';
import { subjectOf } from '../cloud-events/aggregate-subject.js';
import { cloudEventOf, type Sender } from '../cloud-events/event-as-cloud-event.js';
import type { RelayMessage } from './relay-message.js';
import type { RelayOptions } from './relay-options.js';

/**
 * Makes the message of an event. Undefined if `transform` leaves the event out.
 *
 * @param stored the event with its payload as text; the text is sent as it is, with every digit, unless
 *   `transform` returns another payload
 * @throws NonRetryableError if `transform` returns another aggregate, and what `transform` throws
 */
export function messageOfEvent(
  stored: DomainEvent<string>,
  id: string,
  { transform, sender }: Pick<RelayOptions, 'transform'> & { readonly sender: Sender },
): RelayMessage | undefined {
  const event = withParsedPayload(stored);
  const changed = transform === undefined ? event : transform(event);
  if (changed === undefined) return undefined;
  const key = subjectOf(stored);
  if (changed === event) return made({ event, json: stored.payload, id, key, sender });
  if (subjectOf(changed) !== key)
    throw new NonRetryableError(
      `transform returned the aggregate ${subjectOf(changed)} for an event of ${key}: a relay keeps the order of an aggregate, so the aggregate must stay the same`,
    );
  const { outboxEventId, position, timestamp } = stored;
  const { payload } = changed;
  const json = payload === event.payload ? stored.payload : (JSON.stringify(payload) ?? 'null');
  return made({ event: { ...changed, outboxEventId, position, timestamp }, json, id, key, sender });
}

function made({
  event,
  json,
  id,
  key,
  sender,
}: Pick<RelayMessage, 'event' | 'id' | 'key'> & {
  readonly json: string;
  readonly sender: Sender;
}): RelayMessage {
  const isTombstone = json === 'null' && event.metadata.tombstone === true;
  return { event, cloudEvent: cloudEventOf(event, key, json, sender), id, key, isTombstone };
}

/** The event with its payload as a value, which is parsed when somebody first asks for it. */
function withParsedPayload(stored: DomainEvent<string>): DomainEvent {
  let parsed: { readonly value: unknown } | undefined;
  return {
    ...stored,
    get payload() {
      parsed ??= { value: JSON.parse(stored.payload) as unknown };
      return parsed.value;
    },
  };
}
