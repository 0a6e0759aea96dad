import type { SaveReport } from '../../inbox/flush-writer.js';
import type { ClaimedRow } from '../../inbox/inbox-event.store.js';
import type { ResolvedRow } from '../../inbox/inbox-status.js';
import type { Unflushed } from '../../inbox/unflushed.js';
import type { WorkOfConsumer } from '../../rates/work-counts.js';
import { type Delivery, isClaimed, type Outcome } from './delivery.js';
import type { EnteredEventsOf } from './entered-events.js';
import {
  DUE_NOW,
  exceptionOf,
  PROCESSED,
  type Ran,
  resolutionOf,
  resolutionOfRow,
  type Verdict,
  WAITING,
} from './outcome-rows.js';
import type { RetryPolicy } from './retry-policy.js';
import type { StartGate } from './start-gate.js';
import type { UnsavedOutcomes } from './unsaved-outcomes.js';
import { UnsavedSuspects } from './unsaved-suspects.js';
import type { WorkInHand } from './work-in-hand.js';

/** The objects that the settler changes and reads. All of them belong to one partition. */
interface SettlerParts {
  readonly consumerName: string;
  readonly inHand: WorkInHand;
  readonly unflushed: Unflushed;
  readonly outcomes: UnsavedOutcomes;
  readonly entered: EnteredEventsOf;
  readonly retries: RetryPolicy;
  readonly gate: StartGate;
  /** Whether an event that fails for good becomes a dead letter. */
  readonly buriesDead: () => boolean;
  readonly work: WorkOfConsumer;
  /** The process that runs the attempts. */
  readonly process: Ran['process'];
}

/** Is called for outcomes that concern more than this partition. */
interface SettlerListener {
  suspectFound(): void;
  leaseLost(): void;
}

/** What is known about a claimed row that does not run. */
interface Rejection {
  readonly eventName?: string;
  readonly maxAttempts?: number;
  /** Whether the attempt that the claim counted does not count. */
  readonly attemptGivenBack?: boolean;
}

type Postponement = Extract<Outcome, { kind: 'postponed' }>;
type Suspicion = Extract<Outcome, { kind: 'suspect' }>;

/**
 * Reports the outcome of each event to the queue of its aggregate, to the claimed rows, and to the data of
 * the next flush.
 */
export class OutcomeSettler {
  private readonly suspects: UnsavedSuspects;

  constructor(
    private readonly parts: SettlerParts,
    private readonly listener: SettlerListener,
  ) {
    this.suspects = new UnsavedSuspects(parts.entered);
  }

  /** Whether rows of suspects wait for a save. */
  get hasUnsavedSuspects(): boolean {
    return !this.suspects.isEmpty;
  }

  settle(delivery: Delivery, outcome: Outcome): void {
    const { inHand, entered } = this.parts;
    this.parts.work.ended(outcome, delivery.latencyFrom);
    switch (outcome.kind) {
      case 'processed':
        this.processed(delivery);
        inHand.queues.resolved(delivery);
        break;
      case 'skipped':
        this.write(delivery, { status: 'skipped', availableInMs: undefined, error: outcome.reason });
        inHand.queues.resolved(delivery);
        break;
      case 'dead':
        this.write(delivery, { ...this.deadVerdict, error: outcome.error, ran: this.ran(delivery) });
        if (!entered.isEmpty && entered.isSuspect(delivery)) this.suspects.note(delivery, 'dead');
        inHand.queues.resolved(delivery);
        break;
      case 'retry':
        this.write(delivery, {
          status: 'failed',
          availableInMs: outcome.delayMs,
          error: outcome.error,
          ran: this.ran(delivery),
        });
        this.failed(delivery);
        break;
      case 'postponed':
        this.writePostponed(delivery, outcome);
        this.failed(delivery);
        break;
      case 'suspect':
        this.writeSuspect(delivery, outcome);
        this.failed(delivery);
        break;
      case 'elsewhere':
        this.leaveToInbox(delivery, outcome.settled === true);
        break;
      case 'infrastructure':
      case 'unavailable':
        if (delivery.isSettled) {
          this.leaveToInbox(delivery, true);
          break;
        }
        inHand.requeue(delivery);
        if (outcome.kind === 'infrastructure') this.parts.gate.failedOutside(outcome.error);
        break;
      case 'lease-lost':
        this.listener.leaseLost();
        break;
      default:
        outcome satisfies never;
    }
  }

