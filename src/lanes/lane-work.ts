import type { EngineSession } from '../database/sql/engine-session.js';
import type { Lease } from '../membership/leases/lease.js';
import type { LaneKind } from './outgoing-target.store.js';

/** A piece of work for one target. */
export interface LaneItem {
  /** The id of the target. */
  readonly target: string;
  /** Tells it from all other items of its kind. */
  readonly key: string;
}

/** How one run of an item ended. */
export type Outcome =
  | { readonly is: 'done' }
  /** It is to run again. `isFailure`: it counts as a failure of the target. */
  | { readonly is: 'again'; readonly afterMs: number; readonly isFailure: boolean }
  /** It is given up. */
  | { readonly is: 'dead'; readonly reason: string; readonly isFailure: boolean }
  /** The target asked for a pause. The run counts as no attempt, but the target does not work meanwhile. */
  | { readonly is: 'target-off'; readonly forMs: number };

export interface Ended<Item extends LaneItem> {
  readonly item: Item;
  readonly outcome: Outcome;
}

/** What the runs of a target came to, one after another. */
export interface TargetState {
  /** How many have failed since the last one that was done. */
  readonly failures: number;
  /** Since when none was done though some were tried. */
  readonly failingSince: Date | null;
}

/** A target before and after the runs that are being saved, by the clock of the database. */
export interface TargetChange {
  readonly before: TargetState;
  readonly after: TargetState;
  readonly at: Date;
}

/** The limits of one target. */
export interface TargetLimits {
  /** Undefined for the limit of the kind. */
  readonly maxInFlight?: number | undefined;
  /** How many runs may begin in a second. Undefined for no limit. */
  readonly ratePerSecond?: number | undefined;
}

/** The limits of a kind of work in one process. */
export interface LaneLimits {
  /** 0 while nothing is to begin. */
  readonly maxInFlight: number;
  readonly maxInFlightPerTarget: number;
  /** After so many failures in a row, one item at a time tries the target. */
  readonly probeAfterFailures: number;
  /** How long a run may take, in milliseconds. A lane that is handed over waits no longer. */
  readonly timeoutMs: number;
}

/** What a run is given. */
export interface LaneRun {
  /** Aborted when the run must end at once. What it returns then is dropped. */
  readonly signal: AbortSignal;
  /**
   * The lease of the lane. A run that saves by itself fences its transactions with it. Its signal is aborted
   * before that of the run: when another process has asked for the lane, or the application ends. A run that
   * takes long ends soon then, and the next owner goes on.
   */
  readonly lease: Lease;
}

/** What one kind of work brings. Its statements stand in its own store. */
export interface LaneWork<Item extends LaneItem = LaneItem> {
  readonly kind: LaneKind;
  limits(): LaneLimits;
  /** The limits of these targets, where they are not those of the kind. Asked every few seconds. */
  limitsOf?(targets: readonly string[]): Promise<ReadonlyMap<string, TargetLimits>>;
  /** For each of these targets, at most so many items that are due, the first ones first. */
  due(wanted: ReadonlyMap<string, number>): Promise<Item[]>;
  /** Runs one item. It ends soon when the signal is aborted, and what it returns then is dropped. */
  run(item: Item, context: LaneRun): Promise<Outcome>;
  /**
   * Saves how items ended. The targets are locked, and the leases of their lanes hold until the transaction
   * ends. An item of an outcome `again` is due `afterMs` from now; one of `target-off` stays due as it is.
   *
   * A save is repeated if the answer to its COMMIT is lost. So it must change nothing of what is saved
   * already. Returns what it has saved: only that counts for the target.
   */
  save(session: EngineSession, ended: readonly Ended<Item>[]): Promise<readonly Ended<Item>[]>;
  /** Tells of what was saved, in the same transaction. */
  tell?(
    session: EngineSession,
    saved: readonly Ended<Item>[],
    changes: ReadonlyMap<string, TargetChange>,
  ): Promise<void>;
  /** When the next item of each target is due, in flight or not. Null if there is none. */
  nextDue(session: EngineSession, targets: readonly string[]): Promise<ReadonlyMap<string, Date | null>>;
  /** Is called when a save has committed. What it throws is logged. */
  saved?(ended: readonly Ended<Item>[], changes: ReadonlyMap<string, TargetChange>): Promise<void>;
}
