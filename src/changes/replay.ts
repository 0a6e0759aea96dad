import type { OperationFilter, PartOfLog } from './chosen/operation-filter.js';

/** A part of the log by positions. Both ends are included. Without `to`, it goes to the end of the log. */
export interface ReplayRange {
  from: number;
  to?: number | undefined;
}

/** What has become of a range that was put back at once. */
export interface ReplayedRange {
  from: number;
  to: number;
  /** Number of positions that were settled and are unread again, with any event name. */
  positions: number;
}

/**
 * Chooses the consumer's events to deliver again. An event must match every given field. `aggregateId` needs
 * `aggregateType`.
 */
export interface ReplayFilter
  extends PartOfLog,
    Pick<OperationFilter, 'eventName' | 'aggregateType' | 'aggregateId'> {}
