/** The rules of leases and of a handler's transaction as data; each has a wrong turn that a mutant takes. */

export interface LeaseRules {
  /** A transactional handler first writes its inbox row, then asks for the token. */
  readonly rowBeforeToken: boolean;
  /** The handler's transaction sees what is committed at each statement; a repeatable-read one sees what was when it began. */
  readonly isolation: 'read committed' | 'repeatable read';
  /** A claim holds the cursor row FOR SHARE from its look at the token to its commit. */
  readonly claimHoldsCursor: boolean;
  /** The attempt is counted by the claim; else by the save of its outcome. */
  readonly attemptsCounted: 'at claim' | 'after the run';
  /**
   * What becomes of a counted attempt whose process is gone. Of several runs that ended with it at most one is to
   * blame, so the attempt is given back once and the event runs alone the next time: then it counts.
   */
  readonly interrupted: 'given back, then alone' | 'stays counted';
  /** What the save does with an event whose handler put it off. The row comes due later, with the number that it had. */
  readonly postponed: 'gives the attempt back' | 'counts' | 'is settled without a row';
  /** An event that runs alone because it may end its process does so again after it was put off. */
  readonly postponedStaysSuspect: boolean;
  /** A save changes nothing unless the token is still its owner's. */
  readonly saveFenced: boolean;
  /** Where the `processed` rows of a transactional handler are deleted. */
  readonly cleaning: 'in the fenced save' | 'before the save, fenced' | 'after the handler, unfenced';
  /** Saving an outcome leaves a row that says `processed` alone. */
  readonly saveKeepsProcessed: boolean;
  /** The outcome of a retry changes the row it claimed; it never writes a new one. */
  readonly retryOutcome: 'updates its row' | 'inserts or updates';
  /** The token bump commits alone; marking and loading follow as statements of their own. */
  readonly takeover: 'in two steps' | 'in one statement';
  /** Marking leftover rows as interrupted asks for the token and holds the cursor row meanwhile. */
  readonly markFenced: boolean;
  /** A row that was locked when leftovers were marked is marked later. */
  readonly marksLockedRowsLater: boolean;
  /** After any lost engine connection the memory is dropped and the lease claimed anew. */
  readonly dropsMemoryWithConnection: boolean;
  /** A lease is given back only when nothing runs … */
  readonly releaseWaitsForHandlers: boolean;
  /** … and nothing is unsaved. */
  readonly releaseWaitsForSave: boolean;
  /** An attempt past its deadline, or of a lost lease, may finish its SQL but calls no handler any more. */
  readonly lateAttemptsCallNoHandler: boolean;
  /** The server ends transactions of a client that says nothing. */
  readonly serverEndsStalled: boolean;
  /** A retry asks for the token too. Not needed: its row, status and attempt number are fence enough. */
  readonly retryAsksForToken: boolean;
}

export const leaseRules: LeaseRules = {
  rowBeforeToken: true,
  isolation: 'read committed',
  claimHoldsCursor: true,
  attemptsCounted: 'at claim',
  interrupted: 'given back, then alone',
  postponed: 'gives the attempt back',
  postponedStaysSuspect: true,
  saveFenced: true,
  cleaning: 'in the fenced save',
  saveKeepsProcessed: true,
  retryOutcome: 'updates its row',
  takeover: 'in two steps',
  markFenced: true,
  marksLockedRowsLater: true,
  dropsMemoryWithConnection: true,
  releaseWaitsForHandlers: true,
  releaseWaitsForSave: true,
  lateAttemptsCallNoHandler: true,
  serverEndsStalled: true,
  retryAsksForToken: false,
};

export interface LeaseSetup {
  readonly transactional: boolean;
  readonly plain: boolean;
  /** Tokens given out in all: the first owner's, and one for each takeover. */
  readonly tokens: number;
  readonly maxAttempts: number;
  /** How many transactions may be left behind at a time, by a deadline, a lost connection or a lost lease. */
  readonly strays: 1 | 2;
  /** Crashes, stalls past the lease, lost connections, deadlines, failing handlers. Without them owners only hand over. */
  readonly faults: boolean;
  /** A handler may put its event off, any number of times. */
  readonly postpones: boolean;
}
