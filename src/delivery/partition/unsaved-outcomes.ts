import { messageOf } from '../../errors.js';
import type { SaveReport } from '../../inbox/flush-writer.js';
import type { Delivery } from './delivery.js';
import type { Verdict } from './outcome-rows.js';
import type { AttemptOutcome, FinalFailure, OutcomeStream } from './outcome-stream.js';
import type { RetryPolicy } from './retry-policy.js';

/**
 * The outcomes of one partition that are told once their save is committed. Nothing is noted down if nobody
 * listens for it.
 */
export class UnsavedOutcomes {
  private readonly byPosition = new Map<number, AttemptOutcome>();
  private readonly byRow = new Map<string, AttemptOutcome>();

  constructor(
    private readonly stream: OutcomeStream,
    private readonly retries: RetryPolicy,
  ) {}

  /** A save is to come that writes the outcome. `fingerprint` is that of the error, as it is stored. */
  note(delivery: Delivery, verdict: Verdict, fingerprint?: string): void {
    const status = statusOf(verdict);
    if (status === undefined || !this.stream.isWatched(status)) return;
    const outcome = this.outcomeOf(delivery, status, verdict, fingerprint);
    if (delivery.claim === undefined) this.byPosition.set(delivery.position, outcome);
    else this.byRow.set(delivery.claim.inboxEventId, outcome);
  }

  /** The same for a claimed row that cannot run, or must not run any more. */
  noteRejected(inboxEventId: string, outcome: FinalFailure): void {
    if (this.stream.isWatched(outcome.status)) this.byRow.set(inboxEventId, outcome);
  }

  /** The handler's own transaction has written the outcome. */
  tellCommitted(delivery: Delivery): void {
    if (this.stream.isWatched('processed')) this.stream.tell(this.outcomeOf(delivery, 'processed'));
  }

  saved({ positions, resolved }: SaveReport): void {
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
      case 'retrying': {
        const nextTryAt = new Date(Date.now() + (verdict?.availableInMs ?? 0));
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

/** Undefined if no attempt has ended with this verdict. */
function statusOf({ status, availableInMs }: Verdict): AttemptOutcome['status'] | undefined {
  if (status === 'received') return undefined;
  return status === 'failed' && availableInMs !== undefined ? 'retrying' : status;
}
