import { IntegrationError } from '../../errors.js';
import type { InboxFilter } from '../../inbox/inbox-record.js';
import { invalidArgument as invalid } from '../../words/argument-checks.js';
import type { DiscardableState, OneEventFilter } from './inbox-admin.store.js';

/** The states that a discard of many events can take. */
export const STATES_OF_MANY: readonly DiscardableState[] = ['dead_letter', 'failed', 'waiting', 'delayed'];

/** Whether the filter chooses one event of one consumer. */
export function isOfOneEvent(filter: InboxFilter): filter is OneEventFilter {
  return (
    filter.consumerName !== undefined && (filter.position !== undefined || filter.outboxEventId !== undefined)
  );
}

/**
 * Refuses the states `unread` and `running` for many events. An event without a row, or one that runs, must
 * be named itself.
 */
export function checkStatesOfMany(states: readonly DiscardableState[]): void {
  const single = states.find((state) => state === 'unread' || state === 'running');
  if (single === undefined) return;
  throw invalid(
    `The state ${single} is for one event: discardOne takes it, of a consumer and a position or an outboxEventId`,
    { state: single },
  );
}

export function heldByItsTransaction({
  consumerName,
  position,
  outboxEventId,
}: OneEventFilter): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CONSUMER_ACTIVE',
    `The event ${position ?? outboxEventId} of consumer "${consumerName}" was not discarded: its handler holds a transaction open. Pause the consumer, or wait for the handler's deadline, and try again`,
    { consumerName, position, outboxEventId },
  );
}

/** Refuses to set events aside for good without a reason, or without a filter that names something. */
export function checkReason(filter: InboxFilter, reason: string): void {
  if (reason.trim() === '')
    throw invalid('Say why: the reason is kept with each discarded event', { field: 'reason' });
  if (Object.values(filter).every((value) => value === undefined)) {
    throw invalid(
      'Say which events to discard: a consumer, an event name, an aggregate, an event or an error fingerprint',
    );
  }
}
