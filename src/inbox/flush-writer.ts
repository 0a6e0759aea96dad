import { sqlStateOf } from '../database/connection/connection-loss.js';
import { LOCK_NOT_AVAILABLE, QUERY_CANCELED } from '../database/connection/sql-states.js';
import { type AggregateKey, nameOfAggregate } from '../events/aggregate-key.js';
import { PositionSet } from '../log/position-set.js';
import type { CursorKey, ExceptionRow, ResolvedRow } from './inbox-status.js';
import type { Settlement, SettlementResult, SettlementStore } from './settlement.store.js';
import { addProcessed, emptyFlush, type Flush, isLargeSet, isNothing } from './unflushed.js';

const ASIDE_RETRY_MS = 1_000;
/** A set with more ranges than this is written in parts, because one statement would take long. */
const MOST_RANGES = 500_000;

/**
 * Holds the outcomes that are not written yet. The writer asks it at the moment when the next save begins.
 */
export interface FlushSource {
  collectFlush(): Flush | undefined;
}

/**
 * Writes what handlers have done. There is one save at a time, because two saves could commit in the other
 * order, and a waiting row could be written after its release. A save that failed is kept whole and goes
 * first the next time.
 */
export class FlushWriter {
  private failed: Flush | undefined;
  /**
   * What cannot be saved because a transaction of a stalled owner holds the row, by aggregate. The key ''
   * holds positions without a row. Everything that comes later for the same aggregate joins it. So an event
   * that is written as waiting is never saved before the one that it waits for.
   */
  private readonly aside = new Map<string, Flush & { retryAt: number }>();
  /**
   * Large sets that are written in parts. The ranges below the one at `next` have been taken. The parts take
   * turns with everything else, and their order does not matter, because they are positions only.
   */
  private readonly divided: (Pick<Flush, 'positions' | 'processed'> & { next: number })[] = [];
  private tookPart = false;
  /** No statement takes out more ranges than this. A statement that was too slow halves it. */
  private mostRanges = MOST_RANGES;

  constructor(
    private readonly store: Pick<
      SettlementStore,
      'settle' | 'settlePositions' | 'settleMany' | 'settleCovered'
    >,
    private readonly key: CursorKey,
    private readonly token: string,
  ) {}

  /** True when nothing that was collected still waits to be written. */
  get isEmpty(): boolean {
    return this.failed === undefined && this.aside.size + this.divided.length === 0;
  }

  /**
   * Writes the next flush. Returns undefined if there is nothing to write. Do not call it while another save
   * is running. Throws the error of the database, and keeps the outcomes. `readUpto` is written too where
   * that costs nothing.
   */
  async save(source: FlushSource, readUpto: number): Promise<SaveReport | undefined> {
    const next =
      this.failed ?? this.takeAside() ?? this.takePart() ?? this.takeNext(source) ?? this.takePart();
    if (next === undefined) return undefined;
    const flush = this.withinLimit(next);
    this.failed = flush;
    try {
      const report = await this.write(flush, readUpto);
      this.failed = undefined;
      return report;
    } catch (error) {
      const state = sqlStateOf(error);
      if (state === QUERY_CANCELED && isLargeSet(flush)) {
        // The limit is halved, because the same statement would take too long every time.
        this.mostRanges = Math.ceil(flush.positions.rangeCount / 2);
        this.failed = this.withinLimit(flush);
      }
      if (state !== LOCK_NOT_AVAILABLE) throw error;
      this.failed = undefined;
      this.setAside(flush, performance.now() + ASIDE_RETRY_MS);
      return NOTHING_SAVED;
    }
  }

  private takeAside(): Flush | undefined {
    const now = performance.now();
    for (const [name, group] of this.aside) {
      if (group.retryAt > now) continue;
      this.aside.delete(name);
      // Outcomes and releases that met only here must not be saved together, because a release does not see
      // what its own statement writes.
      const release = group.exceptions.length + group.resolved.length > 0 ? group.release.splice(0) : [];
      if (release.length > 0) this.aside.set(name, { ...emptyFlush(), release, retryAt: 0 });
      return group;
    }
    return undefined;
  }

  /** Takes the next part of a divided set, unless the last flush was such a part. */
  private takePart(): Flush | undefined {
    const [large] = this.divided;
    this.tookPart = !this.tookPart && large !== undefined;
    if (!this.tookPart || large === undefined) return undefined;
    const positions = large.positions.slice(large.next, this.mostRanges);
    large.next += this.mostRanges;
    if (large.next < large.positions.rangeCount) return { ...emptyFlush(), positions };
    this.divided.shift();
    return { ...emptyFlush(), positions, processed: large.processed };
  }

