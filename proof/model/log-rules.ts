/** The rules of the log as data: each is a decision of the engine, and each has a wrong turn that a mutant takes. */

export interface LogRules {
  /** Every session that held the lock when it was looked at is waited for. */
  readonly waitsForHolders: boolean;
  /** Where the sweep's upper bound comes from, and when. */
  readonly upto:
    | 'own, before the holders are read'
    | 'own, after the holders are read'
    | "another consumer's, before the holders are read"
    | "another consumer's, when the holes are settled";
  /** The holes are read once more before they are settled. */
  readonly rereads: boolean;
  /** Only a page started after the last holder was seen gone counts as that re-read. */
  readonly rereadStartsAfterHolders: boolean;
  /** A re-read that its limit cut settles only holes below its last row. */
  readonly cutLimitsSettling: boolean;
  /** Holes and tail are read by one statement. */
  readonly oneSnapshot: boolean;
  /** How many positions a session takes from the sequence at once. */
  readonly sequenceCache: 1 | 2;
  /** The lock is taken before the position is drawn, as GENERATED ALWAYS enforces for an INSERT. */
  readonly locksBeforeDrawing: boolean;
  /** Which holders without a session (prepared transactions, whose former sessions are not to be told) are waited for as well. */
  readonly waitsForPrepared:
    | 'those that are there when the last session has gone'
    | 'those of the first look'
    | 'none';
  /** After a reload the read position is the end of what the stored cursor has settled, not zero. */
  readonly readPositionFromCursor: boolean;
  /** Later events of a key wait while an earlier one is put off. */
  readonly laterOnesWait: boolean;
  /** The row of an event that is put off is written by the statement that settles its position. */
  readonly rowIsSavedWithPosition: boolean;
  /** Who takes a cursor over looks for its unresolved rows before it handles anything. */
  readonly loadsRows: boolean;
  /** What the memory held is dropped when a server that lost commits has taken over … */
  readonly dropsMemory: 'with the first lost connection' | 'some time later' | 'never';
}

export const logRules: LogRules = {
  waitsForHolders: true,
  upto: 'own, before the holders are read',
  rereads: true,
  rereadStartsAfterHolders: true,
  cutLimitsSettling: true,
  oneSnapshot: true,
  sequenceCache: 1,
  locksBeforeDrawing: true,
  waitsForPrepared: 'those that are there when the last session has gone',
  readPositionFromCursor: true,
  laterOnesWait: true,
  rowIsSavedWithPosition: true,
  loadsRows: true,
  dropsMemory: 'with the first lost connection',
};

export interface WriterSetup {
  /** The most events it publishes. */
  readonly events: number;
  /** Its events are of the aggregate that the keyed writers share. */
  readonly keyed: boolean;
  readonly savepoint: boolean;
  readonly prepares: boolean;
  /** Writers of one session follow one another; it matters only to a sequence cache. */
  readonly session: 0 | 1;
}

export interface LogSetup {
  readonly writers: readonly WriterSetup[];
  /** Rows in a page. */
  readonly page: number;
  /** The reader may lose its memory, any number of times. */
  readonly crashes: boolean;
  /** A replica that stopped following at any moment takes over once. */
  readonly failover: boolean;
  /** Another consumer reads the same log. */
  readonly otherReader: boolean;
  /** A handler may put its event off, any number of times. Not together with a failover. */
  readonly postpones: boolean;
}
