import type { Unflushed } from '../../inbox/unflushed.js';
import type { LogEvent } from '../../log/log-event.js';
import type { PositionSet } from '../../log/position-set.js';
import type { Consumer } from '../../subscribers/consumer.js';
import type { Attempt } from './attempt.js';
import type { OutcomeSettler } from './outcome-settler.js';
import type { WorkInHand } from './work-in-hand.js';

/** Shows what a partition has in hand. Its readers decide what to read, to claim and to write next. */
export class Workload {
  constructor(
    private readonly consumer: Consumer,
    private readonly inHand: WorkInHand,
    private readonly unflushed: Unflushed,
    private readonly settler: OutcomeSettler,
  ) {}

  /** The number of events that were read from the log and do not run yet. */
  get waitingEvents(): number {
    return this.inHand.waitingEvents;
  }

  /** The bytes of the payloads of these events. */
  get waitingBytes(): number {
    return this.inHand.waitingBytes;
  }

  /** How many outcomes wait for a flush. */
  get outcomes(): number {
    return this.unflushed.size;
  }

  /** How much waits for a flush: the number of outcomes, and of ranges of positions that were passed over. */
  get unflushedLoad(): number {
    return this.unflushed.load;
  }

  /** Whether nothing waits for a flush. */
  get isFlushed(): boolean {
    return this.unflushed.isEmpty;
  }

  /** Whether nothing runs, waits or is claimed, and no queue has anything to write. */
  get isIdle(): boolean {
    return this.inHand.isIdle;
  }

  /** The attempts that have run for longer than this many milliseconds, and for how many each. */
  runningLongerThan(ms: number): { readonly attempt: Attempt; readonly ms: number }[] {
    return this.inHand.running.longerThan(ms);
  }

  /**
   * Whether more handlers could run, but every event that is here waits behind another one of its aggregate.
   */
  get lacksEvents(): boolean {
    return !this.inHand.queues.hasReady && this.freePlaces > 0;
  }

  /**
   * How many claimed rows have no outcome: those that could run at once, and those that follow one of them.
   */
  get claimsInHand(): { readonly leading: number; readonly following: number } {
    return this.inHand.claims;
  }

  /** How many due rows could run in addition to those that are claimed already. */
  get freeForRows(): number {
    return Math.max(0, this.consumer.concurrency - this.inHand.claims.leading);
  }

  /** Whether rows of suspects wait for a save. */
  get hasUnsavedSuspects(): boolean {
    return this.settler.hasUnsavedSuspects;
  }

  /** Whether an event waits to be written although a later one of its aggregate has a row. */
  get hasEarlyEvents(): boolean {
    return this.inHand.queues.hasEarly;
  }

  /**
   * The ids of the inbox rows that are `processing` because of this partition. They are claimed, or ended and
   * not saved yet.
   */
  get rowsOfOurs(): string[] {
    return this.inHand.claims.ids;
  }

  /** The number of these rows. */
  get unsettledClaims(): number {
    return this.inHand.claims.unsettled;
  }

  /** The ids of the claimed rows without an outcome. */
  get openClaims(): string[] {
    return this.inHand.claims.openIds;
  }

  /** The positions of the events from the log that have no outcome yet. */
  get positions(): PositionSet {
    return this.inHand.positions;
  }

  /** Whether an event of the log at one of these positions runs or will run here. */
  holdsAny(positions: PositionSet): boolean {
    return this.inHand.holdsAny(positions);
  }

  /** Whether another event of the same aggregate is here or unresolved. */
  isBehindAnother(log: LogEvent): boolean {
    return this.inHand.queues.isTaken(log);
  }

  private get freePlaces(): number {
    return this.consumer.concurrency - this.inHand.running.inHandlers;
  }
}
