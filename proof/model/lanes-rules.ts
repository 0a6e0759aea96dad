/** The rules of lanes as data: each is a decision of `src/lanes`, and each has a wrong turn that a mutant takes. */

export interface LanesRules {
  /** Who makes a target ready locks its row: always, or only where the row is not ready already. */
  readonly readinessLocks: 'always' | 'where null or later';
  /** What is due next is computed by a statement behind the lock, or by the one that waits for the lock. */
  readonly nextDue: 'behind the lock' | 'in the statement of the lock';
  /** What is due next counts what is in flight. */
  readonly nextDueCountsInFlight: boolean;
  /** How a save makes sure of its lease. */
  readonly fence: 'holds the lease' | 'looks at the token' | 'none';
  /** An owner that is asked for its lane waits for what is in flight, and saves it. */
  readonly handsOverIdle: boolean;
  /** When an item leaves what is in flight whose save has committed beside a look of the same owner. */
  readonly savedLeave: 'when the look is over' | 'at once';
  /** A look that finds nothing due has the time of the target computed again. */
  readonly correctsReady: boolean;
  /** A look leaves out a target whose places are all taken, and its time stays in the past. */
  readonly fullTarget: 'stays ready' | 'is taken off';
  /** The end of a hold makes the target ready. */
  readonly releaseMakesReady: boolean;
  /** Whether an item of an order has to wait is decided behind the lock of the target. */
  readonly waitingDecided: 'behind the lock' | 'before the lock';
  /** The end of an item gives the next one of its order its time. */
  readonly endReleasesNext: boolean;
}

export const lanesRules: LanesRules = {
  readinessLocks: 'always',
  nextDue: 'behind the lock',
  nextDueCountsInFlight: true,
  fence: 'holds the lease',
  handsOverIdle: true,
  savedLeave: 'when the look is over',
  correctsReady: true,
  fullTarget: 'stays ready',
  releaseMakesReady: true,
  waitingDecided: 'behind the lock',
  endReleasesNext: true,
};

export interface LanesSetup {
  /** Items of the one target, each added by a transaction of its own. */
  readonly items: 1 | 2 | 3;
  /** How many items of the target may be in flight. */
  readonly places: 1 | 2 | 3;
  /** How many owners the lane has in turn. */
  readonly tokens: number;
  /** Crashes, stalls past the lease, transactions that the server ends, answers that are lost. */
  readonly faults: boolean;
  /** A run may end with another one that is due later, once for each item. */
  readonly retries: boolean;
  /** Somebody holds the target once, and releases it. */
  readonly holds: boolean;
  /** The items are of one entity, and are sent in the order of their positions. */
  readonly ordered: boolean;
}
