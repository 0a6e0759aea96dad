/**
 * One consumer's cursor: pages, handlers that finish in any order across aggregates, saves, the sweep, the loss
 * of its memory. `unread` in memory is what is neither known as settled, nor in flight, nor done.
 */
import type { Moves } from './explore.js';
import { findRowSteps, isBehindRow, postponingSteps, reloadRows, saveRows } from './log-postponing.js';
import type { LogRules, LogSetup } from './log-rules.js';
import {
  below,
  count,
  type LogState,
  lowest,
  Page,
  Phase,
  POSITIONS,
  type Positions,
  Replica,
  Scope,
  Sweep,
  upper,
  type Writer,
} from './log-state.js';
import { end } from './log-writers.js';

export function readerSteps(s: LogState, setup: LogSetup, rules: LogRules, moves: Moves<LogState>): void {
  pageSteps(s, setup, rules, moves);
  handlerSteps(s, rules, moves);
  if (setup.postpones) {
    postponingSteps(s, rules, moves);
    findRowSteps(s, rules, moves);
  }
  if ((s.done | s.rowsDone | (s.putOff & ~s.settled)) !== 0)
    moves.step(
      () =>
        `reader: saves ${list(s.done | s.putOff)} as settled${s.putOff ? `, with rows for ${list(s.putOff)}` : ''}`,
      (next) => {
        next.settled |= s.done;
        next.known |= s.done;
        next.done = 0;
        saveRows(next, rules);
      },
    );
  sweepSteps(s, rules, moves);
  if (setup.crashes && hasMemory(s))
    moves.fault(
      () => 'reader: crashes; starts again with the stored cursor',
      (next) => reload(next, rules),
    );
  if (setup.failover) failoverSteps(s, rules, moves);
  if (setup.otherReader) otherReaderStep(s, moves);
}

/** Of the other consumer only its position matters: one above the highest it has seen committed. */
function otherReaderStep(s: LogState, moves: Moves<LogState>): void {
  const position = upper(s.committed | s.settled);
  if (position === s.otherRead) return;
  moves.step(
    () => `the other consumer reads up to position ${position}`,
    (next) => {
      next.otherRead = position;
    },
  );
}

// Pages -----------------------------------------------------------------------------------------------------

function unread(s: LogState): Positions {
  return below(POSITIONS) & ~(s.known | s.inFlight | s.done | s.putOff);
}

function holes(s: LogState): Positions {
  return unread(s) & below(s.readPosition);
}

function pageSteps(s: LogState, setup: LogSetup, rules: LogRules, moves: Moves<LogState>): void {
  const found = s.committed & unread(s);
  if (s.page === Page.underWay) arrival(s, setup, rules, moves);
  else if (s.page === Page.half) {
    const rows = s.pageRows | lowest(found & ~below(s.readPosition), setup.page - count(s.pageRows));
    moves.step(
      () => `reader: reads the tail in a second snapshot, which shows ${list(rows & ~s.pageRows)}`,
      (next) => begin(next, Page.underWay, rows),
    );
  } else if (!rules.oneSnapshot) {
    const rows = lowest(found & below(s.readPosition), setup.page);
    moves.step(
      () => `reader: reads the holes, which show ${list(rows)}`,
      (next) => begin(next, Page.half, rows),
    );
  } else if (found !== 0 || s.sweep === Sweep.holdersGone || !rules.rereadStartsAfterHolders) {
    // An empty page changes nothing unless the sweep waits for one.
    const rows = lowest(found, setup.page);
    moves.step(
      () =>
        `reader: starts a page${s.sweep === Sweep.holdersGone ? ', the re-read' : ''}; its snapshot shows ${list(rows)}`,
      (next) => {
        begin(next, Page.underWay, rows);
        next.pageIsReread = s.sweep === Sweep.holdersGone ? 1 : 0;
      },
    );
  }
}

function begin(next: LogState, page: number, rows: Positions): void {
  next.page = page;
  next.pageRows = rows;
}

