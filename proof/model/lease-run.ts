/**
 * A handler's run. The transactional one: write the inbox row, ask for the token in a statement of its own, call
 * the handler, commit. Each step may find that somebody else was here, may be the last one before a stall of any
 * length, and may be ended by the server.
 */
import type { Moves } from './explore.js';
import type { LeaseRules, LeaseSetup } from './lease-rules.js';
import {
  Lane,
  type LeaseState,
  outOfWork,
  Phase,
  PLAIN,
  Row,
  type Run,
  stray,
  TRANSACTIONAL,
  type Work,
  work,
} from './lease-state.js';

export const names = ['the transactional event', 'the plain event'] as const;

export interface Turn {
  readonly state: LeaseState;
  readonly setup: LeaseSetup;
  readonly rules: LeaseRules;
  readonly moves: Moves<LeaseState>;
}

/** The steps of what owner `i` runs. */
export function runSteps(turn: Turn, i: 0 | 1): void {
  const { state, rules, moves, setup } = turn;
  const owner = state.owners[i];
  for (const event of [TRANSACTIONAL, PLAIN] as const) {
    const mine = owner.work[event];
    if (mine.phase === Phase.unread)
      moves.step(
        () => `${who(i)} starts ${names[event]}${event === TRANSACTIONAL ? ': begins a transaction' : ''}`,
        (next) => {
          next.owners[i].work[event] = begun(next, rules, event, Lane.log, 0);
        },
      );
  }
  if (owner.work[PLAIN].phase === Phase.running) plainSteps(turn, i, owner.work[PLAIN]);
  const mine = owner.work[TRANSACTIONAL];
  if (mine.phase !== Phase.running) return;
  const say = (text: string) => () => `${who(i)}'s transaction ${text}`;
  if (mayWriteRow(state, rules, mine)) moves.step(say(rowText(state, mine)), (next) => writeRow(next, i));
  if (mayAsk(rules, mine)) {
    const ours = (rules.isolation === 'read committed' ? state.token : mine.seen) === owner.token;
    moves.step(say(ours ? 'finds its token unchanged' : 'finds another token, rolls back'), (next) => {
      if (ours) next.owners[i].work[TRANSACTIONAL].checked = 1;
      else lose(next, setup, i, { rollBack: true });
    });
  }
  if (mayCall(rules, mine))
    moves.step(say('calls the handler, which writes its effect'), (next) => {
      next.owners[i].work[TRANSACTIONAL].effect = 1;
    });
  if (mine.effect === 1)
    moves.step(say('commits'), (next) => {
      commit(next);
      next.owners[i].work[TRANSACTIONAL] = work(Phase.ok, outcomeOf(mine));
    });
  if (mine.effect === 1 && setup.postpones)
    moves.step(say('is rolled back: the handler puts the event off'), (next) => {
      next.owners[i].work[TRANSACTIONAL] = work(Phase.postponed, outcomeOf(mine));
    });
  if (setup.faults) runFaults(turn, i, mine);
}

/** Faults of a transactional run whose process goes on. */
function runFaults({ state, setup, rules, moves }: Turn, i: 0 | 1, mine: Work): void {
  const say = (text: string) => () => `${who(i)}'s transaction ${text}`;
  // Not the event's fault: it runs again, in the retry lane under the same claim.
  const again = (next: LeaseState): void => {
    next.owners[i].work[TRANSACTIONAL] =
      mine.lane === Lane.log
        ? work(Phase.unread)
        : begun(next, rules, TRANSACTIONAL, Lane.retry, mine.attempt);
  };
  const failed = (next: LeaseState): void => fail(next, i, TRANSACTIONAL);
  if (rules.serverEndsStalled)
    moves.fault(say('stalls and is ended by the server: no attempt counted'), again);
  if (mine.effect === 1) {
    moves.fault(say('is rolled back: the handler failed'), failed);
    moves.fault(say('commits, but the answer is lost: no attempt counted'), (next) => {
      commit(next);
      again(next);
    });
  }
  if (roomForStray(state, setup) < 0) return;
  moves.fault(say('passes its deadline: counted as failed while it is still open'), (next) => {
    leaveBehind(next, setup, i, 1);
    failed(next);
  });
  if (mine.effect === 0)
    moves.fault(say('passes its deadline before the handler is called: no attempt counted'), (next) => {
      leaveBehind(next, setup, i, 1);
      again(next);
    });
  if (mine.effect === 1)
    moves.fault(say('has sent its commit when the connection is lost: no attempt counted'), (next) => {
      leaveBehind(next, setup, i, 0);
      again(next);
    });
}

