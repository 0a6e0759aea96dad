import type { AggregateKey } from '../events/aggregate-key.js';
import { PositionSet } from '../log/position-set.js';
import type { ExceptionRow, ResolvedRow } from './inbox-status.js';

/** A set of positions with more ranges than this is written by a statement of its own. */
const MANY_RANGES = 1_000;
/** Milliseconds that positions passed over wait for an outcome next to them. */
const PASSED_OVER_MS = 250;

/** What one save writes. */
export interface Flush {
  /** These positions leave `unread`. */
  readonly positions: PositionSet;
  readonly exceptions: ExceptionRow[];
  readonly resolved: ResolvedRow[];
  /** The lowest waiting row of each of these aggregates gets its turn. */
  readonly release: AggregateKey[];
  /** The `processed` rows of these events are not needed once their positions have left `unread`. */
  readonly covered: string[];
  /** How many events of each name were processed, among the positions. Empty if nobody counts. */
  readonly processed: Map<string, number>;
}

/**
 * What handlers have done since the last flush was collected. A flush takes everything that is here at that
 * moment, in the order in which the handlers ended.
 */
export class Unflushed {
  private positions: number[] = [];
  private readonly sets: PositionSet[] = [];
  /** Each of these is written by itself, in turn with the other flushes. */
  private readonly largeSets: PositionSet[] = [];
  private collectedLarge = false;
  /**
   * The positions of events that this cursor does not want. They are written together with the outcomes that
   * they touch, or when there is nothing else to write. The events of the other partitions lie between those
   * of this one. If each of our positions were written by itself, `unread` would break into as many pieces.
   */
  private passed = PositionSet.empty();
  private passedSince = 0;
  private exceptions: ExceptionRow[] = [];
  private resolved: ResolvedRow[] = [];
  private covered: string[] = [];
  private processed = new Map<string, number>();

  /** How many outcomes wait for a flush. */
  get size(): number {
    return this.positions.length + this.exceptions.length + this.resolved.length;
  }

  /** How much memory waits for a flush: the outcomes, and the ranges of what was passed over. */
  get load(): number {
    return this.size + this.passed.rangeCount;
  }

  get isEmpty(): boolean {
    return this.load + this.sets.length + this.largeSets.length === 0;
  }

  settle(position: number): void {
    this.positions.push(position);
  }

  /** The `processed` row of this event is covered by the cursor once its position has left `unread`. */
  settleCovered(position: number, outboxEventId: string): void {
    this.positions.push(position);
    this.covered.push(outboxEventId);
  }

  /** Counts an event that was processed, whose position is settled here too. */
  countProcessed(eventName: string): void {
    addProcessed(this.processed, eventName, 1);
  }

  /** A sweep found that no event will ever come at these positions. */
  settleAll(positions: PositionSet): void {
    if (positions.rangeCount > MANY_RANGES) this.largeSets.push(positions);
    else if (!positions.isEmpty) this.sets.push(positions);
  }

  /** No handler of this consumer wants the events at these positions. */
  passOver(positions: PositionSet): void {
    if (this.passed.isEmpty) this.passedSince = performance.now();
    this.passed.addAll(positions);
  }

  except(row: ExceptionRow): void {
    this.exceptions.push(row);
  }

  resolve(row: ResolvedRow): void {
    this.resolved.push(row);
  }

  /**
   * Takes everything that waits. Returns undefined if there is nothing. Large sets take turns with everything
   * else. The flush calls `takeWaiting` and `takeReleases` only when it can carry rows. `takeWaiting` returns
   * the rows of events that wait behind another one. `takeReleases` returns the aggregates whose next row
   * gets its turn.
   */
  collect(takeWaiting: () => ExceptionRow[], takeReleases: () => AggregateKey[]): Flush | undefined {
    let large = this.collectedLarge ? undefined : this.largeSets.shift();
    const flush = large === undefined ? this.collectAll(takeWaiting(), takeReleases()) : undefined;
    if (flush === undefined) large ??= this.largeSets.shift();
    this.collectedLarge = large !== undefined;
    return flush ?? (large && { ...emptyFlush(), positions: large });
  }

  private collectAll(waiting: ExceptionRow[], release: AggregateKey[]): Flush | undefined {
    const flush: Flush = {
      positions: PositionSet.of(this.positions),
      // The rows of the events that wait come first: they may be older than what ended meanwhile.
      exceptions: waiting.length === 0 ? this.exceptions : waiting.concat(this.exceptions),
      resolved: this.resolved,
      release,
      covered: this.covered,
      processed: this.processed,
    };
    for (const set of this.sets) flush.positions.addAll(set);
    this.collectPassed(flush);
    this.positions = [];
    this.sets.length = 0;
    this.exceptions = [];
    this.resolved = [];
    this.covered = [];
    if (this.processed.size > 0) this.processed = new Map();
    return isNothing(flush) ? undefined : flush;
  }

  private collectPassed(flush: Flush): void {
    const isDue = isNothing(flush) || performance.now() - this.passedSince > PASSED_OVER_MS;
    if (isDue) flush.positions.addAll(this.passed);
    this.passed = isDue ? PositionSet.empty() : flush.positions.addTouching(this.passed);
  }
}

/** Adds to the events of a name that were processed. */
export function addProcessed(processed: Flush['processed'], eventName: string, events: number): void {
  processed.set(eventName, (processed.get(eventName) ?? 0) + events);
}

export function emptyFlush(): Flush {
  return {
    positions: PositionSet.empty(),
    exceptions: [],
    resolved: [],
    release: [],
    covered: [],
    processed: new Map(),
  };
}

export function isNothing(flush: Flush): boolean {
  return (
    flush.positions.isEmpty &&
    flush.exceptions.length + flush.resolved.length + flush.release.length + flush.covered.length === 0
  );
}

/** Whether the flush has only positions, and so many ranges that they need a statement of their own. */
export function isLargeSet(flush: Flush): boolean {
  const { positions, exceptions, resolved, release, covered } = flush;
  const others = exceptions.length + resolved.length + release.length + covered.length;
  return others === 0 && positions.rangeCount > MANY_RANGES;
}
