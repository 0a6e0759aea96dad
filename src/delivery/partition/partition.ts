import type { AggregateKey } from '../../events/aggregate-key.js';
import type { FlushSource, SaveReport } from '../../inbox/flush-writer.js';
import type { ReplayedRanges } from '../../inbox/inbox-cursor.store.js';
import type { ClaimedRow } from '../../inbox/inbox-event.store.js';
import { type Flush, Unflushed } from '../../inbox/unflushed.js';
import type { LogEvent } from '../../log/log-event.js';
import type { LogRows } from '../../log/outbox-log.store.js';
import type { PositionSet } from '../../log/position-set.js';
import type { Consumer } from '../../subscribers/consumer.js';
import { Arrivals } from './arrivals.js';
import type { Attempt } from './attempt.js';
import { AttemptSettler } from './attempt-settler.js';
import { type Delivery, type EndOfAttempt, reachOf } from './delivery.js';
import type { EnteredEventsOf } from './entered-events.js';
import { exceptionOf, WAITING } from './outcome-rows.js';
import { OutcomeSettler } from './outcome-settler.js';
import type { PartitionListener, PartitionParts } from './partition-ports.js';
import { StartGate } from './start-gate.js';
import { UnsavedOutcomes } from './unsaved-outcomes.js';
import { WorkInHand } from './work-in-hand.js';
import { Workload } from './workload.js';

/**
 * The work of one leased cursor, in memory and without I/O. An event goes through these calls:
 *
 *   - `pageRead`, `rowsClaimed`: the event enters the queue of its aggregate.
 *   - `next`: the event leaves the queue, as part of an attempt that must run.
 *   - `ended`: the attempt has an outcome, which waits to be written.
 *   - `collectFlush`: a save takes the outcome.
 *   - `flushed`: the save is committed, and the queues follow the state of the inbox.
 *
 * The partition owns the queues, the claimed rows, the running attempts and the outcomes that are not saved.
 * It is valid only with the token under which its events were read, and it is thrown away with the lease.
 */
export class Partition implements FlushSource {
  /** How many attempts have ended. */
  attemptsEnded = 0;
  /** The work that it has in hand. */
  readonly workload: Workload;

  private readonly inHand: WorkInHand;
  private readonly unflushed = new Unflushed();
  private readonly gate: StartGate;
  private readonly entered: EnteredEventsOf;
  private readonly events: OutcomeSettler;
  private readonly attempts: AttemptSettler;
  private readonly arrivals: Arrivals;
  /** `closed`: no attempt starts any more. `abandoned`: the outcomes of running attempts do not count. */
  private state: 'open' | 'closed' | 'abandoned' = 'open';

  constructor(
    private readonly consumer: Consumer,
    private readonly parts: PartitionParts,
    private readonly listener: PartitionListener,
  ) {
    const { unflushed } = this;
    const { name: consumerName } = consumer;
    const { retries, settings } = parts;
    const inHand = new WorkInHand(consumer.ordered);
    const gate = new StartGate(consumer, inHand, listener);
    const entered = parts.entered.of(consumerName);
    const outcomes = new UnsavedOutcomes(consumerName, parts.outcomes, unflushed, retries);
    this.events = new OutcomeSettler(
      {
        consumerName,
        inHand,
        unflushed,
        outcomes,
        entered,
        retries,
        gate,
        buriesDead: () => settings.snapshot().deadLetterEnabled,
        work: parts.work.of(consumerName),
        process: parts.process,
      },
      listener,
    );
    this.attempts = new AttemptSettler(inHand, gate, entered, this.events, parts.outcomes);
    this.arrivals = new Arrivals(consumer, inHand, unflushed, retries, this.events, parts.cursor);
    this.workload = new Workload(consumer, inHand, unflushed, this.events);
    this.inHand = inHand;
    this.gate = gate;
    this.entered = entered;
  }

  get isClosed(): boolean {
    return this.state !== 'open';
  }

  /** How many due rows can run at once if they are claimed now. */
  get freeForRetries(): number {
    return this.isClosed ? 0 : this.workload.freeForRows;
  }

  // Entering

  /**
   * Takes a page of the log. Former owners may have begun the events below `begunBelow`. A closed partition
   * takes nothing, because the positions that it passes over may be for the next owner.
   */
  pageRead(rows: LogRows, begunBelow: number, areSuspects = false): void {
    if (this.isClosed) return;
    this.arrivals.page(rows, begunBelow, areSuspects);
    this.listener.mayStart();
    if (!this.unflushed.isEmpty || this.inHand.queues.hasUnsaved) this.listener.flushWanted();
  }

  /** Called when a replay has put positions back. These are all replays. */
  replaysAre(replays: readonly ReplayedRanges[]): void {
    this.arrivals.replaysAre(replays);
  }

  /** Called when it is certain that no event will come at these positions. */
  positionsSwept(positions: PositionSet): void {
    this.unflushed.settleAll(positions);
  }

  /**
   * Takes the rows that the retry loop has claimed. A closed partition takes them too, and gives them back
   * later.
   */
  rowsClaimed(
    rows: readonly ClaimedRow[],
    events: ReadonlyMap<number, LogEvent>,
    areSuspects: boolean,
  ): void {
    for (const row of rows) {
      if (!this.arrivals.claimed(row, events.get(row.position), areSuspects)) this.listener.flushWanted();
    }
    this.listener.mayStart();
  }

  /**
   * Takes a suspect that was moved to the inbox, with its attempt counted. It runs while no other handler
   * does. Resolves when its outcome is saved. If the next suspect ended the process before that, the end
   * would be counted against this one.
   */
  async suspectMoved(log: LogEvent, inboxEventId: string): Promise<void> {
    if (!this.arrivals.suspect(log, inboxEventId)) this.listener.flushWanted();
    this.listener.mayStart();
    const { claims } = this.inHand;
    while (!this.isClosed && claims.has(inboxEventId)) await claims.nextEnd();
  }

