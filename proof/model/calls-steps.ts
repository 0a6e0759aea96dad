/** Owners that run the call, reports that come from the other system, and the deadline. */
import type { CallsRules, CallsSetup } from './calls-rules.js';
import {
  type CallsState,
  idle,
  MOST_ATTEMPTS,
  type Owner,
  Phase,
  Report,
  Status,
  Verdict,
} from './calls-state.js';
import type { Moves } from './explore.js';

export interface Turn {
  readonly state: CallsState;
  readonly setup: CallsSetup;
  readonly rules: CallsRules;
  readonly moves: Moves<CallsState>;
}

/** The attempts are many, and not without end: from here on nothing goes wrong any more. */
const MOST_FAULTS = 4;
const LAST_ATTEMPT = 6;

type Which = 0 | 1;
type Go = (text: string, change: (mine: Owner, next: CallsState) => void) => void;

export const hasEnded = (status: number) => status === Status.completed || status === Status.failed;
/** What each report says. */
const SAYS = [Status.completed, Status.failed] as const;

export function ownerSteps(turn: Turn, i: Which): void {
  const { state, setup, moves } = turn;
  const owner = state.owners[i];
  const mayFail = setup.faults && state.attempt < MOST_FAULTS;
  const go: Go = (text, change) =>
    moves.step(
      () => `owner ${who(i)} ${text}`,
      (next) => change(next.owners[i], next),
    );
  if (owner.phase === Phase.idle && state.status === Status.requested && state.attempt < LAST_ATTEMPT)
    go('reads that the call is due', (mine, next) => {
      Object.assign(mine, { phase: Phase.read, seenToken: next.token, seenAttempt: next.attempt });
    });
  if (owner.phase === Phase.read) claimStep(turn, i, go);
  if (owner.phase === Phase.claimed) decideSteps(turn, i, go);
  if (owner.phase === Phase.mayStart)
    go('sends the request', (mine, next) => {
      next.sends = Math.min(7, next.sends + 1);
      next.isTaken = 1;
      mine.phase = Phase.sent;
    });
  if (owner.phase === Phase.sent) {
    go('gets the answer, with the external id', (mine) => knows(mine, Verdict.processing));
    if (mayFail)
      moves.fault(
        () => `owner ${who(i)} gets no answer`,
        (next) => knows(next.owners[i], Verdict.unknown),
      );
  }
  if (owner.phase >= Phase.answered) saveSteps(turn, i, go);
  if (mayFail && owner.phase !== Phase.idle)
    moves.fault(
      () => `owner ${who(i)} dies, and another one takes its place`,
      (next) => leave(next, i),
    );
}

/** One statement. Without the count before it, it is counted by what the run writes. */
function claimStep({ rules, state }: Turn, i: Which, go: Go): void {
  const owner = state.owners[i];
  const isFree =
    !rules.comparesToken || (state.token === owner.seenToken && state.attempt === owner.seenAttempt);
  if (!isFree || state.status !== Status.requested)
    go('finds that somebody else has it', (_mine, next) => leave(next, i));
  else
    go('takes the call', (mine, next) => {
      mine.phase = Phase.claimed;
      mine.isUnknown = next.isUnknown === 1 || (rules.tokenMeansUnknown && mine.seenToken !== 0) ? 1 : 0;
      if (!rules.countsFirst) return;
      next.attempt += 1;
      next.token = i + 1;
    });
}

function decideSteps({ setup, state }: Turn, i: Which, go: Go): void {
  const owner = state.owners[i];
  const isUsedUp = state.attempt > MOST_ATTEMPTS;
  const start = (mine: Owner) =>
    isUsedUp ? knows(mine, Verdict.failed) : Object.assign(mine, { phase: Phase.mayStart });
  if (owner.isUnknown === 0) go(isUsedUp ? 'gives up' : 'may start', start);
  else if (setup.unknown === 'retry') go('may start again, with the same key', start);
  else if (setup.unknown === 'fail') go('does not know, and gives up', (mine) => knows(mine, Verdict.failed));
  else if (state.isTaken === 1) go('finds it there', (mine) => knows(mine, Verdict.processing));
  else go('does not find it there', start);
}

/** One transaction: the row, the name, a look at what waits, the commit. */
function saveSteps(turn: Turn, i: Which, go: Go): void {
  const { state, rules } = turn;
  const owner = state.owners[i];
  const names = owner.verdict === Verdict.processing && state.isNamed === 0;
  if (owner.phase === Phase.answered && (state.rowLock === 0 || !rules.locksRow))
    go('locks the call', (mine, next) => {
      if (rules.locksRow) next.rowLock = i + 1;
      mine.sawEnd = hasEnded(next.status) ? 1 : 0;
      mine.phase = Phase.rowLocked;
    });
  if (owner.phase === Phase.rowLocked) {
    if (!names) go('has nothing to look for', (mine) => Object.assign(mine, { phase: Phase.looked }));
    else if (!rules.saveLocksName) go('goes on', (mine) => Object.assign(mine, { phase: Phase.nameLocked }));
    else if (state.nameLock === 0)
      go('takes the lock of the external id', (mine, next) => {
        next.nameLock = i + 1;
        mine.phase = Phase.nameLocked;
      });
  }
  if (owner.phase === Phase.nameLocked)
    go('looks for reports that wait', (mine, next) => {
      mine.waiting = next.waiting;
      mine.phase = Phase.looked;
    });
  if (owner.phase === Phase.looked) go('commits', (mine, next) => commit(turn, i, mine, next));
  if (owner.phase === Phase.adopting && state.rowLock === 0)
    go('takes up in another transaction what has waited', (mine, next) => {
      adopt(next, mine.waiting, rules);
      leave(next, i);
    });
}

