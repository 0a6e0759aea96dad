/*
 * This file keeps the order per aggregate. Only this file decides whether an event of an ordered consumer
 * runs, waits or is released. There is one queue for each aggregate that has an event which runs, waits or is
 * unresolved. A queue is open or blocked (`Hold` in aggregate-queue.ts):
 *
 *   - Open: the entries run one after another, in the order of the log.
 *   - Blocked: the inbox has an unresolved row of the aggregate, or an unsaved outcome will write one. An
 *     event that comes from the log is parked, and the next save writes it down as waiting. When an event of
 *     the queue is resolved, a save releases the lowest waiting row, and tells whether the queue may open.
 *
 * There are two invariants. While a queue is blocked, its entries hold no event that came from the log,
 * except an event that has to run again. While an event from the log runs or has to run again, no row of its
 * aggregate is released. If a row were released and that event failed, the event of the row would have
 * overtaken it.
 */
import { type AggregateKey, hashOfName, nameOfAggregate } from '../../events/aggregate-key.js';
import { AggregateQueue } from './aggregate-queue.js';
import { BlockedQueues } from './blocked-queues.js';
import type { Delivery } from './delivery.js';
import { QueueTable } from './queue-table.js';
import { ReadyQueue } from './ready-queue.js';

type EventQueue = AggregateQueue<Delivery>;

export class AggregateQueues {
  private readonly table = new QueueTable<EventQueue>();
  private readonly ready = new ReadyQueue<EventQueue>();
  private readonly blocked = new BlockedQueues();

  /** An unordered consumer has one queue for each event, so that no event ever waits for another one. */
  constructor(private readonly ordered: boolean) {}

  get hasReady(): boolean {
    return !this.ready.isEmpty;
  }

  /** Whether a save has something to write or to release here. */
  get hasUnsaved(): boolean {
    return this.blocked.hasUnsaved;
  }

  /** Whether an event waits to be written although a later one of its aggregate has a row. */
  get hasEarly(): boolean {
    return this.blocked.hasEarly;
  }

  /** The events in the queues that do not run. */
  *waiting(): Generator<Delivery> {
    for (const { entries, hold } of this.table.values()) {
      yield* entries;
      if (hold.kind === 'blocked') yield* hold.parked;
    }
  }

  /**
   * Called when the inbox has unresolved rows of these aggregates. `highest` is the position of the last one,
   * if it is known.
   */
  block(aggregates: Iterable<AggregateKey & { readonly highest?: number }>): void {
    if (!this.ordered) return;
    for (const aggregate of aggregates) {
      const name = nameOfAggregate(aggregate);
      const queue = this.table.obtain(name, hashOfName(name), newQueue, aggregate);
      this.blocked.block(queue, aggregate.highest ?? Number.POSITIVE_INFINITY);
    }
  }

  /**
   * Whether another event of this aggregate runs, waits or is unresolved. A later event must then take its
   * turn here.
   */
  isTaken(aggregate: AggregateKey): boolean {
    return this.ordered && this.table.find(nameOfAggregate(aggregate)) !== undefined;
  }

  /**
   * Called when somebody else may have resolved rows. Every blocked queue then asks the inbox again with the
   * next save.
   */
  recheckBlocked(): void {
    for (const queue of this.table.values()) this.blocked.wantRelease(queue);
  }

  /**
   * Called when a save found a row of this aggregate in another state than this process expected. The inbox
   * then decides.
   */
  recheck(aggregate: AggregateKey): void {
    const queue = this.table.find(nameOfAggregate(aggregate));
    if (queue !== undefined) this.blocked.wantRelease(queue);
  }

  /** Takes an event of the log. It runs in its turn, or it is parked behind an earlier unresolved event. */
  enqueue(delivery: Delivery): void {
    const queue = this.enter(delivery);
    if (queue.hold.kind === 'blocked') this.blocked.park(queue, queue.hold, delivery);
    else if (queue.entries.length > 0) queue.entries.push(delivery);
    else {
      // Most queues never hold more than one event. A literal reserves room for one entry, and a push
      // reserves much more.
      queue.entries = [delivery];
      this.makeReady(queue);
    }
  }

  /**
   * Takes an event that the retry loop has claimed. The row of the event decides its turn, and no block stops
   * it.
   */
  enqueueClaimed(delivery: Delivery): void {
    const queue = this.enter(delivery);
    queue.insert(delivery);
    if (queue.running === 0) this.ready.push(queue, delivery.subscription.priority);
  }

