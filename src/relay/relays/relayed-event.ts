import { NonRetryableError } from '../../errors.js';
import type { DomainEvent } from '../../events/domain-event.js';
import { subjectOf } from '../cloud-events/aggregate-subject.js';
import type { CloudEvent } from '../cloud-events/cloud-event.js';
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
  const key = subjectOf(stored);
  if (transform === undefined) return new StoredMessage(stored, id, key, sender);
  const event = withParsedPayload(stored);
  const changed = transform(event);
  if (changed === undefined) return undefined;
  if (changed === event) return new StoredMessage(stored, id, key, sender);
  if (subjectOf(changed) !== key)
    throw new NonRetryableError(
      `transform returned the aggregate ${subjectOf(changed)} for an event of ${key}: a relay keeps the order of an aggregate, so the aggregate must stay the same`,
    );
  const { outboxEventId, position, timestamp } = stored;
  const { payload } = changed;
  const json = payload === event.payload ? stored.payload : (JSON.stringify(payload) ?? 'null');
  const sent = { ...changed, outboxEventId, position, timestamp };
  const cloudEvent = cloudEventOf(sent, key, json, sender);
  return { event: sent, cloudEvent, id, key, isTombstone: isTombstone(sent, json) };
}

function isTombstone({ metadata }: Pick<DomainEvent, 'metadata'>, json: string): boolean {
  return json === 'null' && metadata.tombstone === true;
}

/** The message of an event that is sent as it is stored. */
class StoredMessage implements RelayMessage {
  readonly cloudEvent: CloudEvent;
  readonly isTombstone: boolean;
  private made: DomainEvent | undefined;

  constructor(
    private readonly stored: DomainEvent<string>,
    readonly id: string,
    readonly key: string,
    sender: Sender,
  ) {
    this.cloudEvent = cloudEventOf(stored, key, stored.payload, sender);
    this.isTombstone = isTombstone(stored, stored.payload);
  }

  /** It is made when somebody first asks for it. A message that is accepted at a fixed place needs none. */
  get event(): DomainEvent {
    this.made ??= withParsedPayload(this.stored);
    return this.made;
  }
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
