import type { ProcessIdentity } from '../../database/connection/process-identity.js';
import type { StoredAttempt } from '../../inbox/failed-attempt.js';
import type { ClaimedRow } from '../../inbox/inbox-event.store.js';
import type { ExceptionRow, ResolvedRow } from '../../inbox/inbox-status.js';
import type { LogEvent } from '../../log/log-event.js';
import type { AttemptLines } from './attempt-lines.js';
import type { Claim, Delivery } from './delivery.js';
import { errorFingerprint } from './error-fingerprint.js';
import { attemptErrorText, errorText, stackText } from './error-texts.js';
import { storable } from './storable-text.js';

/** The attempt that has failed: its number, how long its handler ran in milliseconds, and where. */
export interface Ran {
  readonly attempt: number;
  readonly ms: number | undefined;
  readonly process: Pick<ProcessIdentity, 'id' | 'host' | 'pid'>;
  /** What its logger wrote. Undefined if that was nothing, or if lines are not kept. */
  readonly lines?: AttemptLines | undefined;
}

/** What an outcome writes into the inbox. `error` is whatever was thrown, or a reason. */
export type Verdict = Pick<ExceptionRow, 'status' | 'availableInMs'> & {
  readonly error: unknown;
  /** Whether the event is a suspect, which runs exclusively the next time. */
  readonly isSuspect?: boolean;
  /** Whether the handler put the event off. Then the attempt does not count, and `error` is the reason. */
  readonly isPostponed?: boolean;
  /** Set if an attempt has failed that counts. The inbox keeps it in the history of the event. */
  readonly ran?: Ran;
};

/** The verdict for an event that waits behind an earlier event of its aggregate. */
export const WAITING: Verdict = {
  status: 'received',
  availableInMs: Number.POSITIVE_INFINITY,
  error: undefined,
};
/** The verdict for an event that is due at once. */
export const DUE_NOW: Verdict = { status: 'failed', availableInMs: 0, error: undefined };
export const PROCESSED: Verdict = { status: 'processed', availableInMs: undefined, error: undefined };

/** The row of an event that comes from the log. */
export function exceptionOf(log: LogEvent, verdict: Verdict, attempt: number): ExceptionRow {
  const { id: outboxEventId, position, aggregateType, aggregateId } = log;
  return { outboxEventId, position, aggregateType, aggregateId, attempt, ...rowOf(verdict) };
}

/** The new state of a claimed row. */
export function resolutionOf(delivery: Delivery & { readonly claim: Claim }, verdict: Verdict): ResolvedRow {
  const { inboxEventId } = delivery.claim;
  const { aggregateType, aggregateId } = delivery.log;
  return { inboxEventId, aggregateType, aggregateId, attempt: delivery.attempt, ...rowOf(verdict) };
}

/** The new state of a claimed row that has not become a delivery. */
export function resolutionOfRow(row: ClaimedRow, verdict: Verdict): ResolvedRow {
  const { inboxEventId, aggregateType, aggregateId, attempt } = row;
  return { inboxEventId, aggregateType, aggregateId, attempt, ...rowOf(verdict) };
}

function rowOf({ status, availableInMs, error, isSuspect = false, isPostponed = false, ran }: Verdict) {
  const hasError = error !== undefined;
  const isFailure = hasError && status !== 'skipped' && !isPostponed;
  const fingerprint = isFailure ? errorFingerprint(error) : undefined;
  return {
    status,
    availableInMs,
    error: hasError ? errorText(error) : undefined,
    fingerprint,
    isSuspect,
    isPostponed,
    failedAttempt: ran === undefined ? undefined : failedAttempt(ran, error, fingerprint),
  };
}

function failedAttempt({ attempt, ms, process, lines }: Ran, error: unknown, fingerprint = ''): string {
  return JSON.stringify({
    attempt,
    at: new Date(Date.now() - (ms ?? 0)).toISOString(),
    ms: ms === undefined ? null : Math.round(ms * 1_000) / 1_000,
    process: process.id,
    host: storable(process.host),
    pid: process.pid,
    error: attemptErrorText(error),
    stack: stackText(error),
    fingerprint,
    ...lines?.toStored(),
  } satisfies StoredAttempt);
}
