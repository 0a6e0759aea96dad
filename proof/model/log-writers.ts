/**
 * What a publishing transaction does, in the order Postgres does it: the lock on the table, then the position,
 * then the row; at commit first visible, then the locks released. Rolling back to a savepoint releases what was
 * locked under it.
 *
 * Left out because they add nothing a reader could see: releasing a savepoint (its locks and rows become the
 * transaction's), a rollback seen in two moments, and the shared key's row lock apart from the table's (both are
 * taken at one moment here, the later one, which only lets the other writer do more).
 */
import type { Moves } from './explore.js';
import type { LogRules, LogSetup, WriterSetup } from './log-rules.js';
import { below, type LogState, Phase, POSITIONS, Savepoint, Scope, type Writer } from './log-state.js';

type Change = (text: string, apply: (w: Writer, next: LogState) => void) => void;

interface Turn {
  readonly state: LogState;
  readonly writer: Writer;
  readonly spec: WriterSetup;
  readonly setup: LogSetup;
  readonly rules: LogRules;
  readonly change: Change;
}

export function writerSteps(state: LogState, setup: LogSetup, rules: LogRules, moves: Moves<LogState>): void {
  for (let i = 0; i < state.writers.length; i++) {
    const writer = state.writers[i];
    const spec = setup.writers[i];
    if (!writer || !spec || writer.phase === Phase.ended) continue;
    if (rules.sequenceCache > 1 && !sessionIsFree(state, setup, i)) continue;
    const change: Change = (text, apply) =>
      moves.step(
        () => `T${i + 1} ${text}`,
        (next) => {
          const w = next.writers[i];
          if (w) apply(w, next);
        },
      );
    const turn = { state, writer, spec, setup, rules, change };
    if (writer.phase === Phase.open) {
      savepointSteps(turn);
      publishSteps(turn);
    }
    endSteps(turn);
  }
}

/** One savepoint a transaction, and only where it has something to guard. */
function savepointSteps({ writer, spec, change }: Turn): void {
  if (spec.savepoint && writer.savepoint === Savepoint.unused && writer.published < spec.events)
    change('sets a savepoint', (w) => {
      w.savepoint = Savepoint.set;
    });
  if (writer.savepoint !== Savepoint.set) return;
  if ((writer.savepointRows | writer.drawn) === 0 && writer.lock !== Scope.savepoint) return;
  change('rolls back to its savepoint', (w) => {
    w.savepoint = w.published < spec.events ? Savepoint.rolledBack : Savepoint.unused;
    w.savepointRows = 0;
    w.drawn = 0;
    if (w.lock === Scope.savepoint) releaseLocks(w);
  });
}

function publishSteps(turn: Turn): void {
  const { writer, spec, rules, change } = turn;
  if (!rules.locksBeforeDrawing && writer.drawn !== 0) {
    if (writer.lock === Scope.none) lockStep(turn);
    else
      change('inserts the row', (w) => {
        insertRow(w, w.drawn);
        w.drawn = 0;
      });
    return;
  }
  if (writer.published >= spec.events) return;
  if (rules.locksBeforeDrawing && writer.lock === Scope.none) lockStep(turn);
  else drawStep(turn);
}

function lockStep({ state, spec, setup, change }: Turn): void {
  const keyIsHeld = setup.writers.some((other, j) => other.keyed && state.writers[j]?.lock !== Scope.none);
  if (spec.keyed && keyIsHeld) return;
  const what = spec.keyed ? 'locks the shared aggregate and the log' : 'locks the log';
  change(`${what} (RowExclusive)`, (w) => {
    w.lock = w.savepoint === Savepoint.set ? Scope.savepoint : Scope.top;
  });
}

function drawStep({ state, spec, rules, change }: Turn): void {
  const cached = state.cached[spec.session];
  if (cached === 0 && state.next + rules.sequenceCache > POSITIONS) return;
  const position = cached === 0 ? 1 << state.next : cached & -cached;
  change(`publishes at position ${32 - Math.clz32(position)}`, (w, next) => {
    if (cached === 0) next.next += rules.sequenceCache;
    if (rules.sequenceCache > 1)
      next.cached[spec.session] = (cached === 0 ? below(next.next) & ~below(state.next) : cached) & ~position;
    if (spec.keyed) next.keyed |= position;
    w.published += 1;
    if (rules.locksBeforeDrawing) insertRow(w, position);
    else w.drawn = position;
  });
}

function endSteps({ writer, spec, change }: Turn): void {
  if (writer.phase === Phase.visible) {
    change('releases its locks', end);
    return;
  }
  change('rolls back', end);
  if ((writer.rows | writer.savepointRows) === 0 || writer.drawn !== 0) return;
  change('commits: its rows are visible, its locks still held', (w, next) => {
    next.committed |= w.rows | w.savepointRows;
    forgetWork(w);
    w.phase = Phase.visible;
  });
  if (spec.prepares && writer.phase === Phase.open)
    change('prepares its transaction: the session goes on, the locks stay', (w) => {
      w.phase = Phase.prepared;
      w.awaited = 0;
    });
}

export function end(w: Writer): void {
  forgetWork(w);
  releaseLocks(w);
  w.looked = 0;
  w.phase = Phase.ended;
}

/** A transaction that can publish no more is described by its phase and its locks alone. */
function forgetWork(w: Writer): void {
  w.savepoint = Savepoint.unused;
  w.published = 0;
  w.rows = 0;
  w.savepointRows = 0;
  w.drawn = 0;
}

function releaseLocks(w: Writer): void {
  w.lock = Scope.none;
  w.awaited = 0;
}

function insertRow(w: Writer, position: number): void {
  if (w.savepoint === Savepoint.set) w.savepointRows |= position;
  else w.rows |= position;
}

function sessionIsFree(state: LogState, setup: LogSetup, index: number): boolean {
  const session = setup.writers[index]?.session;
  return setup.writers.every(
    (other, j) => j >= index || other.session !== session || state.writers[j]?.phase === Phase.ended,
  );
}
