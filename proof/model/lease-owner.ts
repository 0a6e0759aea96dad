/** What an owner does with its lease: take it, mark leftovers, load, claim retries, save, give it back, lose it. */
import type { LeaseRules } from './lease-rules.js';
import { adopted, begun, isLocked, lose, names, spend, type Turn, who } from './lease-run.js';
import {
  inboxRow,
  Lane,
  type LeaseState,
  type Owner,
  Phase,
  PLAIN,
  Row,
  Stage,
  TRANSACTIONAL,
  type Work,
  work,
} from './lease-state.js';

const events = [TRANSACTIONAL, PLAIN] as const;

export function ownerSteps(turn: Turn, i: 0 | 1): void {
  const { state, setup, moves } = turn;
  const owner = state.owners[i];
  if (owner.stage === Stage.out || owner.stage === Stage.waiting) takeSteps(turn, i);
  else if (owner.stage === Stage.bumped) markStep(turn, i);
  else if (owner.stage === Stage.marked)
    moves.step(
      () => `${who(i)} loads the cursor and its inbox rows`,
      (next) => load(next, i),
    );
  else {
    for (const event of events) retrySteps(turn, i, event);
    saveSteps(turn, i);
    cleanSteps(turn, i);
    releaseStep(turn, i);
  }
  if (owner.token === 0) return;
  if (owner.token !== state.token)
    moves.step(
      () => `${who(i)} learns that its lease is lost, drops its memory`,
      (next) => lose(next, setup, i),
    );
  else if (setup.faults && state.token < setup.tokens) lossSteps(turn, i);
}

// Taking over --------------------------------------------------------------------------------------------------

function takeSteps(turn: Turn, i: 0 | 1): void {
  const { state, setup, rules, moves } = turn;
  if (state.owners[i].stage === Stage.waiting) {
    if (cursorIsHeld(state, rules)) return;
    if (state.token !== state.owners[i].work[TRANSACTIONAL].seen) {
      moves.step(
        () => `${who(i)}'s takeover finds that somebody else has the lease`,
        (next) => lose(next, setup, i),
      );
      return;
    }
    moves.step(
      () =>
        `${who(i)}'s takeover goes on: new token, marks what its snapshot showed as processing, loads the rest from it`,
      (next) => {
        take(next, i, Stage.active);
        next.owners[i].work[TRANSACTIONAL].seen = 0;
        for (const event of events)
          if (next.owners[i].work[event].phase === Phase.leftover)
            settleLeftover(next, i, event, rules, setup.maxAttempts);
      },
    );
    return;
  }
  if (state.token >= setup.tokens) return;
  const alive = state.free === 0 && state.owners.some((o) => o.token === state.token);
  const inOne = rules.takeover === 'in one statement';
  if ((alive && !setup.faults) || (!inOne && cursorIsHeld(state, rules))) return;
  const say = () =>
    `${alive ? `${who(1 - i)} stalls and its lease runs out; ` : ''}${who(i)} ` +
    (inOne ? 'begins its takeover statement, takes the snapshot' : 'takes the lease: a new token, committed');
  moves[alive ? 'fault' : 'step'](say, (next) => {
    if (!inOne) take(next, i, Stage.bumped);
    else {
      load(next, i);
      next.owners[i].stage = Stage.waiting;
      next.owners[i].work[TRANSACTIONAL].seen = next.token;
    }
  });
}

function take(next: LeaseState, i: 0 | 1, stage: number): void {
  next.token += 1;
  next.free = 0;
  next.owners[i].token = next.token;
  next.owners[i].stage = stage;
}

function markStep({ state, setup, rules, moves }: Turn, i: 0 | 1): void {
  if (rules.markFenced && state.owners[i].token !== state.token) return;
  moves.step(
    () => `${who(i)} marks leftover rows as interrupted`,
    (next) => {
      for (const event of events) markInterrupted(next, event, rules, setup.maxAttempts);
      next.owners[i].stage = Stage.marked;
    },
  );
}

