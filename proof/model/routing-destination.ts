/** The destination is created, paused and resumed, and it catches up. */
import { addRows, namesOf, type Turn } from './routing-router.js';
import {
  Aim,
  between,
  Catching,
  Change,
  committedOf,
  headOf,
  NOWHERE,
  type RoutingState,
  Status,
} from './routing-state.js';

const CHANGER = 3;
const CATCHER = 4;

// Creating, pausing, resuming ----------------------------------------------------------------------------------

export function changeSteps(turn: Turn): void {
  const { state } = turn;
  if (state.aim === Aim.none) aimSteps(turn);
  else if (state.aim === Aim.create) createStep(turn);
  else if (state.change === Change.none || state.change === Change.looked) lockSteps(turn);
  else if (state.change === Change.locked) writeStep(turn);
  else commitStep(turn);
}

function aimSteps({ state, setup, moves }: Turn): void {
  const aim = (say: string, to: number) =>
    moves.step(
      () => say,
      (next) => {
        next.aim = to;
      },
    );
  if (state.status === Status.missing && setup.created) aim('somebody creates the destination', Aim.create);
  if (state.status === Status.active && state.pausesLeft > 0)
    aim('somebody pauses the destination', Aim.pause);
  if (state.status === Status.paused) aim('somebody resumes the destination', Aim.resume);
}

/** The inserting transaction: nobody sees the row before it commits. The past begins at the first position. */
function createStep({ state, rules, moves }: Turn): void {
  if (state.change === Change.none)
    moves.step(
      () => 'it is inserted',
      (next) => {
        next.change = Change.written;
        next.head = headOf(state);
      },
    );
  else
    moves.step(
      () => `it is committed, ${rules.beginsPaused ? 'paused' : 'active'}`,
      (next) => {
        next.status = rules.beginsPaused ? Status.paused : Status.active;
        next.behind = 0;
        if (!rules.beginsPaused) next.upTo = state.head;
        endChange(next);
      },
    );
}

function lockSteps({ state, rules, moves }: Turn): void {
  const looksFirst = state.aim === Aim.resume && rules.endRead === 'before that lock';
  if (looksFirst && state.change === Change.none)
    moves.step(
      () => 'the resume reads the end of the log',
      (next) => {
        next.change = Change.looked;
        next.head = headOf(state);
      },
    );
  else if (state.lock === 0)
    moves.step(
      () => 'the change locks the destination',
      (next) => {
        next.change = Change.locked;
        next.lock = CHANGER;
      },
    );
}

function writeStep({ state, rules, moves }: Turn): void {
  moves.step(
    () => (state.aim === Aim.pause ? 'it sets it paused' : 'it sets it active'),
    (next) => {
      next.change = Change.written;
      if (state.aim === Aim.pause || rules.endRead === 'under the lock that sets it on')
        next.head = headOf(state);
    },
  );
}

function commitStep({ state, setup, rules, moves }: Turn): void {
  moves.step(
    () => `the ${state.aim === Aim.pause ? 'pause' : 'resume'} commits`,
    (next) => {
      next.lock = 0;
      if (state.aim === Aim.pause) {
        next.status = Status.paused;
        next.pausesLeft -= 1;
        if (rules.behindFrom !== 'the router that skips') next.behind = Math.min(next.behind, state.head);
      } else {
        next.status = Status.active;
        next.upTo = next.behind === NOWHERE || setup.ordered ? NOWHERE : Math.max(next.behind, state.head);
      }
      endChange(next);
    },
  );
}

function endChange(next: RoutingState): void {
  Object.assign(next, { aim: Aim.none, change: Change.none, head: 0 });
}

// Catching up --------------------------------------------------------------------------------------------------

export function catchUpSteps(turn: Turn): void {
  const { state, setup, rules, moves } = turn;
  const isBehind = state.status === Status.active && state.behind !== NOWHERE;
  const looksFirst = setup.ordered && rules.headRead === 'before the lock';
  const { catching } = state;
  if (catching === Catching.none && looksFirst && isBehind)
    moves.step(
      () => 'the catching up reads the end of the log',
      (next) => {
        next.catching = Catching.looked;
        next.end = headOf(state);
      },
    );
  if (
    catching === (looksFirst ? Catching.looked : Catching.none) &&
    (isBehind || looksFirst) &&
    state.lock === 0
  )
    moves.step(
      () => 'the catching up locks the destination',
      (next) => {
        if (!isBehind) endCatching(next);
        else Object.assign(next, { catching: Catching.locked, lock: CATCHER });
      },
    );
  if (catching === Catching.locked)
    moves.step(
      () => 'the catching up reads where it has to end',
      (next) => {
        next.catching = Catching.bounded;
        if (!looksFirst) next.end = state.upTo === NOWHERE ? headOf(state) : state.upTo;
      },
    );
  if (catching === Catching.bounded) pageStep(turn);
  if (catching === Catching.read || catching === Catching.placed) endSteps(turn);
  if (catching !== Catching.none)
    moves.fault(
      () => 'the process that catches up dies',
      (next) => {
        if (next.lock === CATCHER) next.lock = 0;
        endCatching(next);
      },
    );
}

function pageStep({ state, setup, moves }: Turn): void {
  const found = between(committedOf(state), state.behind, Math.min(state.end, state.behind + setup.window));
  moves.step(
    () => `the catching up reads a window: ${namesOf(found)}`,
    (next) => {
      Object.assign(next, { catching: Catching.read, found });
    },
  );
}

function endSteps(turn: Turn): void {
  const { state, setup, rules, moves } = turn;
  const advance = (next: RoutingState) => {
    const to = Math.min(state.end, state.behind + setup.window);
    next.behind = to >= state.end ? NOWHERE : to;
    if (next.behind === NOWHERE) next.upTo = NOWHERE;
  };
  const finish = (next: RoutingState) => {
    addRows(turn, next, state.found);
    if (next.lock === CATCHER) next.lock = 0;
    endCatching(next);
  };
  if (rules.placeIsSavedWithRows)
    moves.step(
      () => `the catching up commits the rows of ${namesOf(state.found)}, and its place`,
      (next) => {
        advance(next);
        finish(next);
      },
    );
  else if (state.catching === Catching.read)
    moves.step(
      () => 'the catching up commits its place',
      (next) => {
        advance(next);
        next.lock = 0;
        next.catching = Catching.placed;
      },
    );
  else moves.step(() => `the catching up commits the rows of ${namesOf(state.found)}`, finish);
}

function endCatching(next: RoutingState): void {
  Object.assign(next, { catching: Catching.none, end: 0, found: 0 });
}