function arrival(s: LogState, setup: LogSetup, rules: LogRules, moves: Moves<LogState>): void {
  const isReread = rules.rereadStartsAfterHolders ? s.pageIsReread === 1 : s.sweep === Sweep.holdersGone;
  const bound = isReread && rules.rereads ? settlingBound(s, setup, rules) : 0;
  const absent = unread(s) & ~s.pageRows & below(bound);
  moves.step(
    () =>
      `reader: the page arrives, handlers of ${list(s.pageRows)} start` +
      (isReread ? `; what is absent below ${bound + 1}, ${list(absent)}, is settled` : ''),
    (next) => {
      next.inFlight |= s.pageRows;
      next.readPosition = Math.max(s.readPosition, upper(s.pageRows));
      next.done |= absent;
      next.page = Page.none;
      next.pageRows = 0;
      next.pageIsReread = 0;
      if (isReread) endSweep(next);
    },
  );
}

function settlingBound(s: LogState, setup: LogSetup, rules: LogRules): number {
  const upto = rules.upto === "another consumer's, when the holes are settled" ? s.otherRead : s.upto;
  const cut = count(s.pageRows) === setup.page;
  return cut && rules.cutLimitsSettling ? Math.min(upto, upper(s.pageRows)) : upto;
}

// Handlers --------------------------------------------------------------------------------------------------

/** Any running handler may finish, but those of the shared key run one after another, in the order they came. */
function handlerSteps(s: LogState, rules: LogRules, moves: Moves<LogState>): void {
  for (let p = 0; p < s.next; p++) {
    const position = 1 << p;
    if ((s.inFlight & position) === 0) continue;
    const keyed = (s.keyed & position) !== 0;
    const earlier = s.keyed & below(p);
    if (keyed && (s.inFlight & earlier) !== 0) continue;
    if (isBehindRow(s, position, earlier, rules)) continue;
    moves.step(
      () => `reader: the handler of ${p + 1} finishes`,
      (next) => {
        if (keyed && (s.committed & earlier & ~s.delivered) !== 0) next.disordered = 1;
        next.inFlight &= ~position;
        next.done |= position;
        next.delivered |= position;
      },
    );
  }
}

// The sweep -------------------------------------------------------------------------------------------------

function sweepSteps(s: LogState, rules: LogRules, moves: Moves<LogState>): void {
  if (s.sweep === Sweep.idle) {
    if (holes(s) !== 0) noteStep(s, rules, moves);
  } else if (s.sweep === Sweep.looking) lookSteps(s, rules, moves);
  else if (s.sweep === Sweep.preparedNoted) {
    if (!isAwaited(s)) holdersGoneStep(s, rules, moves);
  } else if (!rules.rereads) {
    const absent = holes(s) & below(s.upto);
    moves.step(
      () => `sweep: settles the holes below ${s.upto + 1} as memory has them: ${list(absent)}`,
      (next) => {
        next.done |= absent;
        endSweep(next);
      },
    );
  }
}

function noteStep(s: LogState, rules: LogRules, moves: Moves<LogState>): void {
  const upto =
    rules.upto === "another consumer's, before the holders are read" ? s.otherRead : s.readPosition;
  moves.step(
    () => `sweep: begins${rules.upto === logUptoLate ? '' : `, notes upto = ${upto + 1}`}`,
    (next) => {
      next.sweep = rules.waitsForHolders ? Sweep.looking : Sweep.holdersGone;
      if (rules.upto !== logUptoLate) next.upto = upto;
    },
  );
}

const logUptoLate: LogRules['upto'] = 'own, after the holders are read';

