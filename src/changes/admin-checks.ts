import type { CommandTarget } from '../database/sql/pasteable-text.js';
import { IntegrationError } from '../errors.js';
import type { InboxFilter } from '../inbox/inbox-record.js';
import { unknownConsumer } from '../status/unknown-consumer.js';
import { invalidArgument as invalid } from '../words/argument-checks.js';
import { problemOfName, problemOfText } from '../words/text.js';
import type { ConsumerUser } from './consumer-admin.store.js';
import type { DiscardableState, OneEventFilter } from './inbox-admin.store.js';
import type { RenameResult } from './rename.store.js';

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

export function remainingNames(
  consumerName: string,
  stored: readonly string[],
  removed: readonly string[],
): string[] {
  const unknown = removed.filter((name) => !stored.includes(name));
  if (unknown.length > 0) {
    throw invalid(
      `Consumer "${consumerName}" has no event name ${unknown.join(', ')}; it has ${stored.join(', ')}`,
      {
        consumerName,
        unknown,
        stored,
      },
    );
  }
  const left = stored.filter((name) => !removed.includes(name));
  if (left.length === 0)
    throw invalid(`Consumer "${consumerName}" would have no event name left: remove it instead`, {
      consumerName,
    });
  return left;
}

export function stillActive(consumerName: string, users: readonly ConsumerUser[]): IntegrationError {
  const names = users.map(({ id, host, pid }) => (host === null ? id : `${host}:${pid}`));
  return new IntegrationError(
    'INTEGRATION_CONSUMER_ACTIVE',
    `Consumer "${consumerName}" belongs to live processes (${names.join(', ')}): stop them, or deploy a version without it, and remove it then; or force it`,
    { consumerName, processes: names },
  );
}

const LONGEST_CONSUMER_NAME = 127;

export function checkRename(oldName: string, newName: string): void {
  const problem = problemOfText(newName, LONGEST_CONSUMER_NAME) ?? problemOfName(newName);
  if (problem !== undefined) throw invalid(`The new name of consumer "${oldName}" ${problem}`, { newName });
  if (oldName === newName) throw invalid(`Consumer "${oldName}" has this name already`, { newName });
}

/** The error that says why a consumer was not renamed. */
export function notRenamed(
  oldName: string,
  newName: string,
  result: Exclude<RenameResult, 'done'>,
  target: CommandTarget,
): IntegrationError {
  if (result === 'unknown') return unknownConsumer(oldName, target);
  if (result === 'taken') {
    return invalid(
      `Consumer "${oldName}" was not renamed: there is something of a consumer "${newName}" already. If the new code has started, stop it, remove "${newName}", rename "${oldName}", and start the new code again. What "${newName}" has handled since "${oldName}" stopped is then delivered again`,
      { oldName, newName },
    );
  }
  const active = (why: string, details: object = {}) =>
    new IntegrationError('INTEGRATION_CONSUMER_ACTIVE', `Consumer "${oldName}" was not renamed: ${why}`, {
      consumerName: oldName,
      ...details,
    });
  if (result === 'lost') return active('a process took it at this moment. Stop that process, and try again');
  if (result === 'busy') {
    return active(
      'transactions that write to the inbox have been open for ten seconds, and one of them may be that of a handler of this consumer. Wait for them to end, or end them, and try again',
    );
  }
  const processes = result.users.map(({ id, host, pid }) => (host === null ? id : `${host}:${pid}`));
  return active(
    `live processes (${processes.join(', ')}) work on it or have handlers for it. Stop them, and rename it then`,
    { processes },
  );
}
