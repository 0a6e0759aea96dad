import type { SyncKind } from '../definition/sync.js';

export const STREAM_STATUSES = ['new', 'ok', 'failing', 'stalled', 'suspicious'] as const;
/**
 * How the last run of a stream ended. `suspicious`: it would delete so much that a person is asked.
 * `stalled`: its runs take their time, and its checkpoint does not move.
 */
export type StreamStatus = (typeof STREAM_STATUSES)[number];

/** What a stream keeps from run to run, as it is stored. */
export interface Stream {
  readonly id: string;
  readonly tenantId: string;
  readonly connectionId: string;
  readonly connector: string;
  readonly sync: string;
  readonly partition: string;
  readonly status: StreamStatus;
  readonly isPaused: boolean;
  readonly runId: string | null;
  readonly ownerToken: string | null;
  readonly starts: number;
  readonly openKind: SyncKind | null;
  readonly wantedKind: SyncKind | null;
  readonly checkpoint: unknown;
  readonly generation: number;
  readonly fullSince: Date | null;
  readonly isComplete: boolean;
  readonly isFirstEmpty: boolean;
  readonly isConfirmed: boolean;
  readonly failures: number;
  readonly stalledRuns: number;
  readonly nextRunAt: Date | null;
  readonly lastOkAt: Date | null;
}

/** A stream whose row is locked, and the clock of the database. */
export interface LockedStream extends Stream {
  readonly now: Date;
}

/** What a run has done so far. */
export interface RunCounts {
  readonly pages: number;
  /** Records that pages had, those set aside included. */
  readonly records: number;
  readonly added: number;
  readonly updated: number;
  readonly deleted: number;
  readonly unchanged: number;
  /** Records that were set aside. */
  readonly problems: number;
}

export type SyncRunStatus = 'running' | 'completed' | 'failed' | 'canceled' | 'stalled' | 'suspicious';

export interface SyncRunError {
  readonly code: string;
  readonly message: string;
}

/** One run of a stream. It may take several attempts, of several processes. */
export interface SyncRun extends RunCounts {
  readonly id: string;
  readonly streamId: string;
  readonly kind: SyncKind;
  readonly status: SyncRunStatus;
  /** Null unless it failed, stalled or is suspicious. */
  readonly error: SyncRunError | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
}

/** How a stream stands, for people. */
export interface SyncStatus
  extends Pick<
    Stream,
    | 'id'
    | 'connectionId'
    | 'connector'
    | 'sync'
    | 'partition'
    | 'status'
    | 'isPaused'
    | 'failures'
    | 'stalledRuns'
    | 'nextRunAt'
    | 'lastOkAt'
  > {
  /** The run that is under way. */
  readonly runId: string | null;
  /** The last run, also one that is under way. */
  readonly lastRun: SyncRun | null;
}

/** A record as it was seen last. */
export interface SyncedRecord {
  readonly externalId: string;
  /** Null where the sync keeps hashes only, and for one that is deleted. */
  readonly data: unknown;
  readonly sourceAt: Date | null;
  readonly deletedAt: Date | null;
}

/** A record that was set aside. */
export interface SyncProblem {
  readonly externalId: string;
  /** Where in the record it is wrong. */
  readonly path: string;
  readonly reason: string;
  readonly seenAt: Date;
}

export interface SyncPageRequest {
  /** Number of rows: 50 by default, at most 1,000. */
  limit?: number | undefined;
  /** The `next` of the page before. */
  after?: string | undefined;
}