/** A plain handler's effect is in the world at once; only its outcome waits for the save. */
function plainSteps({ moves, setup }: Turn, i: 0 | 1, mine: Work): void {
  moves.step(
    () => `${who(i)}'s plain handler has its effect and returns`,
    (next) => {
      next.effects[PLAIN] = Math.min(2, next.effects[PLAIN] + 1);
      next.owners[i].work[PLAIN] = work(Phase.ok, outcomeOf(mine));
    },
  );
  if (setup.postpones)
    moves.step(
      () => `${who(i)}'s plain handler puts its event off`,
      (next) => {
        next.owners[i].work[PLAIN] = work(Phase.postponed, outcomeOf(mine));
      },
    );
  if (!setup.faults) return;
  moves.fault(
    () => `${who(i)}'s plain handler fails`,
    (next) => fail(next, i, PLAIN),
  );
}

/** The steps of transactions that were left behind. */
export function straySteps(turn: Turn): void {
  for (const k of [0, 1] as const) if (turn.state.strays[k].present === 1) strayStep(turn, k);
}

function strayStep({ state, rules, moves }: Turn, k: 0 | 1): void {
  const left = state.strays[k];
  const say = (text: string) => () => `the transaction left behind ${text}`;
  const gone = (next: LeaseState): void => {
    next.strays[k] = stray();
  };
  if (rules.serverEndsStalled || left.client === 1) moves.step(say('is rolled back'), gone);
  if (left.effect === 1)
    moves.step(say('commits'), (next) => {
      commit(next);
      gone(next);
    });
  if (left.client === 0) return;
  if (mayWriteRow(state, rules, left)) {
    const itsOwn = rowIsFor(state, left);
    moves.step(say(rowText(state, left)), (next) => {
      if (itsOwn) next.strays[k].row = 1;
      else gone(next);
    });
  }
  if (mayAsk(rules, left)) {
    const ours = (rules.isolation === 'read committed' ? state.token : left.seen) === left.token;
    moves.step(say(ours ? 'finds its token unchanged' : 'finds another token, rolls back'), (next) => {
      if (ours) next.strays[k].checked = 1;
      else gone(next);
    });
  }
  if (mayCall(rules, left) && !rules.lateAttemptsCallNoHandler)
    moves.step(say('calls the handler, which writes its effect'), (next) => {
      next.strays[k].effect = 1;
    });
}

// The statements of a handler's transaction ------------------------------------------------------------------

function asks(rules: LeaseRules, run: Run): boolean {
  return run.lane === Lane.log || rules.retryAsksForToken;
}

/** An insert waits for an uncommitted row of the same key, an update for the lock on its row. */
function mayWriteRow(state: LeaseState, rules: LeaseRules, run: Run): boolean {
  if (run.row === 1 || isLocked(state)) return false;
  return rules.rowBeforeToken || run.checked === 1 || !asks(rules, run);
}

function mayAsk(rules: LeaseRules, run: Run): boolean {
  return (
    run.checked === 0 && run.effect === 0 && asks(rules, run) && (run.row === 1 || !rules.rowBeforeToken)
  );
}

function mayCall(rules: LeaseRules, run: Run): boolean {
  return run.row === 1 && run.effect === 0 && (run.checked === 1 || !asks(rules, run));
}

