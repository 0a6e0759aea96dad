import type { Attributes, Histogram } from '@opentelemetry/api';

/** The durations with the same attributes. */
export interface DurationSeries {
  record(seconds: number): void;
}

/** Where durations of one kind are recorded. */
export interface Durations {
  series(attributes: Attributes): DurationSeries;
}

/** Durations that a histogram of the SDK takes, one by one. */
export class ReportedDurations implements Durations {
  constructor(private readonly histogram: Histogram) {}

  series(attributes: Attributes): DurationSeries {
    const { histogram } = this;
    return { record: (seconds) => histogram.record(seconds, attributes) };
  }
}
