import { type ClaimedRow, INTERRUPTED } from '../../inbox/inbox-event.store.js';
import type { ExceptionRow, ResolvedRow } from '../../inbox/inbox-status.js';
import type { SaveReport, SettleBuffer } from '../../inbox/settle-buffer.js';
import type { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import type { Attempt } from './attempt.js';
import { type Delivery, isClaimed, isUndecided, type Outcome } from './delivery.js';
import type { EnteredEventsOf } from './entered-events.js';
import type { InfrastructurePause } from './infrastructure-pause.js';
import {
  DUE_NOW,
  exceptionOf,
  PROCESSED,
  resolutionOf,
  resolutionOfRow,
  type Verdict,
  WAITING,
} from './outcome-rows.js';
import type { OutcomeStream } from './outcome-stream.js';
import type { Unavailability } from './unavailability.js';
import { UnsavedOutcomes } from './unsaved-outcomes.js';
import type { WorkInHand } from './work-in-hand.js';

interface SettlerEnvironment {
  readonly settings: IntegrationSettingsService;
  readonly outcomes: OutcomeStream;
  readonly consumerName: string;
}

/** Whom outcomes concern beyond queues and inbox. */
export interface SettlerHooks {
  /**
   * An outcome lies in the settle buffer, or room was made. `isAwaited`: nothing goes on before it is saved.
   */
  outcomeReady(isAwaited?: boolean): void;
  leaseLost(): void;
  /** An event is to run alone: once that is saved, the retry loop has it. */
  suspectFound(): void;
}

/**
 * Takes outcomes where they belong: to the queues, to the claimed rows, and into the settle buffer until they
 * are saved.
 */
export class OutcomeSettler {
  private readonly settings: IntegrationSettingsService;
  private readonly outcomes: UnsavedOutcomes;
  /** That they run alone, or that they do not run any more, waits for a save. */
  private readonly unsavedSuspects = new Map<Delivery, 'runs alone' | 'dead'>();

  constructor(
    private readonly inHand: WorkInHand,
    private readonly buffer: SettleBuffer,
    private readonly pause: InfrastructurePause,
    private readonly unavailability: Unavailability,
    private readonly entered: EnteredEventsOf,
    private readonly env: SettlerEnvironment,
    private readonly hooks: SettlerHooks,
  ) {
    this.settings = env.settings;
    this.outcomes = new UnsavedOutcomes(env.outcomes, env.settings);
  }

  /**
   * A batch that fails is run again event by event: the one at fault is found, and no other is blamed for it.
   */
  ended(attempt: Attempt, outcome: Outcome): void {
    const { delivery, others } = attempt;
    if (attempt.beganAt !== undefined) noteDuration(attempt, performance.now() - attempt.beganAt);
    if (delivery.alone && !isUndecided(outcome)) this.inHand.singles--;
    if (outcome.kind === 'unavailable')
      this.unavailability.noted(delivery.subscription, outcome.error, outcome.pauseMs);
    if (outcome.kind === 'processed' && attempt.settlesPositions) {
      this.succeeded(delivery);
      for (const each of attempt.deliveries) {
        this.outcomes.tellCommitted(each);
        this.inHand.queues.resolved(each);
      }
    } else if (others.length > 0 && (isFailure(outcome) || this.isToBeDivided(attempt, outcome))) {
      if (outcome.kind === 'infrastructure') this.pause.begin(outcome.error);
      for (const each of attempt.deliveries) this.requeueByItself(each);
    } else {
      if (outcome.kind === 'suspect' && !outcome.isCounted) this.pause.begin(outcome.error);
      this.settle(delivery, outcome);
      for (const other of others) this.settle(other, outcome);
    }
  }

  /**
   * Before it begins: an event that is to run alone does not begin among others, and is written down; a batch
   * with events that are to run by themselves is taken apart. Whether that was done.
   */
  setApart(attempt: Attempt): boolean {
    const { delivery, others } = attempt;
    if (others.length === 0) {
      if (delivery.isSettled || delivery.claim?.alone === true || !this.entered.isSuspect(delivery))
        return false;
      this.inHand.begin(delivery);
      if (delivery.alone) this.inHand.singles--;
      const error = this.entered.lastError(delivery);
      this.settle(delivery, { kind: 'suspect', error, delayMs: 0, isCounted: false });
      this.hooks.outcomeReady();
      return true;
    }
    if (!attempt.deliveries.some((each) => this.entered.runsByItself(each))) return false;
    for (const each of attempt.deliveries) {
      this.inHand.begin(each);
      if (this.entered.runsByItself(each)) this.requeueByItself(each);
      else this.inHand.requeue(each);
    }
    return true;
  }

  /** Whether rows of events that are to run alone wait for a save. */
  get hasUnsavedSuspects(): boolean {
    return this.unsavedSuspects.size > 0;
  }

  /** A claimed row that cannot run, or must not any more: then it is the one after its last attempt. */
  giveUp(row: ClaimedRow, error: Error | undefined, of: GivenUp = {}): void {
    this.entered.forget(row.outboxEventId);
    const { attemptGivenBack = false } = of;
    const resolution = resolutionOfRow(row, { ...this.deadVerdict, error });
    this.resolve({ ...resolution, attemptGivenBack });
    const { outboxEventId, position, aggregateType, aggregateId } = row;
    this.outcomes.addGivenUp(row.inboxEventId, {
      outboxEventId,
      consumerName: this.env.consumerName,
      status: this.deadVerdict.status,
      attempt: attemptGivenBack ? row.attempt - 1 : row.attempt,
      eventName: of.eventName,
      aggregateType,
      aggregateId,
      position,
      maxAttempts: of.maxAttempts ?? this.settings.snapshot().maxAttempts,
      durationMs: undefined,
      error,
      errorFingerprint: resolution.fingerprint,
    });
    this.inHand.queues.recheck(row);
    this.hooks.outcomeReady();
  }

  /** Claimed rows that never ran get their attempt back and are due again. */
  releaseClaims(): void {
    const { claims, running } = this.inHand;
    for (const delivery of claims.deliveries()) {
      if (!running.some((each) => each === delivery)) this.giveBack(delivery);
    }
  }

  /** What waits behind an unresolved event and is to be written down as waiting. */
  takeWaiting(): ExceptionRow[] {
    return this.inHand.takeParked().map((delivery) => exceptionOf(delivery.log, WAITING, 0));
  }

  /** A save is committed: queues follow what the inbox says. */
  saved(report: SaveReport): void {
    const { claims, queues } = this.inHand;
    for (const row of report.resolved) claims.saved(row.inboxEventId);
    this.outcomes.saved(report);
    this.suspectsSaved(report);
    queues.written(report.written);
    queues.released(report.released, report.stillBlocked);
    for (const row of report.found) queues.recheck(row);
    const updated = new Set(report.updated);
    // Its transaction committed after all, or an admin was faster: the inbox decides whether the queue stays
    // blocked.
    for (const row of report.resolved) if (!updated.has(row.inboxEventId)) queues.recheck(row);
  }

  private settle(delivery: Delivery, outcome: Outcome): void {
    switch (outcome.kind) {
      case 'processed':
        this.processed(delivery);
        this.inHand.queues.resolved(delivery);
        break;
      case 'skipped':
        this.write(delivery, { status: 'skipped', availableInMs: undefined, error: outcome.reason });
        this.inHand.queues.resolved(delivery);
        break;
      case 'dead':
        this.write(delivery, { ...this.deadVerdict, error: outcome.error });
        if (!this.entered.isEmpty && this.entered.isSuspect(delivery))
          this.unsavedSuspects.set(delivery, 'dead');
        this.inHand.queues.resolved(delivery);
        break;
      case 'retry':
        this.write(delivery, { status: 'failed', availableInMs: outcome.delayMs, error: outcome.error });
        for (const follower of this.inHand.queues.failed(delivery)) this.dismiss(follower);
        break;
      case 'suspect':
        this.writeSuspect(delivery, outcome);
        for (const follower of this.inHand.queues.failed(delivery)) this.dismiss(follower);
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
        this.inHand.requeue(delivery);
        if (outcome.kind === 'infrastructure') this.pause.begin(outcome.error);
        break;
      case 'lease-lost':
        this.hooks.leaseLost();
        break;
      default:
        outcome satisfies never;
    }
  }

  /**
   * The inbox decides. A position that is settled stays as it is: a replay may have put it back meanwhile.
   */
  private leaveToInbox(delivery: Delivery, isSettled: boolean): void {
    if (delivery.claim !== undefined) this.inHand.claims.end(delivery.claim);
    else if (!isSettled) this.buffer.settle(delivery.position);
    this.inHand.queues.foundElsewhere(delivery);
  }

  private processed(delivery: Delivery): void {
    const { subscription, position, log } = delivery;
    if (isClaimed(delivery)) {
      // The row of a transactional handler became `processed` in the handler's own transaction.
      if (subscription.transactional) {
        this.inHand.claims.end(delivery.claim);
        this.outcomes.tellCommitted(delivery);
      } else this.write(delivery, PROCESSED);
    } else {
      this.outcomes.add(delivery, PROCESSED);
      if (subscription.transactional) this.buffer.settleCovered(position, log.id);
      else this.buffer.settle(position);
    }
    this.succeeded(delivery);
  }

  private write(delivery: Delivery, verdict: Verdict): void {
    this.succeeded(delivery);
    if (!isClaimed(delivery)) {
      const row = exceptionOf(delivery.log, verdict, delivery.attempt);
      this.outcomes.add(delivery, verdict, row.fingerprint);
      this.buffer.except(row);
      return;
    }
    const row = resolutionOf(delivery, verdict);
    this.outcomes.add(delivery, verdict, row.fingerprint);
    this.inHand.claims.end(delivery.claim);
    this.resolve(row);
  }

  /** An attempt that is not counted has had no outcome: nobody is told of one. */
  private writeSuspect(delivery: Delivery, { error, delayMs, isCounted }: Suspicion): void {
    const verdict: Verdict = { status: 'failed', availableInMs: delayMs, error, isSuspect: true };
    if (isCounted) this.outcomes.add(delivery, verdict, INTERRUPTED);
    this.unsavedSuspects.set(delivery, 'runs alone');
    this.hooks.suspectFound();
    if (isClaimed(delivery)) {
      this.inHand.claims.end(delivery.claim);
      this.resolve({ ...resolutionOf(delivery, verdict), attemptGivenBack: !isCounted });
    } else this.buffer.except(exceptionOf(delivery.log, verdict, 0));
  }

  private suspectsSaved({ positions, resolved }: SaveReport): void {
    if (this.unsavedSuspects.size === 0) return;
    const rows = new Set(resolved.map(({ inboxEventId }) => inboxEventId));
    for (const [delivery, becomes] of this.unsavedSuspects) {
      const { claim, log } = delivery;
      const isSaved = claim === undefined ? positions.has(log.position) : rows.has(claim.inboxEventId);
      if (!isSaved) continue;
      this.unsavedSuspects.delete(delivery);
      if (becomes === 'dead') this.entered.forget(log.id);
    }
  }

  /** Of a batch: the one at fault is to be found. */
  private requeueByItself(delivery: Delivery): void {
    delivery.alone = true;
    this.inHand.singles++;
    this.inHand.requeue(delivery);
  }

  private isToBeDivided(attempt: Attempt, outcome: Outcome): boolean {
    return (
      outcome.kind === 'infrastructure' &&
      !this.entered.isEmpty &&
      attempt.deliveries.some((each) => this.entered.runsByItself(each))
    );
  }

  private succeeded({ subscription }: Delivery): void {
    this.pause.succeeded();
    if (this.unavailability.isOn) this.unavailability.succeeded(subscription);
  }

  private resolve(row: ResolvedRow): void {
    this.inHand.claims.toSave(row.inboxEventId);
    this.buffer.resolve(row);
  }

  private get deadVerdict(): Pick<Verdict, 'availableInMs'> & { readonly status: 'dead_letter' | 'failed' } {
    const { deadLetterEnabled } = this.settings.snapshot();
    return { status: deadLetterEnabled ? 'dead_letter' : 'failed', availableInMs: undefined };
  }

  /** The one that it follows is to be tried again: its own attempt has not begun. */
  private dismiss(follower: Delivery): void {
    if (!isClaimed(follower)) return;
    this.inHand.claims.begin(follower.claim);
    this.inHand.claims.end(follower.claim);
    this.giveBack(follower);
  }

  /** One that follows another waits for it again. */
  private giveBack(delivery: Delivery): void {
    if (!isClaimed(delivery)) return;
    const verdict = delivery.claim.follows ? WAITING : DUE_NOW;
    this.resolve({ ...resolutionOf(delivery, verdict), attemptGivenBack: true });
  }
}

/** What is known of a claimed row that is given up. */
export interface GivenUp {
  readonly eventName?: string;
  readonly maxAttempts?: number;
  /** The attempt that the claim counted is none. */
  readonly attemptGivenBack?: boolean;
}

type Suspicion = Extract<Outcome, { kind: 'suspect' }>;

function noteDuration({ deliveries }: Attempt, ms: number): void {
  for (const delivery of deliveries) delivery.ranMs = ms;
}

function isFailure(outcome: Outcome): boolean {
  return outcome.kind === 'retry' || outcome.kind === 'dead' || outcome.kind === 'skipped';
}
