/*
 * Order per aggregate. Whether an event of an ordered consumer runs, waits or is released is decided here and
 * nowhere else; there is one lane for each aggregate that has anything running, waiting or unresolved.
 *
 *   queue    next to run, one after another
 *   blocked  the inbox has an unresolved row of the aggregate, or an unsaved outcome will write one
 *   parked   came from the log while the lane was blocked: written down as waiting with the next save
 *   release  an event of a blocked lane was resolved: the next save gives the lowest waiting row its turn,
 *            and tells whether any unresolved row is left; until then nothing of this lane is parked into a
 *            save, because a row that is written and released in one statement would not be seen by its
 *            release
 *   early    parked although a later one has a row: its writer committed late, or the process that wrote the
 *            row ended before this one was settled. Nobody's end would release it, so it is written first and
 *            a release follows
 *
 * Invariants: while a lane is blocked its queue holds no event that came from the log, but for one that has
 * to run again. While an event from the log runs or has to run again, no row of its aggregate is released:
 * were it to fail, the row's event would have overtaken it.
 */
import { type AggregateKey, hashOfName, nameOfAggregate } from '../../events/aggregate-key.js';
import type { Delivery } from './delivery.js';
import { cameFromLog, Lane } from './lane.js';
import { LaneTable } from './lane-table.js';
import { ReadyQueue } from './ready-queue.js';

type EventLane = Lane<Delivery>;

export class AggregateLanes {
  private readonly lanes = new LaneTable<EventLane>();
  private readonly ready = new ReadyQueue<EventLane>();
  private readonly withParked = new Set<EventLane>();
  private readonly toRelease = new Set<EventLane>();
  private readonly writing = new Set<EventLane>();
  /** Lanes with an early event that is parked, and aggregates of which one is being written. */
  private readonly early = new Set<EventLane>();
  private readonly earlySaving = new Set<string>();
  /** Releases that a save has under way. */
  private releasing = 0;