/** Log lane: nobody has a row yet. Retry lane: the row is still in processing with this attempt's number. */
function rowIsFor(state: LeaseState, run: Run): boolean {
  const row = state.rows[TRANSACTIONAL];
  if (run.lane === Lane.log) return row.status === Row.none;
  return row.status === Row.processing && row.attempt === run.attempt;
}

function rowText(state: LeaseState, run: Run): string {
  const done = rowIsFor(state, run);
  if (run.lane === Lane.log)
    return done ? 'inserts its row, processed' : 'finds a row there, leaves the event to it';
  return done ? 'turns its row from processing to processed' : 'finds its row changed, does nothing';
}

function writeRow(next: LeaseState, i: 0 | 1): void {
  const mine = next.owners[i].work[TRANSACTIONAL];
  if (rowIsFor(next, mine)) mine.row = 1;
  else if (mine.lane === Lane.log) next.owners[i].work[TRANSACTIONAL] = work(Phase.ok);
  else next.owners[i].work[TRANSACTIONAL] = adopted(next, TRANSACTIONAL);
}

function commit(next: LeaseState): void {
  const row = next.rows[TRANSACTIONAL];
  row.status = Row.processed;
  next.effects[TRANSACTIONAL] = Math.min(2, next.effects[TRANSACTIONAL] + 1);
}

/** A row that a transaction has written and not committed; only transactional handlers hold one. */
export function isLocked(state: LeaseState): boolean {
  return (
    state.strays.some((left) => left.row === 1) || state.owners.some((o) => o.work[TRANSACTIONAL].row === 1)
  );
}

// What memory makes of it --------------------------------------------------------------------------------------

export function begun(
  next: LeaseState,
  rules: LeaseRules,
  event: 0 | 1,
  lane: number,
  attempt: number,
): Work {
  const seen = event === TRANSACTIONAL && rules.isolation === 'repeatable read' ? next.token : 0;
  return work(Phase.running, { lane, attempt, seen });
}

/** Memory takes over what the row says. */
export function adopted(next: LeaseState, event: 0 | 1): Work {
  const { status } = next.rows[event];
  if (status === Row.failed) return work(Phase.due);
  return work(status === Row.processing ? Phase.leftover : Phase.none);
}

function outcomeOf(run: Run): Partial<Run> {
  return { lane: run.lane, attempt: run.attempt };
}

/** A failed run of the lease's present owner is one of those the event has had. */
function fail(next: LeaseState, i: 0 | 1, event: 0 | 1): void {
  const { work: works, token } = next.owners[i];
  if (works[event].lane === Lane.retry && token === next.token) spend(next, event);
  works[event] = work(Phase.failed, outcomeOf(works[event]));
}

export function spend(next: LeaseState, event: 0 | 1): void {
  next.spent[event] = Math.min(7, next.spent[event] + 1);
}

/** The index of a free place for a transaction left behind; -1 if the setup allows no more of them. */
function roomForStray(state: LeaseState, setup: LeaseSetup): number {
  const present = state.strays.filter((left) => left.present === 1).length;
  return present < setup.strays ? state.strays.findIndex((left) => left.present === 0) : -1;
}

function leaveBehind(next: LeaseState, setup: LeaseSetup, i: 0 | 1, client: number): void {
  const { phase: _, ...run } = next.owners[i].work[TRANSACTIONAL];
  next.strays[roomForStray(next, setup)] = stray({ ...run, present: 1, token: next.owners[i].token, client });
}

/** The owner drops its memory. An open transaction stays behind, if it can still do something and the model has room for it. */
export function lose(
  next: LeaseState,
  setup: LeaseSetup,
  i: 0 | 1,
  how: { rollBack?: boolean; crash?: boolean } = {},
): void {
  const mine = next.owners[i].work[TRANSACTIONAL];
  const canStay = how.crash ? mine.row === 1 : mine.phase === Phase.running;
  if (canStay && !how.rollBack && roomForStray(next, setup) >= 0)
    leaveBehind(next, setup, i, how.crash ? 0 : 1);
  next.owners[i] = outOfWork();
}

export function who(i: number): string {
  return i === 0 ? 'A' : 'B';
}
