import { messageOf } from '../../errors.js';
import type { SaveReport } from '../../inbox/flush-writer.js';
import type { Unflushed } from '../../inbox/unflushed.js';
import type { Delivery } from './delivery.js';
import type { Verdict } from './outcome-rows.js';
import type { AttemptOutcome, FinalFailure, OutcomeStream } from './outcome-stream.js';
import type { RetryPolicy } from './retry-policy.js';

/**
 * The outcomes of one partition that are reported when their save is committed. Nothing is recorded if nobody
 * listens.
 */
export class UnsavedOutcomes {
  private readonly byPosition = new Map<number, AttemptOutcome>();
  private readonly byRow = new Map<string, AttemptOutcome>();

  constructor(
    private readonly consumerName: string,
    private readonly stream: OutcomeStream,
    private readonly unflushed: Pick<Unflushed, 'countProcessed'>,
    private readonly retries: RetryPolicy,
  ) {}

  /**
   * Records an outcome that a later save will write. `fingerprint` is the stored fingerprint of the error.
   */
  note(delivery: Delivery, verdict: Verdict, fingerprint?: string): void {
    const status = statusOf(verdict);
    if (status === undefined || !this.stream.isWatched(status)) return;
    // Most events are processed, so they are kept for the save only if somebody wants more than their number.
    if (status === 'processed' && delivery.claim === undefined && this.stream.isOnlyCounted(status)) {
      this.unflushed.countProcessed(delivery.log.eventName);
      return;
    }
    const outcome = this.outcomeOf(delivery, status, verdict, fingerprint);
    if (delivery.claim === undefined) this.byPosition.set(delivery.position, outcome);
    else this.byRow.set(delivery.claim.inboxEventId, outcome);
  }

  /** Records the outcome of a claimed row that cannot run, or must not run any more. */
  noteRejected(inboxEventId: string, outcome: FinalFailure): void {
    if (this.stream.isWatched(outcome.status)) this.byRow.set(inboxEventId, outcome);
  }

  /** Reports an outcome that the handler's own transaction has written. */
  tellCommitted(delivery: Delivery): void {
    if (!this.stream.isWatched('processed')) return;
    if (this.stream.isOnlyCounted('processed'))
      this.stream.count(this.consumerName, delivery.log.eventName, 'processed', 1);
    else this.stream.tell(this.outcomeOf(delivery, 'processed'));
  }

  saved({ positions, resolved, processed }: SaveReport): void {
    for (const [eventName, events] of processed)
      this.stream.count(this.consumerName, eventName, 'processed', events);
    for (const { inboxEventId } of resolved) this.tell(this.byRow, inboxEventId);
    for (const position of [...this.byPosition.keys()]) {
      if (positions.has(position)) this.tell(this.byPosition, position);
    }
  }

  private tell<K>(outcomes: Map<K, AttemptOutcome>, key: K): void {
    const outcome = outcomes.get(key);
    if (outcome === undefined) return;
    outcomes.delete(key);
    this.stream.tell(outcome);
  }

  private outcomeOf(
    { log, subscription, attempt, ranMs }: Delivery,
    status: AttemptOutcome['status'],
    verdict?: Verdict,
    errorFingerprint?: string,
  ): AttemptOutcome {
    const known = {
      outboxEventId: log.id,
      consumerName: subscription.consumerName,
      attempt,
      eventName: log.eventName,
      aggregateType: log.aggregateType,
      aggregateId: log.aggregateId,
      position: log.position,
      maxAttempts: this.retries.maxAttemptsOf(subscription),
      durationMs: ranMs,
    };
    const error = verdict?.error;
    switch (status) {
      case 'processed':
        return { ...known, status };
      case 'skipped':
        return { ...known, status, reason: messageOf(error) };
      case 'postponed':
        return { ...known, status, reason: messageOf(error), nextTryAt: timeOf(verdict) };
      case 'retrying': {
        const nextTryAt = timeOf(verdict);
        return { ...known, status, error, errorFingerprint, nextTryAt };
      }
      case 'failed':
      case 'dead_letter':
        return { ...known, status, error, errorFingerprint };
      default:
        return status satisfies never;
    }
  }
}

/** The reported status of a verdict. Undefined if no attempt has ended with it. */
function statusOf({ status, availableInMs, isPostponed }: Verdict): AttemptOutcome['status'] | undefined {
  if (status === 'received') return undefined;
  if (isPostponed === true) return 'postponed';
  return status === 'failed' && availableInMs !== undefined ? 'retrying' : status;
}

function timeOf(verdict: Verdict | undefined): Date {
  return new Date(Date.now() + (verdict?.availableInMs ?? 0));
}