  /** An unordered consumer has a lane for every event: nothing ever waits for another. */
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
    for (const lane of this.lanes.values()) {
      yield* lane.queue;
      if (lane.parked !== undefined) yield* lane.parked;
    }
  }

  /** Aggregates in memory at this moment. */
  get size(): number {
    return this.lanes.size;
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
      const lane = this.lanes.obtain(name, hashOfName(name), newLane, aggregate);
      this.blockLane(lane, aggregate.highest ?? Number.POSITIVE_INFINITY);
    }
  }

  /**
   * Whether another event of this aggregate runs, waits or is unresolved, so that a later one has to take its
   * turn here.
   */
  isTaken(aggregate: AggregateKey): boolean {
    return this.ordered && this.lanes.find(nameOfAggregate(aggregate)) !== undefined;
  }

  /** Somebody else may have resolved rows: every blocked lane asks the inbox again with the next save. */
  recheckBlocked(): void {
    for (const lane of this.lanes.values()) if (lane.blocked) this.wantRelease(lane);
  }

  /** An event of the log. False if it has to wait behind an unresolved earlier one. */
  arrive(delivery: Delivery): boolean {
    const lane = this.enter(delivery);
    if (lane.blocked) {
      this.park(lane, delivery);
      return false;
    }
    this.enqueue(lane, delivery);
    return true;
  }

  /** An event that the retry lane has claimed. */
  arriveClaimed(delivery: Delivery): void {
    const lane = this.enter(delivery);
    lane.insert(delivery);
    if (lane.running === 0) this.ready.push(lane, delivery.subscription.priority);
  }

  /** The next event to run; its lane runs nothing else until it is finished. */
  take(): Delivery | undefined {
    for (let lane = this.ready.take(); lane !== undefined; lane = this.ready.take()) {
      const next = lane.running > 0 ? undefined : lane.queue[0];
      if (next === undefined) continue;
      lane.begin(next);
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
    const passedOver: EventLane[] = [];
    while (batch.length < most) {
      const lane = this.ready.take();
      if (lane === undefined) break;
      const next = lane.queue[0];
      if (lane.running > 0 || next === undefined) continue;
      if (batch.length > 0 && !belongsTo(next, batch)) passedOver.push(lane);
      else this.takeFrom(lane, batch, most);
      if (batch[0] !== undefined && runsAlone(batch[0])) break;
    }
    for (const lane of passedOver) this.makeReady(lane);
    return batch;
  }

  /**
   * The event is resolved: processed, skipped, dead, failed for good, or delayed. One claimed to follow it
   * has its turn already.
   */
  resolved(delivery: Delivery): void {
    const lane = this.finish(delivery);
    if (lane.blocked && !lane.queue.some(followsAnother)) this.wantRelease(lane);
    this.advance(lane);
  }

  /**
   * The event has a retry to come: later ones of its aggregate wait. Returns those that were claimed to
   * follow it.
   */
  failed(delivery: Delivery): Delivery[] {
    const lane = this.finish(delivery);
    const followers = lane.queue.filter(followsAnother);
    if (this.ordered) {
      this.blockLane(lane, delivery.position);
      lane.queue = lane.queue.filter((other) => !followsAnother(other));
      this.releaseLater(lane);
    }
    this.advance(lane);
    return followers;
  }

  /** The inbox has a row of this event already: it decides whether the lane is blocked. */
  foundElsewhere(delivery: Delivery): void {
    const lane = this.finish(delivery);
    if (this.ordered) {
      this.blockLane(lane, delivery.position);
      this.wantRelease(lane);
    }
    this.advance(lane);
  }

  /** The event has to run once more, with nothing counted. */
  again(delivery: Delivery): void {
    const lane = this.finish(delivery);
    lane.insert(delivery);
    this.advance(lane);
  }

  /** Parked events, to be written as waiting with the save that is being put together. */
  takeParked(): Delivery[] {
    const taken: Delivery[] = [];
    for (const lane of this.withParked) {
      const isEarly = this.early.has(lane);
      if (lane.release === 'saving' || (lane.release === 'wanted' && !isEarly)) continue;
      for (const delivery of lane.parked ?? []) taken.push(delivery);
      lane.parked = undefined;
      this.withParked.delete(lane);
      if (!isEarly) continue;
      this.early.delete(lane);
      this.earlySaving.add(lane.name);
      this.releaseLater(lane);
    }
    return taken;
  }

  /** Aggregates to release with the save that is being put together. */
  takeReleases(): AggregateKey[] {
    const taken: AggregateKey[] = [];
    for (const lane of this.toRelease) {
      if (lane.rowUnsaved || lane.isAheadOfRows) continue;
      this.toRelease.delete(lane);
      lane.release = 'saving';
      lane.blocksAtRelease = lane.blocks;
      taken.push(lane);
    }
    for (const lane of this.writing) lane.rowUnsaved = false;
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
      const lane = this.lanes.find(nameOfAggregate(aggregate));
      if (lane === undefined || lane.release !== 'saving') continue;
      lane.release = 'none';
      if (!blocked.has(lane.name) && lane.blocks === lane.blocksAtRelease) this.unblock(lane);
      this.advance(lane);
    }
  }

  /** The save found a row of this aggregate in another state than we believed: the inbox decides. */
  recheck(aggregate: AggregateKey): void {
    const lane = this.lanes.find(nameOfAggregate(aggregate));
    if (lane?.blocked === true) this.wantRelease(lane);
  }

  /**
   * The longest queue behind a running event is written down as waiting, so that one aggregate with many
   * events does not fill the window in which the others could run. They are released when the running one is
   * resolved.
   */
  spillLongest(): void {
    let longest: EventLane | undefined;
    for (const lane of this.lanes.values()) {
      if (lane.running > 0 && lane.queue.length > (longest?.queue.length ?? 0)) longest = lane;
    }
    if (longest !== undefined) this.blockLane(longest, 0);
  }

  private enqueue(lane: EventLane, delivery: Delivery): void {
    if (lane.queue.length > 0) {
      lane.queue.push(delivery);
      return;
    }
    // Most lanes never hold more than one: a literal has room for just that, a push would make room for
    // seventeen.
    lane.queue = [delivery];
    this.makeReady(lane);
  }

  private takeFrom(lane: EventLane, batch: Delivery[], most: number): void {
    while (batch.length < most) {
      const next = lane.queue[0];
      if (next === undefined || (batch.length > 0 && !belongsTo(next, batch))) return;
      lane.begin(next);
      batch.push(next);
      if (runsAlone(next)) return;
    }
  }

  private makeReady(lane: EventLane): void {
    const next = lane.queue[0];
    if (next !== undefined && lane.running === 0) this.ready.push(lane, next.subscription.priority);
  }

  private finish(delivery: Delivery): EventLane {
    // It has entered one, and a lane with anything running stays.
    const lane = delivery.lane as EventLane;
    lane.end(delivery);
    return lane;
  }

  private advance(lane: EventLane): void {
    this.makeReady(lane);
    if (lane.isIdle) this.lanes.remove(lane);
  }

  private blockLane(lane: EventLane, highestRow: number): void {
    lane.blocked = true;
    lane.blocks++;
    lane.highestRow = Math.max(lane.highestRow, highestRow);
    if (lane.parked?.some(({ position }) => position < highestRow)) this.markEarly(lane);
    const fromLog = lane.queue.filter(cameFromLog);
    if (fromLog.length === 0) return;
    lane.queue = lane.queue.filter((delivery) => !cameFromLog(delivery));
    for (const delivery of fromLog) this.park(lane, delivery);
  }

  private park(lane: EventLane, delivery: Delivery): void {
    if (delivery.position < lane.highestRow) this.markEarly(lane);
    lane.highestRow = Math.max(lane.highestRow, delivery.position);
    lane.parked ??= [];
    lane.parked.push(delivery);
    this.withParked.add(lane);
  }

  private markEarly(lane: EventLane): void {
    this.early.add(lane);
    this.wantRelease(lane);
  }

  private unblock(lane: EventLane): void {
    lane.blocked = false;
    lane.highestRow = 0;
    for (const delivery of lane.parked ?? []) lane.insert(delivery);
    lane.parked = undefined;
    this.withParked.delete(lane);
    this.early.delete(lane);
  }

  private releaseLater(lane: EventLane): void {
    lane.rowUnsaved = true;
    this.writing.add(lane);
  }

  private wantRelease(lane: EventLane): void {
    lane.release = 'wanted';
    this.toRelease.add(lane);
  }

  private enter(delivery: Delivery): EventLane {
    const { log } = delivery;
    const name = this.ordered ? log.aggregateName : String(log.position);
    const hash = this.ordered ? log.aggregateHash : hashOfName(name);
    const lane = this.lanes.obtain(name, hash, newLane, log);
    delivery.lane = lane;
    return lane;
  }
}

/** One function for all lanes: there is one for nearly every event. */
function newLane(name: string, { aggregateType, aggregateId }: AggregateKey): EventLane {
  return new Lane(name, aggregateType, aggregateId);
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
