import { messageOf } from '../../errors.js';
import type { SaveReport } from '../../inbox/flush-writer.js';
import { Delivery } from './delivery.js';
import type { Verdict } from './outcome-rows.js';
import type { AttemptOutcome, FinalFailure, OutcomeStream } from './outcome-stream.js';
import type { RetryPolicy } from './retry-policy.js';

/**
 * The outcomes of one partition that are reported when their save is committed. Nothing is recorded if nobody
 * listens.
 */
export class UnsavedOutcomes {
  /** An event that was processed is its own record, because most events are, and may only be counted. */
  private readonly byPosition = new Map<number, AttemptOutcome | Delivery>();
  private readonly byRow = new Map<string, AttemptOutcome>();

  constructor(
    private readonly stream: OutcomeStream,
    private readonly retries: RetryPolicy,
  ) {}

  /**
   * Records an outcome that a later save will write. `fingerprint` is the stored fingerprint of the error.
   */
  note(delivery: Delivery, verdict: Verdict, fingerprint?: string): void {
    const status = statusOf(verdict);
    if (status === undefined || !this.stream.isWatched(status)) return;
    if (status === 'processed' && delivery.claim === undefined) {
      this.byPosition.set(delivery.position, delivery);
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
    if (this.stream.isWatched('processed')) this.tellProcessed(delivery);
  }

  saved({ positions, resolved }: SaveReport): void {
    for (const { inboxEventId } of resolved) this.tell(this.byRow, inboxEventId);
    for (const position of [...this.byPosition.keys()]) {
      if (positions.has(position)) this.tell(this.byPosition, position);
    }
  }

  private tell<K>(outcomes: Map<K, AttemptOutcome | Delivery>, key: K): void {
    const outcome = outcomes.get(key);
    if (outcome === undefined) return;
    outcomes.delete(key);
    if (outcome instanceof Delivery) this.tellProcessed(outcome);
    else this.stream.tell(outcome);
  }

  private tellProcessed(delivery: Delivery): void {
    const { subscription, log } = delivery;
    if (!this.stream.isOnlyCounted('processed')) this.stream.tell(this.outcomeOf(delivery, 'processed'));
    else this.stream.count(subscription.consumerName, log.eventName, 'processed');
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
