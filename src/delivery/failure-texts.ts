import { type CommandTarget, commandLine } from '../database/sql/pasteable-text.js';
import { errorText } from './partition/error-texts.js';
import type { FinalFailure, RetryingOutcome } from './partition/outcome-stream.js';

/** Failures that were not logged one by one. */
export interface Repeats {
  /** The number of failures since the last count was logged. */
  count: number;
  last: RetryingOutcome | FinalFailure;
  readonly isOfOneKind: boolean;
}

export function retryingText(outcome: RetryingOutcome): string {
  const { attempt, maxAttempts, nextTryAt } = outcome;
  return `Failed on ${eventText(outcome)}, attempt ${attempt} of ${maxAttempts}. The next try is due at ${nextTryAt.toISOString()}.`;
}

export function finalText(outcome: FinalFailure, target: CommandTarget): string {
  const { attempt, maxAttempts, consumerName, outboxEventId, eventName } = outcome;
  if (eventName === undefined)
    return `Gave up ${eventText(outcome)}, before attempt ${attempt}. ${stateText(outcome)} It can be sent again only if the log has its event again.`;
  const interrupted =
    outcome.error === undefined
      ? ' The process ended while that attempt ran, so there is no error of it.'
      : '';
  const redrive = commandLine(target, 'dead-letters redrive', [], {
    consumer: consumerName,
    'event-id': outboxEventId,
  });
  return `Gave up ${eventText(outcome)} after attempt ${attempt} of ${maxAttempts}.${interrupted} ${stateText(outcome)} Once the cause is gone, send it again: ${redrive}`;
}

export function repeatedText({ count, last, isOfOneKind }: Repeats, target: CommandTarget): string {
  const kind = isOfOneKind ? `in the same way (${firstLineOf(last.error)})` : 'in many other ways';
  const latest = `the last of them ${eventText(last)}`;
  if (last.status === 'retrying')
    return `Failed ${count} more ${count === 1 ? 'time' : 'times'} ${kind}, ${latest}, attempt ${last.attempt} of ${last.maxAttempts}.`;
  const { consumerName, errorFingerprint } = last;
  const which = isOfOneKind && errorFingerprint !== undefined ? { fingerprint: errorFingerprint } : {};
  const redrive = commandLine(target, 'dead-letters redrive', [], { consumer: consumerName, ...which });
  return `Gave up ${count} more ${count === 1 ? 'event' : 'events'} ${kind}, ${latest}. Once the cause is gone, send them again: ${redrive}`;
}

function eventText(outcome: RetryingOutcome | FinalFailure): string {
  const { eventName, outboxEventId, position, aggregateType, aggregateId } = outcome;
  const name = eventName ?? 'an event that is no longer in the log';
  return `${name} (event ${outboxEventId}, position ${position}) of ${aggregateType} ${JSON.stringify(aggregateId)}`;
}

function stateText({ status }: FinalFailure): string {
  return status === 'dead_letter'
    ? 'It is a dead letter now.'
    : 'It is stored as failed, because dead letters are switched off.';
}

function firstLineOf(error: unknown): string {
  if (error === undefined) return 'its process ended';
  const text = errorText(error).split('\n', 1)[0] ?? '';
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}
