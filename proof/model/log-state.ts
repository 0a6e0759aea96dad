/** The state of the log model: the server, the writers, one reader, and what an onlooker remembers of the deliveries. */

/** A set of positions as bits: bit p stands for position p + 1. */
export type Positions = number;

/** No exploration hands out more positions than this. */
export const POSITIONS = 6;

export const Phase = {
  open: 0,
  /** Prepared for a two-phase commit: its locks are held by nobody's session. */
  prepared: 1,
  /** Committed and visible; its locks are not released yet. */
  visible: 2,
  ended: 3,
} as const;

/** Where a lock was taken: what is taken under a savepoint goes when the savepoint is rolled back. */
export const Scope = { none: 0, top: 1, savepoint: 2 } as const;

export const Savepoint = { unused: 0, set: 1, rolledBack: 2 } as const;

export interface Writer {
  phase: number;
  savepoint: number;
  /** RowExclusive on the log; for a writer of the shared key also the aggregate's row lock, taken just before. */
  lock: number;
  /** Events published so far, rolled back ones included. */
  published: number;
  /** Positions of rows that become visible if this transaction commits. */
  rows: Positions;
  /** The same, under the savepoint. */
  savepointRows: Positions;
  /** Drawn, but the row is not inserted yet: only in the mutant that draws before it locks. */
  drawn: Positions;
  /** The sweep has looked whether this one holds the lock … */
  looked: number;
  /** … and it did, and still does. */
  awaited: number;
}

export const Page = {
  none: 0,
  /** Holes read, tail not yet: only in the mutant that reads them apart. */
  half: 1,
  /** The server has read it; the answer is on its way. */
  underWay: 2,
} as const;

export const Sweep = {
  idle: 0,
  /** `upto` is noted; the holders are being read, one session after the other, as `pg_locks` does. */
  looking: 1,
  /** All who held were seen gone: the next page to start is the re-read. */
  holdersGone: 2,
  /** The sessions that held are gone; who was prepared at that moment is waited for. */
  preparedNoted: 3,
} as const;

export interface LogState {
  // The server.
  /** How many positions the sequence has handed out. */
  next: number;
  committed: Positions;
  /** Positions whose event is of the shared key. */
  keyed: Positions;
  /** The stored cursor: positions no longer in `unread`. */
  settled: Positions;
  writers: Writer[];
  /** Positions a session still has from its last visit to the sequence, for two sessions: only in the mutant with a cache. */
  cached: [Positions, Positions];
  /** The furthest another consumer has read. */
  otherRead: number;

  // The reader's memory.
  /** What it believes to be settled: the stored cursor as loaded, and what it saved since. */
  known: Positions;
  inFlight: Positions;
  /** Outcomes that wait for the next save. */
  done: Positions;
  /** One above the highest position it has seen committed. */
  readPosition: number;
  page: number;
  pageRows: Positions;
  pageIsReread: number;
  sweep: number;
  upto: number;

  // Events that their handler put off, and later ones of their key, which wait. Empty unless the setup postpones.
  /** In memory: what the next save writes down as rows of the inbox. */
  putOff: Positions;
  /** The stored rows of the inbox that are not resolved. */
  rows: Positions;
  /** In memory: rows whose handlers have run to their end, which the next save resolves. */
  rowsDone: Positions;
  /** In memory: the rows that are known. */
  rowsKnown: Positions;

  // A replica that stopped following, and takes over once. Zero unless the setup has one.
  replica: number;
  replicaNext: number;
  replicaCommitted: Positions;
  replicaSettled: Positions;

  // The onlooker.
  delivered: Positions;
  /** A later event of the key was delivered first. */
  disordered: number;
}

export const Replica = { follows: 0, stopped: 1, tookOver: 2, noticed: 3 } as const;

export function count(positions: Positions): number {
  let n = 0;
  for (let rest = positions; rest !== 0; rest &= rest - 1) n += 1;
  return n;
}

/** The lowest `n` of them. */
export function lowest(positions: Positions, n: number): Positions {
  let rest = positions;
  for (let i = 0; i < n; i++) rest &= rest - 1;
  return positions & ~rest;
}

/** One above the highest of them; 0 for none. */
export function upper(positions: Positions): number {
  return 32 - Math.clz32(positions);
}

export function below(bound: number): Positions {
  return (1 << bound) - 1;
}

export function firstLogState(writers: number): LogState {
  return {
    next: 0,
    committed: 0,
    keyed: 0,
    settled: 0,
    writers: Array.from({ length: writers }, () => ({
      phase: Phase.open,
      savepoint: Savepoint.unused,
      lock: Scope.none,
      published: 0,
      rows: 0,
      savepointRows: 0,
      drawn: 0,
      looked: 0,
      awaited: 0,
    })),
    cached: [0, 0],
    otherRead: 0,
    known: 0,
    inFlight: 0,
    done: 0,
    readPosition: 0,
    page: Page.none,
    pageRows: 0,
    pageIsReread: 0,
    sweep: Sweep.idle,
    upto: 0,
    putOff: 0,
    rows: 0,
    rowsDone: 0,
    rowsKnown: 0,
    replica: Replica.follows,
    replicaNext: 0,
    replicaCommitted: 0,
    replicaSettled: 0,
    delivered: 0,
    disordered: 0,
  };
}

export function copyLogState(s: LogState): LogState {
  return { ...s, writers: s.writers.map((w) => ({ ...w })), cached: [...s.cached] };
}
