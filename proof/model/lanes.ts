/**
 * Lanes: why no item is forgotten, and why an owner that stalled changes nothing.
 *
 * The claim. While nobody holds the lock of a target, and it is not held back, an item that is pending with a
 * time of its own means that `ready_at` is not null. Who adds an item holds the lock until the commit that shows
 * the item, and leaves the target ready. A save holds the lock while it computes what is due next, so it sees
 * every item whose writer had the lock before it, and the writers behind it lower what it has left. What is in
 * flight counts as due, so the next owner of the lane finds it.
 *
 * Of an order, the first pending item never waits: that is decided, and changed, under the lock as well.
 *
 * A look and a save of one owner run side by side. What a save has ended stays in flight until the look is over, which
 * may have read it as due before.
 *
 * A save holds the row of its lease until it commits, and the taking of the lease waits for that row. So what a
 * save has changed was changed before anybody else had the lane, or not at all.
 *
 * What is modelled: one target with up to three items, two processes that own its lane in turn, each statement as
 * one step with a stall of any length between any two, crashes, transactions that the server ends, commits whose
 * answer is lost, retries, a pause, and a limit of what is in flight to the target. The rules are in `lanes-rules.ts`, wrong turns in `outgoing-mutants.ts`.
 *
 * Not modelled: limits of work in flight over several targets, rates, probes, the pause of a target, and signals. An owner looks again
 * after two seconds at the latest, so what a signal forgets is late and not lost.
 */
import type { Machine } from './explore.js';
import { ownerSteps } from './lanes-owner.js';
import type { LanesRules, LanesSetup } from './lanes-rules.js';
import {
  copyLanesState,
  firstLanesState,
  Item,
  type LanesState,
  NOBODY,
  Ready,
  readLanesState,
  Save,
  writeLanesState,
} from './lanes-state.js';
import { writerSteps } from './lanes-writers.js';

export const WAKE_UP = 'no wake-up lost';
export const STALE = 'a lane that is lost is not saved';
export const REPEATED = 'an item is sent twice only after a fault';
export const ORDER = 'order kept per entity';

export function lanesMachine(setup: LanesSetup, rules: LanesRules): Machine<LanesState> {
  return {
    words: 4,
    start: () => firstLanesState(setup.items),
    copy: copyLanesState,
    write: writeLanesState,
    read: (bits) => readLanesState(bits, setup.items),
    steps(state, moves) {
      const turn = { state, setup, rules, moves };
      writerSteps(turn);
      ownerSteps(turn, 0);
      ownerSteps(turn, 1);
    },
    broken(s) {
      if (s.stale === 1) return STALE;
      if (!setup.faults && s.repeated === 1) return REPEATED;
      if (setup.ordered && s.disordered === 1) return ORDER;
      return isForgotten(s) ? WAKE_UP : undefined;
    },
    finished: (s) =>
      s.items.every((item) => item === Item.ended) &&
      s.ready === Ready.null &&
      s.held === 0 &&
      s.owners.every(({ inFlight, save }) => inFlight === 0 && save === Save.none),
  };
}

/** Something is to be sent, and no look would read it. */
function isForgotten(s: LanesState): boolean {
  if (s.lock !== NOBODY || s.held === 1 || s.ready !== Ready.null) return false;
  return s.items.some((item) => item === Item.due || item === Item.later);
}
