/*
 * Order per aggregate. Whether an event of an ordered consumer runs, waits or is released is decided here and
 * nowhere else; there is one queue for each aggregate that has anything running, waiting or unresolved.
 *
 *   entries  next to run, one after another
 *   blocked  the inbox has an unresolved row of the aggregate, or an unsaved outcome will write one
 *   parked   came from the log while the queue was blocked: written down as waiting with the next save
 *   release  an event of a blocked queue was resolved: the next save gives the lowest waiting row its turn,
 *            and tells whether any unresolved row is left; until then nothing of this queue is parked into a
 *            save, because a row that is written and released in one statement would not be seen by its
 *            release
 *   early    parked although a later one has a row: its writer committed late, or the process that wrote the
 *            row ended before this one was settled. Nobody's end would release it, so it is written first and
 *            a release follows
 *
 * Invariants: while a queue is blocked its entries hold no event that came from the log, but for one that has
 * to run again. While an event from the log runs or has to run again, no row of its aggregate is released:
 * were it to fail, the row's event would have overtaken it.
 */
import { type AggregateKey, hashOfName, nameOfAggregate } from '../../events/aggregate-key.js';
import { AggregateQueue, cameFromLog } from './aggregate-queue.js';
import type { Delivery } from './delivery.js';
import { QueueTable } from './queue-table.js';
import { ReadyQueue } from './ready-queue.js';

type EventQueue = AggregateQueue<Delivery>;

export class AggregateQueues {
  private readonly queues = new QueueTable<EventQueue>();
  private readonly ready = new ReadyQueue<EventQueue>();
  private readonly withParked = new Set<EventQueue>();
  private readonly toRelease = new Set<EventQueue>();
  private readonly writing = new Set<EventQueue>();
  /** Queues with an early event that is parked, and aggregates of which one is being written. */
  private readonly early = new Set<EventQueue>();
  private readonly earlySaving = new Set<string>();
  /** Releases that a save has under way. */
  private releasing = 0;

  /** An unordered consumer has a queue for every event: nothing ever waits for another. */
  constructor(private readonly ordered: boolean) {}

  get hasReady(): boolean {
    return !this.ready.isEmpty;
  }

  /** Whether a save has something to write or to release here. */
  get hasUnsaved(): boolean {
    return this.withParked.size > 0 || this.toRelease.size > 0 || this.releasing > 0;
  }

  /** Events that are here and do not run. */
  *waiting(): Generator<Delivery> {
    for (const queue of this.queues.values()) {
      yield* queue.entries;
      if (queue.parked !== undefined) yield* queue.parked;
    }
  }

  /** Aggregates in memory at this moment. */
  get size(): number {
    return this.queues.size;
  }

  /** Whether an event waits for being written although a later one of its aggregate has a row. */
  get hasEarly(): boolean {
    return this.early.size > 0 || this.earlySaving.size > 0;
  }

  /** The inbox has unresolved rows of these aggregates, up to this position where it is known. */
  block(aggregates: Iterable<AggregateKey & { readonly highest?: number }>): void {
    if (!this.ordered) return;
    for (const aggregate of aggregates) {
      const name = nameOfAggregate(aggregate);
      const queue = this.queues.obtain(name, hashOfName(name), newQueue, aggregate);
      this.blockQueue(queue, aggregate.highest ?? Number.POSITIVE_INFINITY);
    }
  }

  /**
   * Whether another event of this aggregate runs, waits or is unresolved, so that a later one has to take its
   * turn here.
   */
  isTaken(aggregate: AggregateKey): boolean {
    return this.ordered && this.queues.find(nameOfAggregate(aggregate)) !== undefined;
  }

  /** Somebody else may have resolved rows: every blocked queue asks the inbox again with the next save. */
  recheckBlocked(): void {
    for (const queue of this.queues.values()) if (queue.blocked) this.wantRelease(queue);
  }

  /** An event of the log. False if it has to wait behind an unresolved earlier one. */
  arrive(delivery: Delivery): boolean {
    const queue = this.enter(delivery);
    if (queue.blocked) {
      this.park(queue, delivery);
      return false;
    }
    this.enqueue(queue, delivery);
    return true;
  }

  /** An event that the retry loop has claimed. */
  arriveClaimed(delivery: Delivery): void {
    const queue = this.enter(delivery);
    queue.insert(delivery);
    if (queue.running === 0) this.ready.push(queue, delivery.subscription.priority);
  }