function markInterrupted(next: LeaseState, event: 0 | 1, rules: LeaseRules, maxAttempts: number): void {
  const row = next.rows[event];
  if (row.status !== Row.processing || (event === TRANSACTIONAL && isLocked(next))) return;
  const isRun = (o: Owner): boolean =>
    o.work[event].phase === Phase.running && o.work[event].lane === Lane.retry;
  if (next.owners.some((o) => o.token === next.token && isRun(o))) next.wronged = 1;
  if (rules.interrupted === 'stays counted') {
    row.status = row.attempt >= maxAttempts ? Row.dead : Row.failed;
    return;
  }
  row.status = Row.failed;
  if (row.alone === 0 && rules.attemptsCounted === 'at claim') row.attempt -= 1;
  row.alone = 1;
}

function load(next: LeaseState, i: 0 | 1): void {
  next.owners[i].stage = Stage.active;
  for (const event of events)
    next.owners[i].work[event] = next.unread & (1 << event) ? work(Phase.unread) : adopted(next, event);
}

function settleLeftover(
  next: LeaseState,
  i: 0 | 1,
  event: 0 | 1,
  rules: LeaseRules,
  maxAttempts: number,
): void {
  markInterrupted(next, event, rules, maxAttempts);
  next.owners[i].work[event] = adopted(next, event);
}

// Retries ------------------------------------------------------------------------------------------------------

function retrySteps({ state, setup, rules, moves }: Turn, i: 0 | 1, event: 0 | 1): void {
  const owner = state.owners[i];
  const { phase } = owner.work[event];
  const ours = owner.token === state.token;
  if (phase === Phase.due && ours && !(runsAlone(state) && hasClaims(owner)))
    moves.step(
      () =>
        `${who(i)} begins to claim ${names[event]}: the token is its own${rules.claimHoldsCursor ? ', cursor row held' : ''}`,
      (next) => {
        next.owners[i].work[event] = work(Phase.claiming);
      },
    );
  if (phase === Phase.claiming) {
    moves.step(
      () => `${who(i)}'s claim of ${names[event]} commits, its run begins`,
      (next) => {
        next.owners[i].work[event] = claim(next, rules, event, setup.maxAttempts);
      },
    );
    if (setup.faults && ours && state.token < setup.tokens)
      moves.fault(
        () => `${who(i)}'s claim of ${names[event]} commits, but the connection is lost before the answer`,
        (next) => {
          claim(next, rules, event, setup.maxAttempts);
          if (rules.dropsMemoryWithConnection) lose(next, setup, i);
          else next.owners[i].work[event] = work(Phase.due);
        },
      );
  }
  if (
    phase === Phase.leftover &&
    ours &&
    rules.marksLockedRowsLater &&
    !(event === TRANSACTIONAL && isLocked(state))
  )
    moves.step(
      () => `${who(i)} marks ${names[event]}, whose row was locked, as interrupted`,
      (next) => settleLeftover(next, i, event, rules, setup.maxAttempts),
    );
}

/** An event that was interrupted is claimed by itself; its attempt is one too many if all were used up. */
function claim(next: LeaseState, rules: LeaseRules, event: 0 | 1, maxAttempts: number): Work {
  const row = next.rows[event];
  if (row.status !== Row.failed) return adoptedByClaim(next, event);
  row.alone = runsAlone(next) ? 1 : 0;
  row.status = Row.processing;
  if (rules.attemptsCounted === 'at claim') row.attempt += 1;
  if (row.attempt > maxAttempts) return work(Phase.failed, { lane: Lane.retry, attempt: row.attempt });
  return begun(next, rules, event, Lane.retry, row.attempt);
}

/** While an interrupted row waits for its next run, whatever is claimed runs alone. */
function runsAlone(state: LeaseState): boolean {
  return state.rows.some((row) => row.status === Row.failed && row.alone === 1);
}

function hasClaims(owner: Owner): boolean {
  return owner.work.some((w) => w.lane === Lane.retry && w.phase >= Phase.running);
}