  /**
   * Resolves when nothing that is here runs or could run now, and all outcomes are saved. The outcome of an
   * attempt ends each wait, and so does a save.
   */
  async untilSettled(): Promise<void> {
    const { claims, running, queues } = this.inHand;
    while (!this.isClosed && (running.size > 0 || queues.hasReady || !this.unflushed.isEmpty))
      await claims.nextEnd();
  }

  /**
   * Called when the inbox has unresolved rows of these aggregates. `highest` is the position of the last one,
   * if it is known.
   */
  unresolvedFound(aggregates: Iterable<AggregateKey & { readonly highest?: number }>): void {
    this.inHand.queues.block(aggregates);
  }

  /**
   * Called when somebody else may have resolved rows. The next flush asks for every aggregate that waits for
   * a row.
   */
  recheckUnresolved(): void {
    this.inHand.queues.recheckBlocked();
  }

  /**
   * Called when the inbox has a row of this event already. The row decides, and the next flush asks for it.
   */
  foundInInbox(log: LogEvent): void {
    this.inHand.queues.block([log]);
    this.inHand.queues.recheck(log);
    this.listener.flushWanted();
  }

  /** Called when somebody else has settled these events. */
  settledElsewhere(isOne: (delivery: Delivery) => boolean): void {
    this.inHand.settledElsewhere(isOne);
    this.listener.mayStart();
  }

  // Running

  /** Whether `next` has something to run now, as far as this partition is concerned. */
  get canStart(): boolean {
    return this.state === 'open' && this.gate.isOpen;
  }

  /** When `canStart` may change by the passing of time (monotonic milliseconds). */
  get startsAt(): number | undefined {
    return this.gate.opensAt;
  }

  /**
   * Returns the next attempt, which counts as running from now on. Undefined if the next event does not run,
   * because somebody else has settled it or because it is a suspect.
   */
  next(): Attempt | undefined {
    const attempt = this.takeUp();
    if (attempt === undefined) return undefined;
    const { delivery } = attempt;
    if (!this.entered.isEmpty) {
      if (this.attempts.divert(attempt)) {
        this.listener.flushWanted();
        return undefined;
      }
      attempt.asksHost = !delivery.subscription.transactional && this.entered.isSuspect(delivery);
    }
    this.inHand.begin(attempt);
    if (delivery.isSettled) {
      this.ended(attempt, { kind: 'elsewhere', settled: true });
      return undefined;
    }
    this.gate.began(attempt);
    attempt.beganAt = performance.now();
    return attempt;
  }

  /** Called when only the COMMIT of one attempt is left, so that another handler may run in its place. */
  committing(): void {
    this.inHand.running.commits();
    this.listener.mayStart();
  }

  /** Takes the outcome of an attempt. */
  ended(attempt: Attempt, outcome: EndOfAttempt): void {
    this.attemptsEnded++;
    const { running, claims } = this.inHand;
    const judged = this.entered.judge(attempt, outcome);
    running.finish(attempt);
    this.gate.ended(attempt, reachOf(outcome));
    if (this.state !== 'abandoned') this.attempts.settle(attempt, judged);
    running.tellIfEnded();
    claims.tellWaiters();
    this.listener.mayStart();
    if (this.state !== 'abandoned') this.listener.flushWanted(attempt.runsExclusively);
  }

  /** Starts to watch the deadlines of the running attempts. */
  watchDeadlines(): void {
    this.inHand.running.watchDeadlines();
  }

  /** Resolves when nothing runs any more. */
  get allEnded(): Promise<void> {
    return this.inHand.running.allEnded;
  }

  // Flushing

  /** Takes what must be written, or undefined if there is nothing. */
  collectFlush(): Flush | undefined {
    return this.unflushed.collect(
      () => this.inHand.takeParked().map((delivery) => exceptionOf(delivery.log, WAITING, 0)),
      () => this.inHand.queues.takeReleases(),
    );
  }

  /** Called when the collected outcomes are committed. */
  flushed(report: SaveReport): void {
    // The waiters continue after this turn. By then the rows are also saved here.
    this.inHand.claims.tellWaiters();
    this.events.saved(report);
    this.listener.mayStart();
    if (this.inHand.queues.hasUnsaved) this.listener.flushWanted();
  }

  /**
   * Called when the window is full and nothing in it can run. Writes the queue of one aggregate down as
   * waiting.
   */
  makeRoom(): void {
    if (!this.workload.lacksEvents) return;
    this.inHand.queues.spillLongest();
    this.listener.flushWanted();
  }

  // Ending

  /** Closes the partition. It starts no attempt any more. */
  close(): void {
    if (this.state === 'open') this.state = 'closed';
    this.inHand.claims.tellWaiters();
    this.gate.close();
  }

  /** Takes back the counted attempt of each claimed row that never ran. These rows are due again. */
  releaseClaims(): void {
    this.events.releaseClaims();
  }

  /** Tells everything that still runs to stop, and ignores its outcome from now on. */
  abandon(reason: Error): void {
    this.state = 'abandoned';
    this.inHand.running.abandon(reason);
  }

  private takeUp(): Attempt | undefined {
    const { batch } = this.consumer;
    if (batch === undefined) {
      const one = this.inHand.queues.take();
      return one && this.parts.attemptFor(one, undefined);
    }
    this.gate.batchTaken();
    const [first, ...others] = this.inHand.queues.takeBatch(batch.maxSize);
    return first && this.parts.attemptFor(first, others);
  }
}