  /** Called when the handler's own transaction has settled the positions of the batch. */
  settledInTransaction(deliveries: readonly [Delivery, ...Delivery[]]): void {
    this.parts.gate.succeeded(deliveries[0]);
    for (const each of deliveries) {
      this.parts.work.handled(each.latencyFrom);
      this.parts.outcomes.tellCommitted(each);
      this.parts.inHand.queues.resolved(each);
    }
  }

  /**
   * Called when a claimed row cannot run, or when it must not run any more because its last attempt is used
   * up.
   */
  reject(row: ClaimedRow, error: Error | undefined, { attemptGivenBack = false, ...of }: Rejection = {}) {
    const { entered, outcomes, retries, inHand, consumerName, work } = this.parts;
    entered.forget(row.outboxEventId);
    if (!attemptGivenBack) work.failed();
    const verdict = this.deadVerdict;
    const resolution = { ...resolutionOfRow(row, { ...verdict, error }), attemptGivenBack };
    this.resolve(resolution);
    const { outboxEventId, position, aggregateType, aggregateId } = row;
    outcomes.noteRejected(row.inboxEventId, {
      outboxEventId,
      consumerName,
      status: verdict.status,
      attempt: attemptGivenBack ? row.attempt - 1 : row.attempt,
      eventName: of.eventName,
      aggregateType,
      aggregateId,
      position,
      maxAttempts: of.maxAttempts ?? retries.maxAttempts,
      durationMs: undefined,
      error,
      errorFingerprint: resolution.fingerprint,
    });
    inHand.queues.recheck(row);
  }

  /** Takes back the counted attempt of each claimed row that never ran. These rows are due again. */
  releaseClaims(): void {
    const { claims, running } = this.parts.inHand;
    for (const delivery of claims.deliveries()) {
      if (!running.some((each) => each === delivery)) this.releaseClaim(delivery);
    }
  }

  /** Called when a save is committed. The queues then follow the state of the inbox. */
  saved(report: SaveReport): void {
    const { claims, queues } = this.parts.inHand;
    for (const row of report.resolved) claims.saved(row.inboxEventId);
    this.parts.outcomes.saved(report);
    this.suspects.saved(report);
    queues.saved(report.written, report.released, report.stillBlocked);
    for (const row of report.found) queues.recheck(row);
    if (report.resolved.length === 0) return;
    const updated = new Set(report.updated);
    // The row's own transaction committed after all, or an admin was faster. So the inbox decides whether the
    // queue stays blocked.
    for (const row of report.resolved) if (!updated.has(row.inboxEventId)) queues.recheck(row);
  }

  /**
   * The event will run again later. The events that were claimed to follow it have not begun their attempt,
   * so they give it back.
   */
  private failed(delivery: Delivery): void {
    const { queues, claims } = this.parts.inHand;
    for (const follower of queues.failed(delivery)) {
      if (!isClaimed(follower)) continue;
      claims.begin(follower.claim);
      claims.finish(follower.claim);
      this.releaseClaim(follower);
    }
  }

  /**
   * Leaves the decision to the inbox. A position that is settled is not settled again, because a replay may
   * have put it back by now.
   */
  private leaveToInbox(delivery: Delivery, isSettled: boolean): void {
    const { inHand, unflushed } = this.parts;
    if (delivery.claim !== undefined) inHand.claims.finish(delivery.claim);
    else if (!isSettled) unflushed.settle(delivery.position);
    inHand.queues.foundElsewhere(delivery);
  }