/** A claim takes a row that is due and nothing else: one in processing is somebody's, as far as it can tell. */
function adoptedByClaim(next: LeaseState, event: 0 | 1): Work {
  return next.rows[event].status === Row.processing ? work(Phase.none) : adopted(next, event);
}

function cursorIsHeld(state: LeaseState, rules: LeaseRules): boolean {
  return rules.claimHoldsCursor && state.owners.some((o) => o.work.some((w) => w.phase === Phase.claiming));
}

// Saving -------------------------------------------------------------------------------------------------------

function isOutcome(w: Work): boolean {
  return w.phase >= Phase.ok;
}

/** Whether saving this outcome writes an inbox row. */
function writesRow(w: Work): boolean {
  return w.phase !== Phase.ok;
}

/**
 * One statement with every outcome, except that an event whose row is locked is set aside. It may be set aside
 * although the lock is gone by now: the first try ran into it, the second leaves the event out.
 */
function saveSteps({ state, setup, rules, moves }: Turn, i: 0 | 1): void {
  const owner = state.owners[i];
  const [transactional, plain] = owner.work;
  if (!owner.work.some(isOutcome) || cursorIsHeld(state, rules)) return;
  if (rules.saveFenced && owner.token !== state.token) {
    moves.step(
      () => `${who(i)}'s save matches nothing: the lease is lost, memory dropped`,
      (next) => lose(next, setup, i),
    );
    return;
  }
  const canSetAside = isOutcome(transactional) && writesRow(transactional) && isOutcome(plain);
  const mustSetAside = isOutcome(transactional) && writesRow(transactional) && isLocked(state);
  for (const aside of [false, true]) {
    if (aside ? !canSetAside : mustSetAside) continue;
    const text = (): string => `${who(i)} saves ${savedText(owner.work, aside)}`;
    moves.step(text, (next) => save(next, i, aside, rules, setup.maxAttempts, true));
    if (setup.faults && owner.token === state.token && state.token < setup.tokens)
      moves.fault(
        () => `${text()}, but the connection is lost before the answer`,
        (next) => {
          save(next, i, aside, rules, setup.maxAttempts, false);
          if (rules.dropsMemoryWithConnection) lose(next, setup, i);
        },
      );
  }
}

function savedText(works: readonly [Work, Work], aside: boolean): string {
  return events
    .filter((event) => isOutcome(works[event]) && !(aside && event === TRANSACTIONAL))
    .map((event) => `${names[event]} as ${OUTCOMES[works[event].phase]}`)
    .join(', ');
}

const OUTCOMES: Readonly<Record<number, string>> = {
  [Phase.ok]: 'processed',
  [Phase.failed]: 'failed',
  [Phase.postponed]: 'put off',
};

function save(
  next: LeaseState,
  i: 0 | 1,
  aside: boolean,
  rules: LeaseRules,
  maxAttempts: number,
  answered: boolean,
): void {
  for (const event of events) {
    const mine = next.owners[i].work[event];
    const saved = isOutcome(mine) && !(aside && event === TRANSACTIONAL);
    if (saved) writeOutcome(next, event, mine, rules, maxAttempts);
    if (rules.cleaning === 'in the fenced save') deleteProcessed(next, event);
    if (saved && answered) next.owners[i].work[event] = adopted(next, event);
  }
}

