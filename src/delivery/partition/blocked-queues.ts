import { type AggregateKey, nameOfAggregate } from '../../events/aggregate-key.js';
import type { AggregateQueue, Blocked } from './aggregate-queue.js';
import type { Delivery } from './delivery.js';

type EventQueue = AggregateQueue<Delivery>;

/**
 * What the blocked queues hand to the next save, and what they learn from it: events to be written as
 * waiting, and aggregates whose lowest row is to get its turn.
 *
 * An event is early if it is parked although a later event of its aggregate has a row. Its writer committed
 * late, or the process that wrote the row ended before this event was settled. No event's end would release
 * an early one, so it is written first and a release follows.
 */
export class BlockedQueues {
  private readonly withParked = new Set<EventQueue>();
  private readonly toRelease = new Set<EventQueue>();
  private readonly withUnsavedRow = new Set<EventQueue>();
  /** The queues with an early event that is parked, and the aggregates of which one is being written. */
  private readonly early = new Set<EventQueue>();
  private readonly earlySaving = new Set<string>();
  /** How many releases a save has under way. */
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

  /** An event of the queue was resolved, or somebody else may have resolved one: the next save asks. */
  wantRelease(queue: EventQueue): void {
    if (queue.hold.kind === 'blocked') this.want(queue, queue.hold);
  }

  /** The next save writes a row of this queue. */
  rowToCome(queue: EventQueue): void {
    if (queue.hold.kind === 'blocked') this.releaseLater(queue, queue.hold);
  }

  /** Parked events, to be written as waiting by the save that is being put together. */
  takeParked(): Delivery[] {
    const taken: Delivery[] = [];
    for (const queue of this.withParked) {
      const { hold } = queue;
      if (hold.kind === 'open') continue;
      const isEarly = this.early.has(queue);
      // A row that is written and released in one statement would not be seen by its release.
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

  /** The aggregates to release with the save that is being put together. */
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

  /** A save that wrote rows of these aggregates, and released those, is committed. */
  saved(written: readonly AggregateKey[], released: readonly AggregateKey[]): void {
    this.releasing -= released.length;
    if (this.earlySaving.size === 0) return;
    for (const aggregate of written) this.earlySaving.delete(nameOfAggregate(aggregate));
  }

  /**
   * The save that released the queue is committed. Returns whether the release still counts: if another one
   * is wanted by now, that one decides.
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
