/**
 * The log: why no committed event is missed, and why order is kept, as a machine whose every interleaving can be looked at.
 *
 * The claim. A position that the sweep settles belongs to no transaction that can still commit. Let T own a
 * position p below `upto`. T took RowExclusive on the log before it drew p, and keeps it until it (or the
 * savepoint it ran under) has ended; a commit is visible before its locks are released. p was drawn before a
 * higher position was seen committed, so before `upto` was noted, so before T's session was looked at. At that
 * look T held the lock, and is waited for, or had ended. Either way a page started after the wait shows T's row
 * or never will.
 *
 * And: who sees a later event of a key in a snapshot sees the earlier one in it too, since the writers of one
 * key publish after they hold its row lock and that is released after the commit is visible.
 *
 * What is modelled: `log-writers.ts` (locks, positions, visibility, savepoints, prepared transactions) and
 * `log-reader.ts` (pages, handlers, saves, the sweep with its looks at one session at a time, crashes, and a
 * failover to a server that lost commits). What a rule says is in `log-rules.ts`, its wrong turns in `mutants.ts`.
 */
import type { Bits } from './bits.js';
import type { Machine } from './explore.js';
import { readerSteps } from './log-reader.js';
import type { LogRules, LogSetup } from './log-rules.js';
import {
  copyLogState,
  firstLogState,
  type LogState,
  Page,
  Phase,
  POSITIONS,
  type Positions,
  Sweep,
  type Writer,
} from './log-state.js';
import { writerSteps } from './log-writers.js';

export const LOST = 'no committed event lost';
export const ORDER = 'order kept per aggregate';

export function logMachine(setup: LogSetup, rules: LogRules): Machine<LogState> {
  const [first, second] = setup.writers;
  const alike = JSON.stringify(first) === JSON.stringify(second) && rules.sequenceCache === 1;
  const forgets = !setup.failover && rules.sequenceCache === 1;
  return {
    words: setup.postpones ? 8 : 7,
    start: () => firstLogState(setup.writers.length),
    copy: copyLogState,
    write: (s, bits) => write(forgets ? withoutThePast(s) : s, bits, alike, setup.postpones),
    read: (bits) => read(bits, setup),
    steps(s, moves) {
      writerSteps(s, setup, rules, moves);
      readerSteps(s, setup, rules, moves);
    },
    broken(s) {
      if ((s.committed & s.settled & ~(s.delivered | s.rows)) !== 0 && !rowsAreUnderWay(s, rules))
        return LOST;
      return s.disordered === 1 ? ORDER : undefined;
    },
    finished: (s) =>
      s.writers.every((w) => w.phase === Phase.ended) &&
      s.page === Page.none &&
      s.sweep === Sweep.idle &&
      (s.inFlight | s.done | s.putOff | s.rows) === 0 &&
      (s.committed & ~(s.delivered & s.settled)) === 0 &&
      noHoleIsLeft(s),
  };
}

/** Only in a mutant: rows that a further statement will write. A crash before it loses them. */
function rowsAreUnderWay(s: LogState, rules: LogRules): boolean {
  return (
    !rules.rowIsSavedWithPosition && (s.committed & s.settled & ~(s.delivered | s.rows | s.putOff)) === 0
  );
}

/** A stored cursor at rest is one range: nothing below the highest settled position is unread. */
function noHoleIsLeft(s: LogState): boolean {
  return (s.settled & (s.settled + 1)) === 0;
}

/**
 * Nothing asks again about a position that is settled and was delivered or can never commit: what it was is
 * dropped, and a log that begins with such positions is counted from the first other one. This only names one
 * state for many that have the same future.
 */