function writeOutcome(
  next: LeaseState,
  event: 0 | 1,
  mine: Work,
  rules: LeaseRules,
  maxAttempts: number,
): void {
  const row = next.rows[event];
  if (mine.lane === Lane.log) {
    next.unread &= ~(1 << event);
    const overwrites = row.status === Row.processed && !rules.saveKeepsProcessed;
    if (writesRow(mine) && (row.status === Row.none || overwrites) && !isDropped(mine, rules))
      next.rows[event] = inboxRow(Row.failed, counts(mine, rules) ? 1 : 0);
    return;
  }
  const itsOwn = row.status === Row.processing && row.attempt === mine.attempt;
  if (mine.phase === Phase.ok) {
    if (itsOwn) row.status = Row.processed;
    return;
  }
  const overwrites = row.status === Row.processed && !rules.saveKeepsProcessed;
  const inserts = row.status === Row.none && rules.retryOutcome === 'inserts or updates';
  if (!itsOwn && !overwrites && !inserts) return;
  if (isDropped(mine, rules)) {
    next.rows[event] = inboxRow(Row.none, 0);
    return;
  }
  const attempt =
    mine.attempt + (rules.attemptsCounted === 'at claim' ? 0 : 1) - (counts(mine, rules) ? 0 : 1);
  // An event that is put off stays suspect. Otherwise one that ends its process, and is put off in between, would never be dead.
  const alone = mine.phase === Phase.postponed && rules.postponedStaysSuspect ? row.alone : 0;
  next.rows[event] = inboxRow(attempt >= maxAttempts ? Row.dead : Row.failed, attempt, alone);
}

/** Whether the attempt stays counted. One that is put off gives it back, so it is never the last one. */
function counts(mine: Work, rules: LeaseRules): boolean {
  return mine.phase !== Phase.postponed || rules.postponed === 'counts';
}

/** Only in a mutant: the event is kept in memory alone. */
function isDropped(mine: Work, rules: LeaseRules): boolean {
  return mine.phase === Phase.postponed && rules.postponed === 'is settled without a row';
}

/** Rows whose position the cursor covers. */
function deleteProcessed(next: LeaseState, event: 0 | 1): void {
  if (next.rows[event].status !== Row.processed || next.unread & (1 << event)) return;
  next.rows[event] = inboxRow(Row.none, 0);
}

/** Only in mutants: the row goes in a statement apart from the save that covers it. */
function cleanSteps({ state, rules, moves }: Turn, i: 0 | 1): void {
  if (rules.cleaning === 'in the fenced save') return;
  const owner = state.owners[i];
  if (rules.cleaning === 'before the save, fenced' && owner.token !== state.token) return;
  if (owner.work[TRANSACTIONAL].phase !== Phase.ok || state.rows[TRANSACTIONAL].status !== Row.processed)
    return;
  moves.step(
    () => `${who(i)} deletes the processed row`,
    (next) => {
      next.rows[TRANSACTIONAL] = inboxRow(Row.none, 0);
    },
  );
}

// Giving back and losing ---------------------------------------------------------------------------------------

function releaseStep({ state, setup, rules, moves }: Turn, i: 0 | 1): void {
  const owner = state.owners[i];
  if (owner.token !== state.token || state.free === 1 || state.token >= setup.tokens) return;
  const runs = owner.work.some((w) => w.phase === Phase.running || w.phase === Phase.claiming);
  const unsaved = owner.work.some(isOutcome);
  if ((runs && rules.releaseWaitsForHandlers) || (unsaved && rules.releaseWaitsForSave)) return;
  if (cursorIsHeld(state, rules)) return;
  moves.fault(
    () =>
      `${who(i)} releases the lease${runs ? ' while a handler runs' : ''}${unsaved ? ' with outcomes unsaved' : ''}`,
    (next) => {
      next.free = 1;
      if (!runs) lose(next, setup, i);
    },
  );
}

function lossSteps({ state, setup, rules, moves }: Turn, i: 0 | 1): void {
  moves.fault(
    () => `${who(i)} is killed`,
    (next) => {
      for (const event of events) {
        const mine = next.owners[i].work[event];
        const called = event === PLAIN || mine.effect === 1;
        if (mine.phase === Phase.running && mine.lane === Lane.retry && called) spend(next, event);
      }
      lose(next, setup, i, { crash: true });
    },
  );
  if (!rules.dropsMemoryWithConnection || state.owners[i].stage !== Stage.active) return;
  moves.fault(
    () => `${who(i)} loses its engine connection, drops its memory`,
    (next) => lose(next, setup, i),
  );
}
