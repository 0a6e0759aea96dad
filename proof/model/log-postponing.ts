/**
 * Events that their handler puts off (`PostponeError`), and the later ones of their key, which wait behind them. Both become rows of
 * the inbox in the save that settles their positions, so a crash finds them either unread or in the inbox. A row runs when it is due,
 * the lowest of its key first. That nothing is counted for a postponement is a rule of leases (`lease-owner.ts`).
 */
import type { Moves } from './explore.js';
import type { LogRules } from './log-rules.js';
import { below, type LogState, type Positions } from './log-state.js';

/** Whether an earlier event of its key waits in the inbox, or will. */
export function isBehindRow(s: LogState, position: Positions, earlier: Positions, rules: LogRules): boolean {
  if (!rules.laterOnesWait || (s.keyed & position) === 0) return false;
  return ((s.putOff | s.rowsKnown) & earlier & s.keyed) !== 0;
}

export function postponingSteps(s: LogState, rules: LogRules, moves: Moves<LogState>): void {
  for (let p = 0; p < s.next; p++) {
    const position = 1 << p;
    if ((s.inFlight & position) !== 0) putOffSteps(s, p, rules, moves);
    if ((s.rows & s.rowsKnown & ~s.rowsDone & position) !== 0) rowStep(s, p, rules, moves);
  }
  if (!rules.rowIsSavedWithPosition && s.putOff !== 0 && (s.putOff & ~s.settled) === 0)
    moves.step(
      () => 'reader: writes the rows of what it has settled already',
      (next) => keepRows(next),
    );
}

/** A handler puts its event off, or the next save writes the event down as waiting behind one that is put off. */
function putOffSteps(s: LogState, p: number, rules: LogRules, moves: Moves<LogState>): void {
  const position = 1 << p;
  const earlier = s.keyed & below(p);
  const keyed = (s.keyed & position) !== 0;
  const waits = isBehindRow(s, position, earlier, rules);
  if (!waits && keyed && (s.inFlight & earlier) !== 0) return;
  moves.step(
    () =>
      `reader: ${waits ? `${p + 1} waits behind one that is put off` : `the handler of ${p + 1} puts it off`}`,
    (next) => {
      next.inFlight &= ~position;
      next.putOff |= position;
    },
  );
}

/** A row is claimed and its handler runs to its end. That it may be put off once more changes nothing here. */
function rowStep(s: LogState, p: number, rules: LogRules, moves: Moves<LogState>): void {
  const position = 1 << p;
  const keyed = (s.keyed & position) !== 0;
  const earlier = s.keyed & below(p);
  if (keyed && rules.laterOnesWait && (s.rows & earlier) !== 0) return;
  if (keyed && ((s.inFlight | s.putOff) & earlier) !== 0) return;
  moves.step(
    () => `reader: the row of ${p + 1} is due, and its handler finishes`,
    (next) => {
      if (keyed && (s.committed & earlier & ~s.delivered) !== 0) next.disordered = 1;
      next.delivered |= position;
      next.rowsDone |= position;
    },
  );
}

/** What a save does about the inbox. */
export function saveRows(next: LogState, rules: LogRules): void {
  next.settled |= next.putOff;
  next.known |= next.putOff;
  if (rules.rowIsSavedWithPosition) keepRows(next);
  next.rows &= ~next.rowsDone;
  next.rowsKnown &= ~next.rowsDone;
  next.rowsDone = 0;
}

function keepRows(next: LogState): void {
  next.rows |= next.putOff;
  next.rowsKnown |= next.putOff;
  next.putOff = 0;
}

/** What a crash leaves of it. Without a look at the rows, they are found when they are due, and block nothing until then. */
export function reloadRows(next: LogState, rules: LogRules): void {
  next.putOff = 0;
  next.rowsDone = 0;
  next.rowsKnown = rules.loadsRows ? next.rows : 0;
}

/** Only in a mutant: a due row is found although nobody looked for it at the takeover. */
export function findRowSteps(s: LogState, rules: LogRules, moves: Moves<LogState>): void {
  const unknown = s.rows & ~s.rowsKnown;
  if (rules.loadsRows || unknown === 0) return;
  moves.step(
    () => 'reader: finds the rows that are due',
    (next) => {
      next.rowsKnown |= unknown;
    },
  );
}
