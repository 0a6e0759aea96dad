import type { Attributes } from '@opentelemetry/api';
import { bucketOf } from './buckets.js';
import type { DurationSeries, Durations } from './durations.js';

/** As an SDK does, so that attributes with ever new values cannot fill the memory. */
const MOST_SERIES = 2_000;
const OVERFLOW: Attributes = { 'otel.metric.overflow': true };

/**
 * What is known of the durations with the same attributes. The last count is of those above all boundaries.
 */
export interface HistogramValue {
  buckets: { boundaries: number[]; counts: number[] };
  sum: number;
  count: number;
  min?: number;
  max?: number;
}

/** Durations of one kind that are counted in this process. */
export class KeptDurations implements Durations {
  private readonly all = new Map<string, KeptSeries>();

  constructor(private readonly boundaries: readonly number[]) {}

  series(attributes: Attributes): DurationSeries {
    const key = JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
    const found = this.all.get(key);
    if (found !== undefined) return found;
    if (this.all.size >= MOST_SERIES) return this.made('', OVERFLOW);
    return this.made(key, attributes);
  }

  /** The series that have a value. */
  *read(): Iterable<{ readonly attributes: Attributes; readonly value: HistogramValue }> {
    for (const { attributes, count, value } of this.all.values()) if (count > 0) yield { attributes, value };
  }

  private made(key: string, attributes: Attributes): KeptSeries {
    const series = this.all.get(key) ?? new KeptSeries(this.boundaries, attributes);
    this.all.set(key, series);
    return series;
  }
}

class KeptSeries implements DurationSeries {
  count = 0;
  private readonly counts: number[];
  private sum = 0;
  private min = Number.POSITIVE_INFINITY;
  private max = 0;

  constructor(
    private readonly boundaries: readonly number[],
    readonly attributes: Attributes,
  ) {
    this.counts = new Array<number>(boundaries.length + 1).fill(0);
  }

  record(seconds: number): void {
    const bucket = bucketOf(this.boundaries, seconds);
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.count++;
    this.sum += seconds;
    if (seconds < this.min) this.min = seconds;
    if (seconds > this.max) this.max = seconds;
  }

  get value(): HistogramValue {
    const { boundaries, counts, sum, count, min, max } = this;
    return { buckets: { boundaries: [...boundaries], counts: [...counts] }, sum, count, min, max };
  }
}
