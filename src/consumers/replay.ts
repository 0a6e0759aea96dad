/** A part of the log by positions, both ends included; without `to` up to its end. */
export interface ReplayRange {
  from: number;
  to?: number | undefined;
}

/** Which events of the consumer's to deliver again; every field given must match. */
export interface ReplayFilter {
  /** Within a range of positions, as in `ReplayRange`. */
  from?: number | undefined;
  to?: number | undefined;
  /** Exact, or with a trailing `*`. */
  eventNames?: readonly string[] | undefined;
  aggregateType?: string | undefined;
  /** Together with `aggregateType`. */
  aggregateId?: string | undefined;
  /** Written at this time or later. */
  since?: Date | undefined;
  /** Written before this time. */
  until?: Date | undefined;
}

/** What came of asking for a replay. */
export type ReplayResult =
  | {
      kind: 'range';
      from: number;
      to: number;
      /** Positions that were settled and are unread again, whatever their event names. */
      positions: number;
    }
  | { kind: 'request'; request: ReplayRequest };

/** A filtered replay, worked off by the consumer's owner while it runs. */
export interface ReplayRequest {
  id: string;
  consumerName: string;
  /** Empty: of every name. */
  eventNames: string[];
  aggregateType: string | null;
  aggregateId: string | null;
  since: Date | null;
  until: Date | null;
  /** How far it has come: the next position to look at. Beyond `toPosition` it is finished. */
  nextPosition: number;
  toPosition: number;
  /** Events that it has sent so far. */
  sent: number;
  requestedBy: string | null;
  createdAt: Date;
  finishedAt: Date | null;
}