  /** The next event to run; its queue runs nothing else until it is finished. */
  take(): Delivery | undefined {
    for (let queue = this.ready.take(); queue !== undefined; queue = this.ready.take()) {
      const next = queue.running > 0 ? undefined : queue.entries[0];
      if (next === undefined) continue;
      queue.begin(next);
      return next;
    }
    return undefined;
  }

  /**
   * Up to `most` events of one subscription to run together, those of one aggregate one after another in the
   * log's order. Retries, and events of a batch that failed, come by themselves.
   */
  takeBatch(most: number): Delivery[] {
    const batch: Delivery[] = [];
    const passedOver: EventQueue[] = [];
    while (batch.length < most) {
      const queue = this.ready.take();
      if (queue === undefined) break;
      const next = queue.entries[0];
      if (queue.running > 0 || next === undefined) continue;
      if (batch.length > 0 && !belongsTo(next, batch)) passedOver.push(queue);
      else this.takeFrom(queue, batch, most);
      if (batch[0] !== undefined && runsAlone(batch[0])) break;
    }
    for (const queue of passedOver) this.makeReady(queue);
    return batch;
  }

  /**
   * The event is resolved: processed, skipped, dead, failed for good, or delayed. One claimed to follow it
   * has its turn already.
   */
  resolved(delivery: Delivery): void {
    const queue = this.finish(delivery);
    if (queue.blocked && !queue.entries.some(followsAnother)) this.wantRelease(queue);
    this.advance(queue);
  }

  /**
   * The event has a retry to come: later ones of its aggregate wait. Returns those that were claimed to
   * follow it.
   */
  failed(delivery: Delivery): Delivery[] {
    const queue = this.finish(delivery);
    const followers = queue.entries.filter(followsAnother);
    if (this.ordered) {
      this.blockQueue(queue, delivery.position);
      queue.entries = queue.entries.filter((other) => !followsAnother(other));
      this.releaseLater(queue);
    }
    this.advance(queue);
    return followers;
  }

  /** The inbox has a row of this event already: it decides whether the queue is blocked. */
  foundElsewhere(delivery: Delivery): void {
    const queue = this.finish(delivery);
    if (this.ordered) {
      this.blockQueue(queue, delivery.position);
      this.wantRelease(queue);
    }
    this.advance(queue);
  }

  /** The event has to run once more, with nothing counted. */
  requeue(delivery: Delivery): void {
    const queue = this.finish(delivery);
    queue.insert(delivery);
    this.advance(queue);
  }

  /** Parked events, to be written as waiting with the save that is being put together. */
  takeParked(): Delivery[] {
    const taken: Delivery[] = [];
    for (const queue of this.withParked) {
      const isEarly = this.early.has(queue);
      if (queue.release === 'saving' || (queue.release === 'wanted' && !isEarly)) continue;
      for (const delivery of queue.parked ?? []) taken.push(delivery);
      queue.parked = undefined;
      this.withParked.delete(queue);
      if (!isEarly) continue;
      this.early.delete(queue);
      this.earlySaving.add(queue.name);
      this.releaseLater(queue);
    }
    return taken;
  }

  /** Aggregates to release with the save that is being put together. */
  takeReleases(): AggregateKey[] {
    const taken: AggregateKey[] = [];
    for (const queue of this.toRelease) {
      if (queue.rowUnsaved || queue.isAheadOfRows) continue;
      this.toRelease.delete(queue);
      queue.release = 'saving';
      queue.blocksAtRelease = queue.blocks;
      taken.push(queue);
    }
    for (const queue of this.writing) queue.rowUnsaved = false;
    this.writing.clear();
    this.releasing += taken.length;
    return taken;
  }

  /** Rows of these aggregates are committed. */
  written(aggregates: readonly AggregateKey[]): void {
    if (this.earlySaving.size === 0) return;
    for (const aggregate of aggregates) this.earlySaving.delete(nameOfAggregate(aggregate));
  }

  /** The save is committed: `stillBlocked` of the released aggregates have an unresolved row left. */
  released(released: readonly AggregateKey[], stillBlocked: readonly AggregateKey[]): void {
    const blocked = new Set(stillBlocked.map(nameOfAggregate));
    this.releasing -= released.length;
    for (const aggregate of released) {
      const queue = this.queues.find(nameOfAggregate(aggregate));
      if (queue === undefined || queue.release !== 'saving') continue;
      queue.release = 'none';
      if (!blocked.has(queue.name) && queue.blocks === queue.blocksAtRelease) this.unblock(queue);
      this.advance(queue);
    }
  }