  /** Returns the next event to run. Its queue runs nothing else until this event has ended. */
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
   * Returns at most `most` events of one subscription, which run together. Events of one aggregate follow
   * each other in the order of the log. A retry comes alone, and so does an event of a batch that failed.
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
      else takeFrom(queue, batch, most);
      if (batch[0] !== undefined && isUnbatched(batch[0])) break;
    }
    for (const queue of passedOver) this.makeReady(queue);
    return batch;
  }

  /**
   * Called when the event is resolved: it is processed, skipped, dead, failed for good, or delayed. If
   * another event was claimed to follow it, that event has its turn already.
   */
  resolved(delivery: Delivery): void {
    const queue = this.finish(delivery);
    if (queue.hold.kind === 'blocked' && !queue.entries.some(followsAnother)) this.blocked.wantRelease(queue);
    this.advance(queue);
  }

  /**
   * Called when the event will be retried, so that the later events of its aggregate wait. Returns the events
   * that were claimed to follow it.
   */
  failed(delivery: Delivery): Delivery[] {
    const queue = this.finish(delivery);
    const followers = queue.entries.filter(followsAnother);
    if (this.ordered) {
      this.blocked.block(queue, delivery.position);
      queue.entries = queue.entries.filter((other) => !followsAnother(other));
      this.blocked.rowToCome(queue);
    }
    this.advance(queue);
    return followers;
  }

  /** Called when the inbox has a row of this event already. The row decides whether the queue is blocked. */
  foundElsewhere(delivery: Delivery): void {
    const queue = this.finish(delivery);
    if (this.ordered) {
      this.blocked.block(queue, delivery.position);
      this.blocked.wantRelease(queue);
    }
    this.advance(queue);
  }

  /** Called when the event has to run once more, and no attempt was counted. */
  requeue(delivery: Delivery): void {
    const queue = this.finish(delivery);
    queue.insert(delivery);
    this.advance(queue);
  }

  /**
   * Called when an earlier event of the same batch failed. This one takes its turn behind it, like any other.
   */
  putBack(delivery: Delivery): void {
    const queue = this.finish(delivery);
    if (queue.hold.kind === 'blocked') this.blocked.park(queue, queue.hold, delivery);
    else queue.insert(delivery);
    this.advance(queue);
  }

  /** Takes the parked events that the save in preparation must write as waiting. */
  takeParked(): Delivery[] {
    return this.blocked.takeParked();
  }

  /** Takes the aggregates that the save in preparation must release. */
  takeReleases(): AggregateKey[] {
    return this.blocked.takeReleases();
  }

  /**
   * Called when a save is committed. The released aggregates in `stillBlocked` still have an unresolved row.
   */
  saved(
    written: readonly AggregateKey[],
    released: readonly AggregateKey[],
    stillBlocked: readonly AggregateKey[],
  ): void {
    this.blocked.saved(written, released);
    if (released.length === 0) return;
    const blocked = new Set(stillBlocked.map(nameOfAggregate));
    for (const aggregate of released) {
      const queue = this.table.find(nameOfAggregate(aggregate));
      if (queue !== undefined && this.blocked.released(queue, blocked.has(queue.name))) this.advance(queue);
    }
  }

  /**
   * Writes the longest queue behind a running event down as waiting. So one aggregate with many events does
   * not fill the window in which other events could run. The events are released when the running event is
   * resolved.
   */
  spillLongest(): void {
    let longest: EventQueue | undefined;
    for (const queue of this.table.values()) {
      if (queue.running > 0 && queue.entries.length > (longest?.entries.length ?? 0)) longest = queue;
    }
    if (longest !== undefined) this.blocked.block(longest, 0);
  }

  private makeReady(queue: EventQueue): void {
    const next = queue.entries[0];
    if (next !== undefined && queue.running === 0) this.ready.push(queue, next.subscription.priority);
  }

  private finish(delivery: Delivery): EventQueue {
    // The delivery has entered a queue, and a queue stays in the table while one of its events runs.
    const queue = delivery.queue as EventQueue;
    queue.finish(delivery);
    return queue;
  }

  private advance(queue: EventQueue): void {
    this.makeReady(queue);
    if (queue.isIdle) this.table.remove(queue);
  }

  private enter(delivery: Delivery): EventQueue {
    const { log } = delivery;
    const name = this.ordered ? log.aggregateName : String(log.position);
    const hash = this.ordered ? log.aggregateHash : hashOfName(name);
    const queue = this.table.obtain(name, hash, newQueue, log);
    delivery.queue = queue;
    return queue;
  }
}

/**
 * One function makes all queues, because nearly every event needs a queue and a closure for each would cost
 * time.
 */
function newQueue(name: string, { aggregateType, aggregateId }: AggregateKey): EventQueue {
  return new AggregateQueue(name, aggregateType, aggregateId);
}

function takeFrom(queue: EventQueue, batch: Delivery[], most: number): void {
  while (batch.length < most) {
    const next = queue.entries[0];
    if (next === undefined || (batch.length > 0 && !belongsTo(next, batch))) return;
    queue.begin(next);
    batch.push(next);
    if (isUnbatched(next)) return;
  }
}

/** Whether it never shares a run: it comes from the inbox, or its batch failed. */
function isUnbatched(delivery: Delivery): boolean {
  return delivery.isSingle || delivery.claim !== undefined;
}

function followsAnother(delivery: Delivery): boolean {
  return delivery.claim?.follows === true;
}

function belongsTo(delivery: Delivery, batch: readonly Delivery[]): boolean {
  const first = batch[0];
  return (
    !isUnbatched(delivery) &&
    delivery.subscription === first?.subscription &&
    delivery.runsExclusively === first.runsExclusively
  );
}
