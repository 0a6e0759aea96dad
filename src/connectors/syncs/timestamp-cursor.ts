import { IntegrationError } from '../../errors.js';
import { checkNames, invalidArgument } from '../../words/argument-checks.js';

export interface TimestampCursorOptions {
  /** The name of the field with the time of the last change, in records as they came. */
  field: string;
  /** How far the next run looks back, in milliseconds, for records that appear late. Default: 0. */
  lookbackMs?: number | undefined;
  /** How coarse the times of the other system are, in milliseconds. Default: 1. */
  granularityMs?: number | undefined;
  /** Whether pages come in the order of the field, the earliest first. Default: true. */
  ordered?: boolean | undefined;
}

/** A checkpoint of a `TimestampCursor`. Both are ISO 8601. */
export interface TimestampCheckpoint {
  /** Everything up to here was seen. */
  readonly until: string | null;
  /** Where the pass began that is under way. */
  readonly since: string | null;
}

/*
 * Why no record is missed at a boundary.
 *
 * `from` is inclusive, because records with an equal time may stand on both sides of a page. It is rounded
 * down to what the other system's times can tell apart, and it looks back, because a record may become
 * visible after one with a later time. The checkpoint never goes beyond the start of the run: what changes
 * while the run asks may get a time that the run has passed already. So the same records come again. Their
 * hashes are the same, so nobody hears of them.
 *
 * A pass moves its checkpoint page by page, so that a run that is cut off goes on there. That is right only
 * if the pages are in order. If one is not, the checkpoint goes back to where the pass began, and stays there
 * until its end.
 */

/** Where a sync goes on by the times of changes. `SyncContext.timestampCursor` makes it. */
export class TimestampCursor {
  /** From when on to ask, inclusive, as ISO 8601. Undefined for everything. */
  readonly from: string | undefined;
  private readonly since: number | undefined;
  private readonly field: string;
  private readonly granularityMs: number;
  private seen: number | undefined;
  private isInOrder: boolean;
  /** The time of the last record of the page before. */
  private passed: number | undefined;
  /** What `after` has said last. */
  last: TimestampCheckpoint | undefined;

  constructor(
    options: TimestampCursorOptions,
    checkpoint: unknown,
    private readonly startedAt: Date,
  ) {
    checkNames('an option of timestampCursor', options, ['field', 'lookbackMs', 'granularityMs', 'ordered']);
    const { field, lookbackMs = 0, granularityMs = 1, ordered = true } = options;
    if (typeof field !== 'string' || field === '') throw invalidArgument('field must be a name');
    if (!(Number.isSafeInteger(lookbackMs) && lookbackMs >= 0))
      throw invalidArgument('lookbackMs must be a whole number of milliseconds, from 0 on');
    if (!(Number.isSafeInteger(granularityMs) && granularityMs >= 1))
      throw invalidArgument('granularityMs must be a whole number of milliseconds, from 1 on');
    this.field = field;
    this.granularityMs = granularityMs;
    this.isInOrder = ordered;
    const { until, since } = checkpointOf(checkpoint);
    this.seen = until;
    this.since = since ?? until;
    this.from = until === undefined ? undefined : new Date(this.floor(until - lookbackMs)).toISOString();
  }

  /**
   * The checkpoint behind a page of records, as they came.
   *
   * @throws IntegrationError INTEGRATION_SYNC_PAGE for a record without a time
   */
  after(records: readonly unknown[]): TimestampCheckpoint {
    let last = Number.NEGATIVE_INFINITY;
    for (const record of records) {
      const at = this.timeOf(record);
      // A page that follows begins at or behind what was seen, unless it is the overlap of the first one.
      if (at < last) this.isInOrder = false;
      last = at;
      this.seen = Math.max(this.seen ?? at, at);
    }
    const isBehind = this.passed !== undefined && records.length > 0 && this.timeOf(records[0]) < this.passed;
    if (isBehind) this.isInOrder = false;
    if (records.length > 0) this.passed = last;
    this.last = this.checkpoint(this.isInOrder ? this.seen : this.since);
    return this.last;
  }

  /** The checkpoint when the pass has come to its end. The engine writes it. */
  end(): TimestampCheckpoint {
    const until = this.bounded(this.seen);
    return { until, since: until };
  }

  private checkpoint(until: number | undefined): TimestampCheckpoint {
    return { until: this.bounded(until), since: this.bounded(this.since) };
  }

  private bounded(time: number | undefined): string | null {
    if (time === undefined) return null;
    return new Date(this.floor(Math.min(time, this.startedAt.getTime()))).toISOString();
  }

  private floor(time: number): number {
    return Math.floor(time / this.granularityMs) * this.granularityMs;
  }

  private timeOf(record: unknown): number {
    const value = (Object(record) as Record<string, unknown>)[this.field];
    const time = timeFrom(value)?.getTime();
    if (time !== undefined) return time;
    throw new IntegrationError(
      'INTEGRATION_SYNC_PAGE',
      `A record has no time at ${JSON.stringify(this.field)}, by which the cursor goes on`,
      { field: this.field },
    );
  }
}

/** Below it, a number is taken for seconds: as milliseconds it would be a day of 1973. */
const SECONDS_BELOW = 1e11;

/** A time as other systems write it. Undefined for what is none. */
export function timeFrom(value: unknown): Date | undefined {
  const time =
    value instanceof Date
      ? value.getTime()
      : typeof value === 'string' && value !== ''
        ? Date.parse(value)
        : typeof value === 'number'
          ? Math.floor(Math.abs(value) < SECONDS_BELOW ? value * 1_000 : value)
          : Number.NaN;
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? undefined : date;
}

function checkpointOf(checkpoint: unknown): { until: number | undefined; since: number | undefined } {
  const { until, since } = Object(checkpoint) as Partial<TimestampCheckpoint>;
  return { until: timeFrom(until)?.getTime(), since: timeFrom(since)?.getTime() };
}