  private processed(delivery: Delivery): void {
    const { subscription, position, log } = delivery;
    const { inHand, outcomes, unflushed } = this.parts;
    if (isClaimed(delivery)) {
      // The row of a transactional handler became `processed` in the handler's own transaction.
      if (subscription.transactional) {
        inHand.claims.finish(delivery.claim);
        outcomes.tellCommitted(delivery);
      } else this.write(delivery, PROCESSED);
    } else {
      outcomes.note(delivery, PROCESSED);
      if (subscription.transactional) unflushed.settleCovered(position, log.id);
      else unflushed.settle(position);
    }
    this.parts.gate.succeeded(delivery);
  }

  private write(delivery: Delivery, verdict: Verdict): void {
    const { inHand, outcomes, unflushed } = this.parts;
    this.parts.gate.succeeded(delivery);
    if (!isClaimed(delivery)) {
      const row = exceptionOf(delivery.log, verdict, verdict.isPostponed ? 0 : delivery.attempt);
      outcomes.note(delivery, verdict, row.fingerprint);
      unflushed.except(row);
      return;
    }
    const row = resolutionOf(delivery, verdict);
    outcomes.note(delivery, verdict, row.fingerprint);
    inHand.claims.finish(delivery.claim);
    this.resolve({ ...row, attemptGivenBack: verdict.isPostponed ?? false });
  }

  /**
   * An event that ran exclusively stays suspect. Otherwise one that ends its process would never be a dead
   * letter if it is put off between two ends.
   */
  private writePostponed(delivery: Delivery, { delayMs, reason }: Postponement): void {
    const isSuspect = delivery.claim?.isSuspect === true;
    if (isSuspect) this.noteSuspect(delivery);
    const failed: Verdict = { status: 'failed', availableInMs: delayMs, error: reason, isSuspect };
    this.write(delivery, { ...failed, isPostponed: true });
  }

  private noteSuspect(delivery: Delivery): void {
    this.suspects.note(delivery, 'suspect');
    this.listener.suspectFound();
  }

  /** An attempt that is not counted has no outcome, so none is reported. */
  private writeSuspect(delivery: Delivery, { error, delayMs, isCounted }: Suspicion): void {
    const { inHand, outcomes, unflushed } = this.parts;
    const failed: Verdict = { status: 'failed', availableInMs: delayMs, error, isSuspect: true };
    const verdict = isCounted ? { ...failed, ran: this.ran(delivery) } : failed;
    this.noteSuspect(delivery);
    if (!isClaimed(delivery)) {
      unflushed.except(exceptionOf(delivery.log, verdict, 0));
      return;
    }
    const row = resolutionOf(delivery, verdict);
    if (isCounted) outcomes.note(delivery, verdict, row.fingerprint);
    inHand.claims.finish(delivery.claim);
    this.resolve({ ...row, attemptGivenBack: !isCounted });
  }

  private ran({ attempt, ranMs, lines }: Delivery): Ran {
    return { attempt, ms: ranMs, process: this.parts.process, lines };
  }

  private resolve(row: ResolvedRow): void {
    this.parts.inHand.claims.toSave(row.inboxEventId);
    this.parts.unflushed.resolve(row);
  }

  /** A row that follows another one waits for it again. */
  private releaseClaim(delivery: Delivery): void {
    if (!isClaimed(delivery)) return;
    const verdict = delivery.claim.follows ? WAITING : DUE_NOW;
    this.resolve({ ...resolutionOf(delivery, verdict), attemptGivenBack: true });
  }

  private get deadVerdict(): Pick<Verdict, 'availableInMs'> & { readonly status: 'dead_letter' | 'failed' } {
    return { status: this.parts.buriesDead() ? 'dead_letter' : 'failed', availableInMs: undefined };
  }
}