  /** The save found a row of this aggregate in another state than we believed: the inbox decides. */
  recheck(aggregate: AggregateKey): void {
    const queue = this.queues.find(nameOfAggregate(aggregate));
    if (queue?.blocked === true) this.wantRelease(queue);
  }

  /**
   * The longest queue behind a running event is written down as waiting, so that one aggregate with many
   * events does not fill the window in which the others could run. They are released when the running one is
   * resolved.
   */
  spillLongest(): void {
    let longest: EventQueue | undefined;
    for (const queue of this.queues.values()) {
      if (queue.running > 0 && queue.entries.length > (longest?.entries.length ?? 0)) longest = queue;
    }
    if (longest !== undefined) this.blockQueue(longest, 0);
  }

  private enqueue(queue: EventQueue, delivery: Delivery): void {
    if (queue.entries.length > 0) {
      queue.entries.push(delivery);
      return;
    }
    // Most queues never hold more than one: a literal has room for just that, a push would make room for
    // seventeen.
    queue.entries = [delivery];
    this.makeReady(queue);
  }

  private takeFrom(queue: EventQueue, batch: Delivery[], most: number): void {
    while (batch.length < most) {
      const next = queue.entries[0];
      if (next === undefined || (batch.length > 0 && !belongsTo(next, batch))) return;
      queue.begin(next);
      batch.push(next);
      if (runsAlone(next)) return;
    }
  }

  private makeReady(queue: EventQueue): void {
    const next = queue.entries[0];
    if (next !== undefined && queue.running === 0) this.ready.push(queue, next.subscription.priority);
  }

  private finish(delivery: Delivery): EventQueue {
    // It has entered one, and a queue with anything running stays.
    const queue = delivery.queue as EventQueue;
    queue.end(delivery);
    return queue;
  }

  private advance(queue: EventQueue): void {
    this.makeReady(queue);
    if (queue.isIdle) this.queues.remove(queue);
  }

  private blockQueue(queue: EventQueue, highestRow: number): void {
    queue.blocked = true;
    queue.blocks++;
    queue.highestRow = Math.max(queue.highestRow, highestRow);
    if (queue.parked?.some(({ position }) => position < highestRow)) this.markEarly(queue);
    const fromLog = queue.entries.filter(cameFromLog);
    if (fromLog.length === 0) return;
    queue.entries = queue.entries.filter((delivery) => !cameFromLog(delivery));
    for (const delivery of fromLog) this.park(queue, delivery);
  }

  private park(queue: EventQueue, delivery: Delivery): void {
    if (delivery.position < queue.highestRow) this.markEarly(queue);
    queue.highestRow = Math.max(queue.highestRow, delivery.position);
    queue.parked ??= [];
    queue.parked.push(delivery);
    this.withParked.add(queue);
  }

  private markEarly(queue: EventQueue): void {
    this.early.add(queue);
    this.wantRelease(queue);
  }

  private unblock(queue: EventQueue): void {
    queue.blocked = false;
    queue.highestRow = 0;
    for (const delivery of queue.parked ?? []) queue.insert(delivery);
    queue.parked = undefined;
    this.withParked.delete(queue);
    this.early.delete(queue);
  }

  private releaseLater(queue: EventQueue): void {
    queue.rowUnsaved = true;
    this.writing.add(queue);
  }

  private wantRelease(queue: EventQueue): void {
    queue.release = 'wanted';
    this.toRelease.add(queue);
  }

  private enter(delivery: Delivery): EventQueue {
    const { log } = delivery;
    const name = this.ordered ? log.aggregateName : String(log.position);
    const hash = this.ordered ? log.aggregateHash : hashOfName(name);
    const queue = this.queues.obtain(name, hash, newQueue, log);
    delivery.queue = queue;
    return queue;
  }
}

/** One function for all queues: there is one for nearly every event. */
function newQueue(name: string, { aggregateType, aggregateId }: AggregateKey): EventQueue {
  return new AggregateQueue(name, aggregateType, aggregateId);
}

function runsAlone(delivery: Delivery): boolean {
  return delivery.alone || delivery.claim !== undefined;
}

function followsAnother(delivery: Delivery): boolean {
  return delivery.claim?.follows === true;
}

function belongsTo(delivery: Delivery, batch: readonly Delivery[]): boolean {
  return !runsAlone(delivery) && delivery.subscription === batch[0]?.subscription;
}
