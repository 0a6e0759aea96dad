import type { RateRange } from './consumer-rates.js';

export interface HeatMapRequest extends RateRange {
  /** Only this consumer. */
  consumerName?: string | undefined;
  /** How many failing consumers are told apart: 20 by default, at most 500. */
  limit?: number | undefined;
}

/** What was done in one step of time. */
export interface HeatStep {
  /** When the step begins. */
  at: Date;
  /** Null where nothing is known of the step: no process has measured in it. */
  handled: number | null;
  /** Attempts that failed. Null where nothing is known. */
  failed: number | null;
  /**
   * How many of the events that were handled are in each class of `latencyBounds`. Only first deliveries
   * count. Null where nothing is known.
   */
  latency: number[] | null;
}

/** Attempts that failed, in all steps and in each. */
export interface FailedInSteps {
  failed: number;
  /** A step is null if no process has measured in it. */
  steps: (number | null)[];
}

/** How long events took, and who failed, in steps of time. */
export interface HeatMap {
  from: Date;
  to: Date;
  step: number;
  /** Up to how many seconds events of a class took. A null for the last class, which has no end. */
  latencyBounds: (number | null)[];
  /** Every step of the range, the oldest first. */
  steps: HeatStep[];
  /** The consumers at which attempts failed, the worst first. */
  failing: (FailedInSteps & { consumerName: string })[];
  /** Those beyond the limit, together. */
  others: FailedInSteps & { consumers: number };
}
