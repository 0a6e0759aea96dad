import { sqlStateOf } from '../database/connection/connection-loss.js';
import { type AggregateKey, nameOfAggregate } from '../events/aggregate-key.js';
import { PositionSet } from '../log/position-set.js';
import { type CursorKey, type ExceptionRow, type ResolvedRow } from './inbox-status.js';
import type { Settlement, SettlementResult } from './settlement.store.js';
import type { SettlementGroupCommit } from './settlement-group-commit.js';

const LOCK_NOT_AVAILABLE = '55P03';
const ASIDE_RETRY_MS = 1_000;
/** So long what was passed over waits for an outcome beside it. */
const PASSED_OVER_MS = 250;

/** A sweep that found more holes than this is saved by a statement of its own. */
const MANY_RANGES = 1_000;
/** And in parts, where there are so many that one statement would take long. */
const MOST_RANGES = 500_000;

/** What a save needs to know that stands elsewhere, asked for at the moment the save is put together. */
export interface SaveSource {
  /** Events that wait behind an unresolved earlier one and are to be written down as waiting. */
  takeWaiting(): ExceptionRow[];
  /** Aggregates whose lowest waiting row gets its turn with this save. */
  takeReleases(): AggregateKey[];
}

/**
 * What handlers have done, until it is saved. Outcomes come in completion order; a save takes all there is at
 * that moment. One save at a time: two could commit in the other order, and a waiting row could be written
 * after its release. A failed save is kept whole and goes first the next time.
 */
export class SettleBuffer {
  private positions: number[] = [];
  private readonly sets: PositionSet[] = [];
  /**
   * Each is saved by itself, in turn with the other saves; a very large one in parts, of which those up to
   * the range at `next` have been taken.
   */
  private readonly largeSets: { readonly set: PositionSet; next: number }[] = [];
  private savedLarge = false;
  /**
   * Of events that are not for this cursor. They are saved together with the outcomes that they touch, or
   * when nothing else is to be saved: between the events of one partition lie those of the others, and each
   * saved by itself would leave what is unread in as many pieces.
   */
  private passed = PositionSet.empty();
  private passedSince = 0;
  private exceptions: ExceptionRow[] = [];
  private resolved: ResolvedRow[] = [];
  private covered: string[] = [];
  private failed: PendingSave | undefined;
  /**
   * By aggregate, what a stalled owner's transaction keeps from being saved (positions of their own under
   * ''). All that comes later for the same aggregate joins it, so that an event written as waiting is never
   * saved before the one it waits for.
   */
  private readonly aside = new Map<string, PendingSave & { retryAt: number }>();

  constructor(
    private readonly store: Pick<
      SettlementGroupCommit,
      'settle' | 'settlePositions' | 'settleMany' | 'settleCovered'
    >,
    private readonly key: CursorKey,
    private readonly token: string,
  ) {}

  /** How many outcomes wait for a save. */
  get size(): number {
    return this.positions.length + this.exceptions.length + this.resolved.length;
  }

  /** How much is in memory for want of a save: outcomes, and ranges of what was passed over. */
  get unsaved(): number {
    return this.size + this.passed.rangeCount;
  }

  get isEmpty(): boolean {
    return (
      this.unsaved + this.sets.length + this.largeSets.length + this.aside.size === 0 &&
      this.failed === undefined
    );
  }

  settle(position: number): void {
    this.positions.push(position);
  }

  /** Events that no handler here is for. */
  passOver(positions: PositionSet): void {
    if (this.passed.isEmpty) this.passedSince = performance.now();
    this.passed.addAll(positions);
  }

  settleAll(positions: PositionSet): void {
    if (positions.rangeCount > MANY_RANGES) this.largeSets.push({ set: positions, next: 0 });
    else if (!positions.isEmpty) this.sets.push(positions);
  }

  /** A position whose `processed` row the cursor covers once it is saved. */
  settleCovered(position: number, outboxEventId: string): void {
    this.positions.push(position);
    this.covered.push(outboxEventId);
  }

