import type { OperationState } from './operations/operation.js';

/** A part of the log by positions. Both ends are included. Without `to`, it goes to the end of the log. */
export interface ReplayRange {
  from: number;
  to?: number | undefined;
}

/** Chooses the consumer's events to deliver again. An event must match every given field. */
export interface ReplayFilter {
  /** The first position of a range, as in `ReplayRange`. */
  from?: number | undefined;
  to?: number | undefined;
  /** Exact names, or prefixes with a trailing `*`. */
  eventNames?: readonly string[] | undefined;
  aggregateType?: string | undefined;
  /** Only together with `aggregateType`. */
  aggregateId?: string | undefined;
  /** Written at this time or later. */
  since?: Date | undefined;
  /** Written before this time. */
  until?: Date | undefined;
}

/** The result of asking for a replay. */
export type ReplayResult =
  | {
      kind: 'range';
      from: number;
      to: number;
      /** Number of positions that were settled and are unread again, with any event name. */
      positions: number;
    }
  | { kind: 'request'; request: ReplayRequest };

/** A filtered replay. The consumer's owner works it off while it runs. */
export interface ReplayRequest {
  id: string;
  consumerName: string;
  /** Empty means every name. */
  eventNames: string[];
  aggregateType: string | null;
  aggregateId: string | null;
  since: Date | null;
  until: Date | null;
  /** The next position to look at. Everything was sent when it is above `toPosition`. */
  nextPosition: number;
  toPosition: number;
  /** Number of events sent so far. */
  sent: number;
  /**
   * `cancelled` and `failed` are of an operation: it ended before everything was sent. Operations are kept
   * for 400 days. After that, a request that ended early is `cancelled`, whatever ended it.
   */
  state: Exclude<OperationState, 'planned'>;
  /** The operation that it is a part of, which can be cancelled. Null for a request of its own. */
  operationId: string | null;
  requestedBy: string | null;
  createdAt: Date;
  finishedAt: Date | null;
}