function withoutThePast(s: LogState): LogState {
  let open = 0;
  for (const w of s.writers) open |= w.rows | w.savepointRows | w.drawn;
  const dead = ~(s.committed | open);
  const busy = s.inFlight | s.done | s.pageRows | s.putOff | s.rows;
  const past = s.settled & ~open & (s.delivered | dead) & ~busy;
  const shift = 31 - Math.clz32(~past & (past + 1));
  const on = (positions: Positions): Positions => (positions & ~past) >>> shift;
  const to = copyLogState(s);
  for (const w of to.writers) {
    w.rows >>>= shift;
    w.savepointRows >>>= shift;
    w.drawn >>>= shift;
  }
  to.next -= shift;
  to.readPosition = Math.max(0, s.readPosition - shift);
  to.upto = Math.max(0, s.upto - shift);
  to.otherRead = Math.max(0, s.otherRead - shift);
  to.committed = on(s.committed);
  to.delivered = on(s.delivered);
  to.keyed = on(s.keyed & ~dead);
  to.settled >>>= shift;
  to.known >>>= shift;
  to.inFlight >>>= shift;
  to.done >>>= shift;
  to.pageRows >>>= shift;
  to.putOff >>>= shift;
  to.rows >>>= shift;
  to.rowsDone >>>= shift;
  to.rowsKnown >>>= shift;
  return to;
}

/** Two alike writers are told apart only by what they do, so the smaller of the two is written first. */
function write(s: LogState, bits: Bits, alike: boolean, postpones: boolean): void {
  const writers = s.writers.map(packWriter);
  const [first = 0, second = 0] = writers;
  if (alike && first > second) {
    writers[0] = second;
    writers[1] = first;
  }
  for (const writer of writers) bits.put(28, writer);
  bits.put(3, s.next);
  for (const set of [s.committed, s.keyed, s.settled, s.known]) bits.put(POSITIONS, set);
  bits.put(3, s.readPosition);
  for (const set of [s.inFlight, s.done, s.pageRows, s.delivered]) bits.put(POSITIONS, set);
  bits.put(2, s.page);
  bits.put(1, s.pageIsReread);
  bits.put(2, s.sweep);
  bits.put(3, s.upto);
  bits.put(1, s.disordered);
  bits.put(3, s.otherRead);
  bits.put(2, s.replica);
  bits.put(3, s.replicaNext);
  for (const set of [s.replicaCommitted, s.replicaSettled, s.cached[0], s.cached[1]])
    bits.put(POSITIONS, set);
  if (postpones) for (const set of [s.putOff, s.rows, s.rowsDone, s.rowsKnown]) bits.put(POSITIONS, set);
}

function read(bits: Bits, setup: LogSetup): LogState {
  const s = firstLogState(setup.writers.length);
  for (const w of s.writers) unpackWriter(w, bits.take(28));
  s.next = bits.take(3);
  s.committed = bits.take(POSITIONS);
  s.keyed = bits.take(POSITIONS);
  s.settled = bits.take(POSITIONS);
  s.known = bits.take(POSITIONS);
  s.readPosition = bits.take(3);
  s.inFlight = bits.take(POSITIONS);
  s.done = bits.take(POSITIONS);
  s.pageRows = bits.take(POSITIONS);
  s.delivered = bits.take(POSITIONS);
  s.page = bits.take(2);
  s.pageIsReread = bits.take(1);
  s.sweep = bits.take(2);
  s.upto = bits.take(3);
  s.disordered = bits.take(1);
  s.otherRead = bits.take(3);
  s.replica = bits.take(2);
  s.replicaNext = bits.take(3);
  s.replicaCommitted = bits.take(POSITIONS);
  s.replicaSettled = bits.take(POSITIONS);
  s.cached = [bits.take(POSITIONS), bits.take(POSITIONS)];
  if (setup.postpones) {
    s.putOff = bits.take(POSITIONS);
    s.rows = bits.take(POSITIONS);
    s.rowsDone = bits.take(POSITIONS);
    s.rowsKnown = bits.take(POSITIONS);
  }
  return s;
}

function packWriter(w: Writer): number {
  return (
    w.phase |
    (w.savepoint << 2) |
    (w.lock << 4) |
    (w.published << 6) |
    (w.rows << 8) |
    (w.savepointRows << 14) |
    (w.drawn << 20) |
    (w.looked << 26) |
    (w.awaited << 27)
  );
}

function unpackWriter(w: Writer, packed: number): void {
  w.phase = packed & 3;
  w.savepoint = (packed >> 2) & 3;
  w.lock = (packed >> 4) & 3;
  w.published = (packed >> 6) & 3;
  w.rows = (packed >> 8) & 63;
  w.savepointRows = (packed >> 14) & 63;
  w.drawn = (packed >> 20) & 63;
  w.looked = (packed >> 26) & 1;
  w.awaited = (packed >> 27) & 1;
}