  except(row: ExceptionRow): void {
    this.exceptions.push(row);
  }

  resolve(row: ResolvedRow): void {
    this.resolved.push(row);
  }

  /**
   * Saves what there is; undefined when there was nothing. Not to be called while another save is under way.
   * Throws what the database threw; the outcomes are kept. `readUpto` is written along where that costs
   * nothing.
   */
  async save(source: SaveSource, readUpto: number): Promise<SaveReport | undefined> {
    const pending = this.failed ?? this.takeAside() ?? this.takeNext(source);
    if (pending === undefined) return undefined;
    this.failed = pending;
    try {
      const report = await this.write(pending, readUpto);
      this.failed = undefined;
      return report;
    } catch (error) {
      if (sqlStateOf(error) !== LOCK_NOT_AVAILABLE) throw error;
      this.failed = undefined;
      this.setAside(pending, performance.now() + ASIDE_RETRY_MS);
      return NOTHING_SAVED;
    }
  }

  private takeAside(): PendingSave | undefined {
    const now = performance.now();
    for (const [name, group] of this.aside) {
      if (group.retryAt > now) continue;
      this.aside.delete(name);
      // What came together only here is not to be saved together: a release does not see what its own
      // statement writes.
      const release = group.exceptions.length + group.resolved.length > 0 ? group.release.splice(0) : [];
      if (release.length > 0) this.aside.set(name, { ...emptySave(), release, retryAt: 0 });
      return group;
    }
    return undefined;
  }

  /** Large sets take turns with whatever else there is. */
  private takeNext(source: SaveSource): PendingSave | undefined {
    let large = this.savedLarge ? undefined : this.takeLarge();
    const pending = large === undefined ? this.takeAll(source) : undefined;
    if (pending === undefined) large ??= this.takeLarge();
    this.savedLarge = large !== undefined;
    return pending ?? (large && { ...emptySave(), positions: large });
  }

  private takeLarge(): PositionSet | undefined {
    const [large] = this.largeSets;
    if (large === undefined) return undefined;
    const part = large.set.slice(large.next, MOST_RANGES);
    large.next += MOST_RANGES;
    if (large.next >= large.set.rangeCount) this.largeSets.shift();
    return part;
  }

  private takeAll(source: SaveSource): PendingSave | undefined {
    const pending = emptySave();
    for (const row of source.takeWaiting()) this.target(pending, row).exceptions.push(row);
    for (const aggregate of source.takeReleases()) this.target(pending, aggregate).release.push(aggregate);
    for (const row of this.exceptions) this.target(pending, row).exceptions.push(row);
    for (const row of this.resolved) this.target(pending, row).resolved.push(row);
    pending.positions.addAll(PositionSet.of(this.positions));
    for (const set of this.sets) pending.positions.addAll(set);
    pending.covered.push(...this.covered);
    this.takePassed(pending);
    this.positions = [];
    this.sets.length = 0;
    this.exceptions = [];
    this.resolved = [];
    this.covered = [];
    return isNothing(pending) ? undefined : pending;
  }

  private takePassed(pending: PendingSave): void {
    const isDue = isNothing(pending) || performance.now() - this.passedSince > PASSED_OVER_MS;
    if (isDue) pending.positions.addAll(this.passed);
    this.passed = isDue ? PositionSet.empty() : pending.positions.addTouching(this.passed);
  }

  /** The save that is being put together, or what is aside for the same aggregate already. */
  private target(pending: PendingSave, aggregate: AggregateKey): PendingSave {
    return this.aside.size === 0 ? pending : (this.aside.get(nameOfAggregate(aggregate)) ?? pending);
  }

