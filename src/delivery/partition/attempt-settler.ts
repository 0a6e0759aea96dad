import type { Attempt } from './attempt.js';
import {
  type Delivery,
  type EndOfAttempt,
  isUndecided,
  type Outcome,
  type PartlyFailed,
  PROCESSED,
} from './delivery.js';
import type { EnteredEventsOf } from './entered-events.js';
import type { OutcomeSettler } from './outcome-settler.js';
import type { OutcomeStream } from './outcome-stream.js';
import type { StartGate } from './start-gate.js';
import type { WorkInHand } from './work-in-hand.js';

/** Turns the outcome of an attempt into the outcomes of its events. */
export class AttemptSettler {
  constructor(
    private readonly inHand: WorkInHand,
    private readonly gate: StartGate,
    private readonly entered: EnteredEventsOf,
    private readonly events: OutcomeSettler,
    private readonly outcomes: Pick<OutcomeStream, 'wantsDurations'>,
  ) {}

  /**
   * Settles the events of an attempt. The events of a batch that failed, or was put off, run again one by
   * one, so that the event at fault is found and no other event is blamed.
   */
  settle(attempt: Attempt, outcome: EndOfAttempt): void {
    const { delivery, others } = attempt;
    const { inHand, events } = this;
    if (outcome.kind !== 'processed' || this.outcomes.wantsDurations) noteDuration(attempt);
    if (outcome.kind !== 'processed') for (const each of attempt.deliveries) each.lines = attempt.lines;
    if (outcome.kind === 'partly') {
      this.settlePartly(attempt, outcome);
      return;
    }
    if (delivery.isSingle && !isUndecided(outcome)) inHand.singles--;
    if (outcome.kind === 'unavailable') this.gate.unreachable(delivery, outcome.error, outcome.pauseMs);
    if (outcome.kind === 'processed' && attempt.settlesPositions) {
      events.settledInTransaction(attempt.deliveries);
    } else if (others.length > 0 && (isOfOneEvent(outcome) || this.isToBeDivided(attempt, outcome))) {
      if (outcome.kind === 'infrastructure') this.gate.failedOutside(outcome.error);
      for (const each of attempt.deliveries) inHand.requeueSingle(each);
    } else {
      if (outcome.kind === 'suspect' && !outcome.isCounted) this.gate.failedOutside(outcome.error);
      events.settle(delivery, outcome);
      for (const other of others) events.settle(other, outcome);
    }
  }

  /**
   * Called before an attempt begins. A suspect does not begin beside others, and is written down
   * instead. A batch with events that must run singly is split. Returns whether one of
   * the two was done.
   */
  divert(attempt: Attempt): boolean {
    const { delivery, others } = attempt;
    const { inHand, entered } = this;
    if (others.length === 0) {
      if (delivery.isSettled || delivery.claim?.isSuspect === true || !entered.isSuspect(delivery))
        return false;
      inHand.leave(delivery);
      if (delivery.isSingle) inHand.singles--;
      const error = entered.lastError(delivery);
      this.events.settle(delivery, { kind: 'suspect', error, delayMs: 0, isCounted: false });
      return true;
    }
    if (!attempt.deliveries.some((each) => entered.mustBeSingle(each))) return false;
    for (const each of attempt.deliveries) {
      inHand.leave(each);
      if (entered.mustBeSingle(each)) inHand.requeueSingle(each);
      else inHand.requeue(each);
    }
    return true;
  }

  /**
   * The events that did not fail are settled first, because they end a pause that a failed one may begin. The
   * later events of the aggregate of a failed one come last: they wait behind its row.
   */
  private settlePartly({ deliveries }: Attempt, { failed }: PartlyFailed): void {
    const { events, inHand } = this;
    const behind = behindFailed(deliveries, failed);
    for (const each of deliveries) {
      if (!failed.has(each) && !behind.has(each)) events.settle(each, PROCESSED);
    }
    for (const [each, outcome] of failed) if (!behind.has(each)) this.settleFailed(each, outcome);
    for (const each of behind) {
      if (each.isSettled) events.settle(each, { kind: 'elsewhere', settled: true });
      else inHand.putBack(each);
    }
    this.noteUnreachable([...failed].filter(([each]) => !behind.has(each)));
  }

  /** Settles an event that its handler said has failed. If the database was the cause, it runs singly. */
  private settleFailed(delivery: Delivery, outcome: Outcome): void {
    if (outcome.kind !== 'infrastructure' || delivery.isSettled) {
      this.events.settle(delivery, outcome);
      return;
    }
    this.gate.failedOutside(outcome.error);
    this.inHand.requeueSingle(delivery);
  }

  /** One call of a handler is one try, however many events it could not deliver. The longest pause counts. */
  private noteUnreachable(failed: readonly (readonly [Delivery, Outcome])[]): void {
    const unreachable = failed.flatMap(([delivery, outcome]) =>
      outcome.kind === 'unavailable' ? [{ ...outcome, delivery }] : [],
    );
    const [first] = unreachable;
    if (first === undefined) return;
    const pauses = unreachable.flatMap(({ pauseMs }) => pauseMs ?? []);
    this.gate.unreachable(first.delivery, first.error, pauses.length > 0 ? Math.max(...pauses) : undefined);
  }

  private isToBeDivided(attempt: Attempt, outcome: Outcome): boolean {
    return (
      outcome.kind === 'infrastructure' &&
      !this.entered.isEmpty &&
      attempt.deliveries.some((each) => this.entered.mustBeSingle(each))
    );
  }
}

function noteDuration({ deliveries, beganAt }: Attempt): void {
  if (beganAt === undefined) return;
  const ms = performance.now() - beganAt;
  for (const delivery of deliveries) delivery.ranMs = ms;
}

/**
 * The events of a batch that come after a failed one of their aggregate. One that was skipped holds nobody
 * up. An unordered consumer has one queue for each event.
 */
function behindFailed(
  deliveries: readonly Delivery[],
  failed: ReadonlyMap<Delivery, Outcome>,
): Set<Delivery> {
  const behind = new Set<Delivery>();
  const held = new Set<Delivery['queue']>();
  for (const each of deliveries) {
    if (held.has(each.queue)) behind.add(each);
    else if ((failed.get(each)?.kind ?? 'skipped') !== 'skipped') held.add(each.queue);
  }
  return behind;
}

const OF_ONE_EVENT: ReadonlySet<Outcome['kind']> = new Set(['retry', 'dead', 'skipped', 'postponed']);

/** Whether the outcome is about one event. That of a batch does not say about which. */
function isOfOneEvent(outcome: Outcome): boolean {
  return OF_ONE_EVENT.has(outcome.kind);
}
