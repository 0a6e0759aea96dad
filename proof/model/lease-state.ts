/** The state of the lease model: the cursor and inbox rows, two owners' memories, the transactions they left behind, the effects. */
import type { Bits } from './bits.js';

/** The two events; the bit of one in `unread` is `1 << event`. */
export const TRANSACTIONAL = 0;
export const PLAIN = 1;

export const Row = { none: 0, failed: 1, processing: 2, processed: 3, dead: 4 } as const;

/** An inbox row as committed. What a handler's transaction wrote and did not commit is in its `Run`. */
export interface InboxRow {
  status: number;
  attempt: number;
  /** Failed: it was interrupted, its next run is to be alone. Processing: it runs alone. */
  alone: number;
}

export function inboxRow(status: number, attempt: number, alone = 0): InboxRow {
  return { status, attempt, alone };
}

export const Lane = { log: 0, retry: 1 } as const;

/** A handler's transaction: has it written its inbox row, found its token, called the handler? */
export interface Run {
  lane: number;
  /** The attempt its claim counted; 0 in the log lane. */
  attempt: number;
  row: number;
  checked: number;
  effect: number;
  /** The token as it was when the transaction began: all that repeatable read will ever see. */
  seen: number;
}

export const Phase = {
  none: 0,
  unread: 1,
  due: 2,
  /** Found as `processing` at load, its row locked: to be marked as interrupted later. */
  leftover: 3,
  /** In the claim's transaction, after its look at the token. */
  claiming: 4,
  running: 5,
  // Outcomes that wait for a save.
  ok: 6,
  failed: 7,
  /** Its handler put the event off. */
  postponed: 8,
} as const;

/** What an owner's memory says about one event. */
export interface Work extends Run {
  phase: number;
}

export const Stage = {
  out: 0,
  /** In the takeover's one statement, after its snapshot: only in a mutant. */
  waiting: 1,
  bumped: 2,
  marked: 3,
  active: 4,
} as const;

export interface Owner {
  stage: number;
  /** The token it believes to hold; 0 for none. */
  token: number;
  work: [Work, Work];
}

/** A handler's transaction that no memory follows any more. */
export interface Stray extends Run {
  present: number;
  /** The token its attempt started under. */
  token: number;
  /** Its process lives and may go on with it; else only the server ends it, or carries out a commit already sent. */
  client: number;
}

export interface LeaseState {
  token: number;
  /** The lease was given back. */
  free: number;
  unread: number;
  rows: [InboxRow, InboxRow];
  owners: [Owner, Owner];
  strays: [Stray, Stray];
  /** Effects that happened, per event; more than two are not counted. */
  effects: [number, number];
  /** Retries of the lease's present owner that failed or ended with its process, per event. */
  spent: [number, number];
  /** A row was marked as interrupted while the lease's owner was running it. */
  wronged: number;
}

const noRun: Run = { lane: 0, attempt: 0, row: 0, checked: 0, effect: 0, seen: 0 };

export function work(phase: number, run: Partial<Run> = {}): Work {
  return { phase, ...noRun, ...run };
}

export function stray(run: Partial<Stray> = {}): Stray {
  return { present: 0, token: 0, client: 0, ...noRun, ...run };
}

export function outOfWork(): Owner {
  return { stage: Stage.out, token: 0, work: [work(Phase.none), work(Phase.none)] };
}

export function copyLeaseState(s: LeaseState): LeaseState {
  return {
    ...s,
    rows: [{ ...s.rows[0] }, { ...s.rows[1] }],
    owners: [copyOwner(s.owners[0]), copyOwner(s.owners[1])],
    strays: [{ ...s.strays[0] }, { ...s.strays[1] }],
    effects: [...s.effects],
    spent: [...s.spent],
  };
}

function copyOwner(o: Owner): Owner {
  return { ...o, work: [{ ...o.work[0] }, { ...o.work[1] }] };
}

/** Owners are alike, and so are strays: the smaller of two is written first. */
export function writeLeaseState(s: LeaseState, bits: Bits): void {
  putSorted(bits, 28, packOwner(s.owners[0]), packOwner(s.owners[1]));
  putSorted(bits, 15, packStray(s.strays[0]), packStray(s.strays[1]));
  bits.put(3, s.token);
  bits.put(1, s.free);
  bits.put(2, s.unread);
  for (const row of s.rows) {
    bits.put(3, row.status);
    bits.put(3, row.attempt);
    bits.put(1, row.alone);
  }
  for (const n of s.effects) bits.put(2, n);
  for (const n of s.spent) bits.put(3, n);
  bits.put(1, s.wronged);
}

export function readLeaseState(bits: Bits): LeaseState {
  const owners: [Owner, Owner] = [unpackOwner(bits.take(28)), unpackOwner(bits.take(28))];
  const strays: [Stray, Stray] = [unpackStray(bits.take(15)), unpackStray(bits.take(15))];
  const token = bits.take(3);
  const free = bits.take(1);
  const unread = bits.take(2);
  const rows: [InboxRow, InboxRow] = [readRow(bits), readRow(bits)];
  const effects: [number, number] = [bits.take(2), bits.take(2)];
  const spent: [number, number] = [bits.take(3), bits.take(3)];
  return { token, free, unread, rows, owners, strays, effects, spent, wronged: bits.take(1) };
}

function readRow(bits: Bits): InboxRow {
  return inboxRow(bits.take(3), bits.take(3), bits.take(1));
}

function putSorted(bits: Bits, width: number, a: number, b: number): void {
  bits.put(width, Math.min(a, b));
  bits.put(width, Math.max(a, b));
}

/** A plain run has no transaction: phase, lane and attempt say all of it. */
function packOwner(o: Owner): number {
  const [transactional, plain] = o.work;
  const short = plain.phase | (plain.lane << 4) | (plain.attempt << 5);
  return (
    o.stage | (o.token << 3) | (short << 6) | (transactional.phase << 14) | (packRun(transactional) << 18)
  );
}

function unpackOwner(packed: number): Owner {
  return {
    stage: packed & 7,
    token: (packed >> 3) & 7,
    work: [
      unpackWork((packed >> 14) & 15, packed >> 18),
      unpackWork((packed >> 6) & 15, (packed >> 10) & 15),
    ],
  };
}

function packStray(s: Stray): number {
  return s.present | (s.token << 1) | (s.client << 4) | (packRun(s) << 5);
}

function unpackStray(packed: number): Stray {
  return {
    present: packed & 1,
    token: (packed >> 1) & 7,
    client: (packed >> 4) & 1,
    lane: (packed >> 5) & 1,
    attempt: (packed >> 6) & 7,
    row: (packed >> 9) & 1,
    checked: (packed >> 10) & 1,
    effect: (packed >> 11) & 1,
    seen: (packed >> 12) & 7,
  };
}

function packRun(r: Run): number {
  return r.lane | (r.attempt << 1) | (r.row << 4) | (r.checked << 5) | (r.effect << 6) | (r.seen << 7);
}

function unpackWork(phase: number, run: number): Work {
  return {
    phase,
    lane: run & 1,
    attempt: (run >> 1) & 7,
    row: (run >> 4) & 1,
    checked: (run >> 5) & 1,
    effect: (run >> 6) & 1,
    seen: (run >> 7) & 7,
  };
}