  /**
   * Returns the flush itself. If its set is too large for one statement, it is divided, and a part returned.
   */
  private withinLimit(flush: Flush): Flush {
    if (!isLargeSet(flush) || flush.positions.rangeCount <= this.mostRanges) return flush;
    const { positions, processed } = flush;
    this.divided.unshift({ positions, processed, next: 0 });
    this.tookPart = false;
    return this.takePart() ?? flush;
  }

  /** Takes the next flush. What belongs to aggregates that are set aside joins them first. */
  private takeNext(source: FlushSource): Flush | undefined {
    const flush = source.collectFlush();
    if (flush === undefined || this.aside.size === 0) return flush;
    const { positions, covered, processed } = flush;
    const rest: Flush = { ...emptyFlush(), positions, covered, processed };
    const target = (aggregate: AggregateKey) => this.aside.get(nameOfAggregate(aggregate)) ?? rest;
    for (const row of flush.exceptions) target(row).exceptions.push(row);
    for (const row of flush.resolved) target(row).resolved.push(row);
    for (const aggregate of flush.release) target(aggregate).release.push(aggregate);
    return isNothing(rest) ? undefined : rest;
  }

  private async write(flush: Flush, readUpto: number): Promise<SaveReport> {
    const { exceptions, resolved, release, covered, processed } = flush;
    if (exceptions.length + resolved.length + release.length === 0) {
      const { positions } = flush;
      if (isLargeSet(flush)) {
        const held = await this.store.settleMany(this.key, this.token, positions);
        return { ...NOTHING_SAVED, held, positions, processed };
      }
      const text = positions.toString();
      if (covered.length > 0) {
        const held = await this.store.settleCovered(this.key, this.token, text, covered);
        return { ...NOTHING_SAVED, held, positions, processed };
      }
      const held = await this.store.settlePositions(this.key, this.token, text, readUpto);
      return { ...NOTHING_SAVED, held, positions, processed, readUpto };
    }
    const positions = flush.positions.clone();
    for (const row of exceptions) positions.addRange(row.position, row.position + 1);
    const settlement: Settlement = {
      exceptions,
      resolved,
      release,
      covered,
      positions: positions.toString(),
    };
    const result = await this.store.settle(this.key, this.token, settlement);
    const dueInMs = delaysOf([...exceptions, ...resolved]);
    // The next row of a released aggregate is due now. If none waited, a delayed one may have become due
    // meanwhile.
    if (release.length > 0) dueInMs.push(0);
    return { ...result, positions, processed, written: exceptions, released: release, resolved, dueInMs };
  }

  /**
   * A stalled owner has locked some row of this save. Its parts are tried one by one, each aggregate by
   * itself.
   */
  private setAside(flush: Flush, retryAt: number): void {
    const parts = new Set<string>();
    const groupOf = (name: string) => {
      let group = this.aside.get(name);
      if (group === undefined) {
        group = { ...emptyFlush(), retryAt: 0 };
        this.aside.set(name, group);
      }
      parts.add(name);
      return group;
    };
    // Processed events come first. If this process ends, an event that failed later must not be saved while
    // an event processed before it is not.
    if (!flush.positions.isEmpty || flush.covered.length > 0) {
      const plain = groupOf('');
      plain.positions.addAll(flush.positions);
      plain.covered.push(...flush.covered);
      for (const [name, events] of flush.processed) addProcessed(plain.processed, name, events);
    }
    for (const row of flush.exceptions) groupOf(nameOfAggregate(row)).exceptions.push(row);
    for (const row of flush.resolved) groupOf(nameOfAggregate(row)).resolved.push(row);
    for (const aggregate of flush.release) groupOf(nameOfAggregate(aggregate)).release.push(aggregate);
    // A part that was alone already waits a while. The parts of a larger save are tried at once.
    const [only, ...others] = parts;
    if (only !== undefined && others.length === 0) groupOf(only).retryAt = retryAt;
  }
}

/** The result of a save, and what the save contained. */
export interface SaveReport extends SettlementResult {
  /** The positions that were removed from `unread`. */
  readonly positions: PositionSet;
  /** How many events of each name were processed, among the positions. */
  readonly processed: ReadonlyMap<string, number>;
  /** The read position that the save wrote, if it wrote one. */
  readonly readUpto?: number;
  readonly written: readonly AggregateKey[];
  readonly released: readonly AggregateKey[];
  readonly resolved: readonly ResolvedRow[];
  /** Milliseconds until the rows that the save wrote or released are due. */
  readonly dueInMs: readonly number[];
}

const NOTHING_SAVED: SaveReport = {
  held: true,
  positions: PositionSet.empty(),
  processed: new Map(),
  found: [],
  updated: [],
  stillBlocked: [],
  written: [],
  released: [],
  resolved: [],
  dueInMs: [],
};

function delaysOf(rows: readonly Pick<ExceptionRow, 'availableInMs'>[]): number[] {
  return rows.map((row) => row.availableInMs ?? Number.POSITIVE_INFINITY).filter(Number.isFinite);
}