  private async write(pending: PendingSave, readUpto: number): Promise<SaveReport> {
    const { exceptions, resolved, release, covered } = pending;
    if (exceptions.length + resolved.length + release.length === 0) {
      const { positions } = pending;
      if (positions.rangeCount > MANY_RANGES && covered.length === 0) {
        const held = await this.store.settleMany(this.key, this.token, positions);
        return { ...NOTHING_SAVED, held, positions };
      }
      const text = positions.toString();
      if (covered.length > 0) {
        const held = await this.store.settleCovered(this.key, this.token, text, covered);
        return { ...NOTHING_SAVED, held, positions };
      }
      const held = await this.store.settlePositions(this.key, this.token, text, readUpto);
      return { ...NOTHING_SAVED, held, positions, readUpto };
    }
    const positions = pending.positions.clone();
    for (const row of exceptions) positions.addRange(row.position, row.position + 1);
    const settlement: Settlement = { ...pending, positions: positions.toString() };
    const result = await this.store.settle(this.key, this.token, settlement);
    const dueInMs = delaysOf([...exceptions, ...resolved]);
    // The next of an aggregate that was released; or, where none waited, a delayed one that became due
    // meanwhile.
    if (release.length > 0) dueInMs.push(0);
    return { ...result, positions, written: exceptions, released: release, resolved, dueInMs };
  }

  /**
   * Some row of this save is locked by a stalled owner: its parts are tried one by one, each aggregate by
   * itself.
   */
  private setAside(pending: PendingSave, retryAt: number): void {
    const parts = new Set<string>();
    const groupOf = (name: string) => {
      let group = this.aside.get(name);
      if (group === undefined) {
        group = { ...emptySave(), retryAt: 0 };
        this.aside.set(name, group);
      }
      parts.add(name);
      return group;
    };
    // First what was processed: an event that failed after it is not to be known before it, should this
    // process end.
    if (!pending.positions.isEmpty || pending.covered.length > 0) {
      const plain = groupOf('');
      plain.positions.addAll(pending.positions);
      plain.covered.push(...pending.covered);
    }
    for (const row of pending.exceptions) groupOf(nameOfAggregate(row)).exceptions.push(row);
    for (const row of pending.resolved) groupOf(nameOfAggregate(row)).resolved.push(row);
    for (const aggregate of pending.release) groupOf(nameOfAggregate(aggregate)).release.push(aggregate);
    // A part that was alone already waits a while; the parts of a larger save are tried at once.
    const [only, ...others] = parts;
    if (only !== undefined && others.length === 0) groupOf(only).retryAt = retryAt;
  }
}

/** A save's result, and what it was about. */
export interface SaveReport extends SettlementResult {
  /** What was taken out of `unread`. */
  readonly positions: PositionSet;
  /** What it says of the reading, if it does. */
  readonly readUpto?: number;
  readonly written: readonly AggregateKey[];
  readonly released: readonly AggregateKey[];
  readonly resolved: readonly ResolvedRow[];
  /** When the rows that it wrote or released are due. */
  readonly dueInMs: readonly number[];
}

const NOTHING_SAVED: SaveReport = {
  held: true,
  positions: PositionSet.empty(),
  found: [],
  updated: [],
  stillBlocked: [],
  written: [],
  released: [],
  resolved: [],
  dueInMs: [],
};

interface PendingSave {
  readonly positions: PositionSet;
  readonly exceptions: ExceptionRow[];
  readonly resolved: ResolvedRow[];
  readonly release: AggregateKey[];
  readonly covered: string[];
}

function delaysOf(rows: readonly { readonly availableInMs: number | undefined }[]): number[] {
  return rows.map((row) => row.availableInMs ?? Number.POSITIVE_INFINITY).filter(Number.isFinite);
}

function emptySave(): PendingSave {
  return { positions: PositionSet.empty(), exceptions: [], resolved: [], release: [], covered: [] };
}

function isNothing(save: PendingSave): boolean {
  return (
    save.positions.isEmpty &&
    save.exceptions.length + save.resolved.length + save.release.length + save.covered.length === 0
  );
}
