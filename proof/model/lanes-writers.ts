/** Who changes the target beside its owner: those who add items, somebody who pauses, and time. */
import type { Moves } from './explore.js';
import type { LanesRules, LanesSetup } from './lanes-rules.js';
import { Adding, Item, type LanesState, NOBODY, ofAdder, PAUSER, Pausing, Ready } from './lanes-state.js';

export interface Turn {
  readonly state: LanesState;
  readonly setup: LanesSetup;
  readonly rules: LanesRules;
  readonly moves: Moves<LanesState>;
}

export function writerSteps(turn: Turn): void {
  for (let i = 0; i < turn.state.adders.length; i++) adderSteps(turn, i);
  if (turn.setup.holds) pauserSteps(turn);
  timeStep(turn);
}

/** One transaction: it makes the target ready, adds its item and commits. */
function adderSteps({ state, setup, rules, moves }: Turn, i: number): void {
  const adder = state.adders[i];
  if (adder === undefined || adder.stage === Adding.done) return;
  // Writers of one entity come one after the other.
  if (setup.ordered && i > 0 && state.adders[i - 1]?.stage !== Adding.done) return;
  const looksFirst = setup.ordered && rules.waitingDecided === 'before the lock';
  if (looksFirst && adder.stage === Adding.none) {
    moves.step(
      () => `the writer of item ${i + 1} looks what is before it`,
      (next) => {
        Object.assign(next.adders[i] ?? {}, { stage: Adding.looked, waits: isBehind(state, i) });
      },
    );
    return;
  }
  if (adder.stage === Adding.ready) {
    moves.step(
      () => `the writer of item ${i + 1} commits`,
      (next) => commit(next, i),
    );
    return;
  }
  const passesOver = rules.readinessLocks === 'where null or later' && state.ready === Ready.now;
  if (!passesOver && state.lock !== NOBODY) return;
  moves.step(
    () =>
      passesOver
        ? `the writer of item ${i + 1} finds the target ready and locks nothing`
        : `the writer of item ${i + 1} locks the target and makes it ready`,
    (next) => {
      if (!passesOver) next.lock = ofAdder(i);
      const waits = looksFirst ? adder.waits : setup.ordered ? isBehind(state, i) : 0;
      Object.assign(next.adders[i] ?? {}, { stage: Adding.ready, locks: passesOver ? 0 : 1, waits });
    },
  );
}

/** Whether an item before this one is pending: 1 or 0. */
function isBehind(state: LanesState, i: number): number {
  return state.items.some((item, k) => k < i && item !== Item.none && item !== Item.ended) ? 1 : 0;
}

function commit(next: LanesState, i: number): void {
  const adder = next.adders[i];
  if (adder === undefined) return;
  next.items[i] = adder.waits === 1 ? Item.waits : Item.due;
  if (adder.locks === 1) {
    next.lock = NOBODY;
    if (next.held === 0) next.ready = Ready.now;
  }
  next.adders[i] = { stage: Adding.done, locks: 0, waits: 0 };
}

function pauserSteps({ state, rules, moves }: Turn): void {
  const to = (say: string, pausing: number, change: (next: LanesState) => void) =>
    moves.step(
      () => say,
      (next) => {
        next.pausing = pausing;
        change(next);
      },
    );
  const lock = (next: LanesState) => {
    next.lock = PAUSER;
  };
  if (state.pausing === Pausing.none && state.lock === NOBODY)
    to('a pause locks the target', Pausing.holding, lock);
  if (state.pausing === Pausing.holding)
    to('the pause commits: the target is held, and is not ready', Pausing.held, (next) => {
      next.lock = NOBODY;
      next.held = 1;
      next.ready = Ready.null;
    });
  if (state.pausing === Pausing.held && state.lock === NOBODY)
    to('a resume locks the target', Pausing.releasing, lock);
  if (state.pausing === Pausing.releasing)
    to('the resume commits', Pausing.done, (next) => {
      next.lock = NOBODY;
      next.held = 0;
      if (rules.releaseMakesReady) next.ready = Ready.now;
    });
}

/** What was to come later has come. */
function timeStep({ state, moves }: Turn): void {
  if (state.ready !== Ready.later && !state.items.includes(Item.later)) return;
  moves.step(
    () => 'time passes',
    (next) => {
      if (next.ready === Ready.later) next.ready = Ready.now;
      next.items = next.items.map((item) => (item === Item.later ? Item.due : item));
    },
  );
}
