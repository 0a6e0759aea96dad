import { type AggregateKey, nameOfAggregate } from '../../events/aggregate-key.js';
import type { AggregateQueue, Blocked } from './aggregate-queue.js';
import type { Delivery } from './delivery.js';

type EventQueue = AggregateQueue<Delivery>;

/**
 * Collects what the blocked queues give to the next save, and takes what they learn from it. They give it the
 * events that must be written as waiting, and the aggregates whose lowest row must get its turn.
 *
 * An event is early if it is parked although a later event of its aggregate has a row. This happens if its
 * writer committed late, or if the process that wrote the row ended before this event was settled. No other
 * event releases an early event at its end. So the early event is written first, and a release follows.
 */
export class BlockedQueues {
  private readonly withParked = new Set<EventQueue>();
  private readonly toRelease = new Set<EventQueue>();
  private readonly withUnsavedRow = new Set<EventQueue>();
  /**
   * The queues with an early event that is parked. `earlySaving` holds the aggregates of the early events
   * that a save is writing.
   */
  private readonly early = new Set<EventQueue>();
  private readonly earlySaving = new Set<string>();
  /** The number of releases in the save that is under way. */
  private releasing = 0;

  /** Whether a save has something to write or to release here. */
  get hasUnsaved(): boolean {
    return this.withParked.size > 0 || this.toRelease.size > 0 || this.releasing > 0;
  }

  /** Whether an event waits to be written although a later one of its aggregate has a row. */
  get hasEarly(): boolean {
    return this.early.size > 0 || this.earlySaving.size > 0;
  }

  /** Blocks the queue. Its events from the log do not run any more, but are written down as waiting. */
  block(queue: EventQueue, highestRow: number): void {
    const { hold, fromLog } = queue.block(highestRow);
    if (hold.parked.some(({ position }) => position < highestRow)) this.markEarly(queue, hold);
    for (const delivery of fromLog) this.park(queue, hold, delivery);
  }

  park(queue: EventQueue, hold: Blocked<Delivery>, delivery: Delivery): void {
    if (delivery.position < hold.highestRow) this.markEarly(queue, hold);
    hold.highestRow = Math.max(hold.highestRow, delivery.position);
    hold.parked.push(delivery);
    this.withParked.add(queue);
  }

  /**
   * Called when an event of the queue was resolved, or when somebody else may have resolved one. The next
   * save then asks the inbox.
   */
  wantRelease(queue: EventQueue): void {
    if (queue.hold.kind === 'blocked') this.want(queue, queue.hold);
  }

  /** Called when the next save will write a row of this queue. */
  rowToCome(queue: EventQueue): void {
    if (queue.hold.kind === 'blocked') this.releaseLater(queue, queue.hold);
  }

  /** Takes the parked events that the save in preparation must write as waiting. */
  takeParked(): Delivery[] {
    const taken: Delivery[] = [];
    for (const queue of this.withParked) {
      const { hold } = queue;
      if (hold.kind === 'open') continue;
      const isEarly = this.early.has(queue);
      // A release does not see a row that the same statement writes.
      const isReleased = hold.release === 'saving' || hold.release === 'outdated';
      if (isReleased || (hold.release === 'wanted' && !isEarly)) continue;
      for (const delivery of hold.parked) taken.push(delivery);
      hold.parked = [];
      this.withParked.delete(queue);
      if (!isEarly) continue;
      this.early.delete(queue);
      this.earlySaving.add(queue.name);
      this.releaseLater(queue, hold);
    }
    return taken;
  }

  /** Takes the aggregates that the save in preparation must release. */
  takeReleases(): AggregateKey[] {
    const taken: AggregateKey[] = [];
    for (const queue of this.toRelease) {
      const { hold } = queue;
      if (hold.kind === 'open' || hold.isRowUnsaved || queue.isAheadOfRows) continue;
      this.toRelease.delete(queue);
      hold.release = 'saving';
      taken.push(queue);
    }
    for (const { hold } of this.withUnsavedRow) if (hold.kind === 'blocked') hold.isRowUnsaved = false;
    this.withUnsavedRow.clear();
    this.releasing += taken.length;
    return taken;
  }

  /**
   * Called when a save is committed that wrote rows of the aggregates in `written` and released the
   * aggregates in `released`.
   */
  saved(written: readonly AggregateKey[], released: readonly AggregateKey[]): void {
    this.releasing -= released.length;
    if (this.earlySaving.size === 0) return;
    for (const aggregate of written) this.earlySaving.delete(nameOfAggregate(aggregate));
  }

  /**
   * Called when the save that released the queue is committed. Returns false if this release does not count,
   * because another release is wanted by now and decides.
   */
  released(queue: EventQueue, isStillBlocked: boolean): boolean {
    const { hold } = queue;
    if (hold.kind === 'open' || hold.release === 'none' || hold.release === 'wanted') return false;
    const mayOpen = hold.release === 'saving' && !isStillBlocked;
    hold.release = 'none';
    if (!mayOpen) return true;
    queue.open(hold);
    this.withParked.delete(queue);
    this.early.delete(queue);
    return true;
  }

  private markEarly(queue: EventQueue, hold: Blocked<Delivery>): void {
    this.early.add(queue);
    this.want(queue, hold);
  }

  private want(queue: EventQueue, hold: Blocked<Delivery>): void {
    hold.release = 'wanted';
    this.toRelease.add(queue);
  }

  private releaseLater(queue: EventQueue, hold: Blocked<Delivery>): void {
    hold.isRowUnsaved = true;
    this.withUnsavedRow.add(queue);
  }
}