function commit({ rules }: Turn, i: Which, mine: Owner, next: CallsState): void {
  const { verdict, sawEnd } = mine;
  const isOver = isFinal(next, sawEnd, rules);
  if (verdict === Verdict.unknown) next.isUnknown = 1;
  else if (!isOver && verdict === Verdict.failed) end(next, Status.failed);
  else if (verdict === Verdict.processing) {
    if (!isOver && next.status === Status.requested) next.status = Status.processing;
    if (!isOver) {
      next.isNamed = 1;
      if (rules.adoptsInTheCommit) adopt(next, mine.waiting, rules);
    }
  }
  if (!rules.countsFirst) next.attempt += 1;
  if (next.token === i + 1) next.token = 0;
  const { waiting } = mine;
  if (rules.adoptsInTheCommit || waiting === 0) leave(next, i);
  else {
    release(next, i + 1);
    mine.phase = Phase.adopting;
  }
}

function adopt(next: CallsState, waiting: number, rules: CallsRules): void {
  for (const [report, says] of SAYS.entries()) {
    if ((waiting & (1 << report)) === 0) continue;
    next.waiting &= ~(1 << report);
    if (!hasEnded(next.status) || !rules.endIsFinal) end(next, says);
  }
}

export function reportSteps(turn: Turn, r: Which): void {
  const { state, setup, rules, moves } = turn;
  const { phase } = state.reporters[r];
  const says = r === 0 ? 'done' : 'failed';
  const go = (text: string, change: (next: CallsState) => void) =>
    moves.step(() => `the report "${says}" ${text}`, change);
  const to = (next: CallsState, value: number) => {
    next.reporters[r].phase = value;
  };
  if (phase === Report.none && state.isTaken === 1 && (state.nameLock === 0 || !rules.reportLocksName))
    go('takes the lock of its external id', (next) => {
      if (rules.reportLocksName) next.nameLock = r + 3;
      to(next, Report.nameLocked);
    });
  if (phase === Report.nameLocked)
    go(state.isNamed === 1 ? 'finds the call' : 'finds no call', (next) =>
      to(next, next.isNamed === 1 ? Report.foundCall : Report.foundNone),
    );
  if (phase === Report.foundNone)
    go('is kept until there is one, and commits', (next) => {
      next.waiting |= 1 << r;
      release(next, r + 3);
      to(next, Report.done);
    });
  if (phase === Report.foundCall && (state.rowLock === 0 || !rules.locksRow))
    go('locks the call', (next) => {
      if (rules.locksRow) next.rowLock = r + 3;
      next.reporters[r].sawEnd = hasEnded(next.status) ? 1 : 0;
      to(next, Report.rowLocked);
    });
  if (phase === Report.rowLocked)
    go('commits', (next) => {
      if (!isFinal(next, next.reporters[r].sawEnd, rules)) end(next, SAYS[r]);
      release(next, r + 3);
      to(next, Report.done);
    });
  if (setup.faults && phase !== Report.none && phase !== Report.done)
    moves.fault(
      () => `the report "${says}" is cut off, and comes again`,
      (next) => {
        release(next, r + 3);
        to(next, Report.none);
      },
    );
}

/** It has a lock of the row, and looks then. */
export function deadlineStep({ state, setup, moves }: Turn): void {
  if (!setup.deadline || state.rowLock !== 0 || hasEnded(state.status)) return;
  moves.fault(
    () => 'the deadline passes',
    (next) => end(next, Status.failed),
  );
}

/** Without a lock of the row, what was there when somebody looked is taken for what is there. */
function isFinal({ status }: CallsState, sawEnd: number, rules: CallsRules): boolean {
  if (!rules.endIsFinal) return false;
  return rules.locksRow ? hasEnded(status) : sawEnd === 1;
}

function end(next: CallsState, status: number): void {
  next.status = status;
  // A call that ends has an external id from then on.
  next.isNamed = next.isNamed === 1 || next.isTaken === 0 ? next.isNamed : 1;
  next.ends = Math.min(3, next.ends + 1);
}

function knows(mine: Owner, verdict: number): void {
  Object.assign(mine, { phase: Phase.answered, verdict });
}

function leave(next: CallsState, i: Which): void {
  release(next, i + 1);
  next.owners[i] = idle();
}

function release(next: CallsState, holder: number): void {
  if (next.rowLock === holder) next.rowLock = 0;
  if (next.nameLock === holder) next.nameLock = 0;
}

const who = (i: Which) => (i === 0 ? 'A' : 'B');
