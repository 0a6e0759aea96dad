/** The rules of calls as data: each is a decision of `src/calls`, and each has a wrong turn that a mutant takes. */

export interface CallsRules {
  /** The attempt is counted, and the token written, before the other system hears of the call. */
  readonly countsFirst: boolean;
  /** Who takes a call compares the token and the number that it has read. */
  readonly comparesToken: boolean;
  /** A call with a token is one of which nobody knows whether the other system has it. */
  readonly tokenMeansUnknown: boolean;
  /** Whoever tells something of a call locks its row, and looks then. */
  readonly locksRow: boolean;
  /** A report takes the lock of its external id, and looks for the call then. */
  readonly reportLocksName: boolean;
  /** Whoever makes an external id known takes its lock, and looks for reports that wait then. */
  readonly saveLocksName: boolean;
  /** Reports that have waited are taken up by the transaction that makes the external id known. */
  readonly adoptsInTheCommit: boolean;
  /** After its end, nothing changes a call. */
  readonly endIsFinal: boolean;
}

export const callsRules: CallsRules = {
  countsFirst: true,
  comparesToken: true,
  tokenMeansUnknown: true,
  locksRow: true,
  reportLocksName: true,
  saveLocksName: true,
  adoptsInTheCommit: true,
  endIsFinal: true,
};

export interface CallsSetup {
  /** What a type says of a call that may have been taken: ask, start again with the same key, or give up. */
  readonly unknown: 'find' | 'retry' | 'fail';
  /** How many reports come from the other system: that it is done, and then that it has failed. */
  readonly reports: 1 | 2;
  /** The deadline may pass at any moment. */
  readonly deadline: boolean;
  /** Processes die anywhere, and answers do not come. */
  readonly faults: boolean;
}