function lookSteps(s: LogState, rules: LogRules, moves: Moves<LogState>): void {
  let allLooked = true;
  for (let i = 0; i < s.writers.length; i++) {
    const writer = s.writers[i];
    if (!writer || writer.looked === 1 || writer.phase === Phase.ended) continue;
    allLooked = false;
    const counts = writer.phase !== Phase.prepared || rules.waitsForPrepared === 'those of the first look';
    const holds = writer.lock !== Scope.none && counts;
    moves.step(
      () => `sweep: looks at T${i + 1}: ${holds ? 'holds the lock' : 'no holder'}`,
      (next) => {
        const w = next.writers[i];
        if (!w) return;
        w.looked = 1;
        w.awaited = holds ? 1 : 0;
      },
    );
  }
  if (!allLooked || isAwaited(s)) return;
  const isPrepared = (w: Writer) => w.phase === Phase.prepared && w.lock !== Scope.none;
  if (
    rules.waitsForPrepared === 'those that are there when the last session has gone' &&
    s.writers.some(isPrepared)
  )
    moves.step(
      () => 'sweep: sees that no noted session is left, and notes who is prepared now',
      (next) => {
        next.sweep = Sweep.preparedNoted;
        for (const w of next.writers) w.awaited = isPrepared(w) ? 1 : 0;
      },
    );
  else holdersGoneStep(s, rules, moves);
}

function holdersGoneStep(s: LogState, rules: LogRules, moves: Moves<LogState>): void {
  moves.step(
    () =>
      `sweep: sees that no noted holder is left${rules.upto === logUptoLate ? `, notes upto = ${s.readPosition + 1}` : ''}`,
    (next) => {
      clearLooks(next);
      next.sweep = Sweep.holdersGone;
      if (rules.upto === logUptoLate) next.upto = s.readPosition;
    },
  );
}

function isAwaited(s: LogState): boolean {
  return s.writers.some((w) => w.awaited === 1);
}

function clearLooks(next: LogState): void {
  for (const w of next.writers) {
    w.looked = 0;
    w.awaited = 0;
  }
}

function endSweep(next: LogState): void {
  clearLooks(next);
  next.sweep = Sweep.idle;
  next.upto = 0;
}

// Loss of memory, loss of the server ------------------------------------------------------------------------

function hasMemory(s: LogState): boolean {
  return (s.inFlight | s.done | s.putOff | s.rowsDone | s.page | s.sweep) !== 0;
}

function reload(next: LogState, rules: LogRules): void {
  next.known = next.settled;
  next.inFlight = 0;
  next.done = 0;
  reloadRows(next, rules);
  next.page = Page.none;
  next.pageRows = 0;
  next.pageIsReread = 0;
  next.readPosition = rules.readPositionFromCursor ? upper(next.settled) : 0;
  endSweep(next);
}

function failoverSteps(s: LogState, rules: LogRules, moves: Moves<LogState>): void {
  if (s.replica === Replica.follows)
    moves.step(
      () => 'the replica stops following',
      (next) => {
        next.replica = Replica.stopped;
        next.replicaNext = s.next;
        next.replicaCommitted = s.committed;
        next.replicaSettled = s.settled;
      },
    );
  if (s.replica === Replica.stopped)
    moves.fault(
      () =>
        `the server is lost, the replica takes over: committed are ${list(s.replicaCommitted)}, settled ${list(s.replicaSettled)}`,
      (next) => takeOver(next, rules),
    );
  if (s.replica === Replica.tookOver && rules.dropsMemory === 'some time later')
    moves.step(
      () => 'reader: notices the lost connection, drops its memory and reloads the cursor',
      (next) => {
        next.replica = Replica.noticed;
        reload(next, rules);
      },
    );
}

/** Open transactions are gone, and what the replica never had is forgotten by everybody, the onlooker included. */
function takeOver(next: LogState, rules: LogRules): void {
  for (const w of next.writers) if (w.rows | w.savepointRows | w.lock | w.published | w.savepoint) end(w);
  next.next = next.replicaNext;
  next.committed = next.replicaCommitted;
  next.settled = next.replicaSettled;
  next.keyed &= below(next.next);
  next.delivered &= next.committed;
  next.replica = Replica.tookOver;
  next.replicaNext = 0;
  next.replicaCommitted = 0;
  next.replicaSettled = 0;
  if (rules.dropsMemory === 'with the first lost connection') {
    next.replica = Replica.noticed;
    reload(next, rules);
  }
}

function list(positions: Positions): string {
  const numbers = [];
  for (let p = 0; p < POSITIONS; p++) if (positions & (1 << p)) numbers.push(p + 1);
  return `{${numbers.join(', ')}}`;
}
