/** How fast the log and one consumer were in one step of time. Null where nobody wrote samples. */
export interface RatePoint {
  /** When the step begins. */
  at: Date;
  /** Positions of the log that were written in a second. */
  publishedPerSecond: number | null;
  /**
   * Positions that the consumer has settled in a second: handled, failed and kept for a retry, discarded,
   * or passed over because it does not ask for them. Of several partitions it is the mean, because each of
   * them passes every position of the log. Time in which a replay put back more than was settled does not
   * count. It is null if there is no other.
   */
  settledPerSecond: number | null;
  /** The most positions that were not settled: the mean over the partitions. */
  backlog: number | null;
  /** The largest lag in seconds. Null also if nothing was to be handled. */
  lagSeconds: number | null;
  /** The most dead letters, counted up to 10,001. */
  deadLetters: number | null;
}

export interface RateRange {
  /** The default is an hour before `to`. Samples are kept for a week. */
  from?: Date | undefined;
  /** The default is now. */
  to?: Date | undefined;
  /** Seconds of one step: 10 or more, and at most 1,000 steps. The default makes about 360 steps. */
  step?: number | undefined;
}

export interface ConsumerRates {
  consumerName: string;
  from: Date;
  to: Date;
  step: number;
  /** Every step of the range, the oldest first. */
  points: RatePoint[];
}

/** The rates of the last minute. */
export interface CurrentRates {
  publishedPerSecond: number | null;
  /** Of each consumer, by its name (see `RatePoint`). */
  settledPerSecond: Record<string, number | null>;
}
