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
   * count. Null if no time is left that counts.
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
  /**
   * Seconds of one step: 10 or more, and at most 1,000 steps. The default is a round number that makes at
   * most 366 steps.
   */
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

/** What was done in one step of time. Null where nothing is known. */
export interface WorkPoint {
  /** When the step begins. */
  at: Date;
  /** Events that were handled, or skipped by their handler, in a second. */
  handledPerSecond: number | null;
  /** Attempts that failed, in a second: those that are tried again, and those that were the last. */
  failedPerSecond: number | null;
  /**
   * Of the events that were handled in this step, half took no longer than this from their creation until
   * then, in seconds. An hour stands for more than an hour. Only first deliveries count: not replays, not
   * redrives, and not events that are older than the consumer. Null if there was none.
   */
  latencyMedianSeconds: number | null;
  /** The same for 95 of 100 events. */
  latencyP95Seconds: number | null;
}

/** What one consumer has done. */
export interface ConsumerWork {
  consumerName: string;
  from: Date;
  to: Date;
  step: number;
  points: WorkPoint[];
}

/** How fast everything was in one step of time. */
export interface EngineRatePoint extends WorkPoint {
  publishedPerSecond: number | null;
  /** The most positions that were not settled, of all partitions of all consumers. */
  backlog: number | null;
  /** The largest lag of a consumer in seconds. Null also if nothing was to be handled. */
  lagSeconds: number | null;
  deadLetters: number | null;
}

export interface EngineRates {
  from: Date;
  to: Date;
  step: number;
  /** Every step of the range, the oldest first. */
  points: EngineRatePoint[];
  /** The five consumers that have done the most in this time, the busiest first. */
  busiest: { consumerName: string; points: WorkPoint[] }[];
}
