/**
 * Calls to other systems: why a call ends once, why no report is lost, and why no attempt is made that was not
 * counted.
 *
 * The claim. An owner takes a call by one statement that compares what it has read, counts the attempt and writes a
 * token, before the other system hears of anything. So there are no more requests than attempts; and a token that
 * is there says that somebody may have sent one. Whoever tells something of a call has its row, so the first end is
 * the only one. Whoever makes the external id known, and whoever brings a report for it, has the lock of that id,
 * and looks behind it: either the report waits when the id becomes known, or it finds the call.
 *
 * What is modelled: one call, two owners who both believe that it is theirs, deaths anywhere, answers that do not
 * come, two reports that contradict each other, and a deadline. The rules are in `calls-rules.ts`, wrong turns in
 * `call-mutants.ts`.
 *
 * Not modelled: questions (`poll` is a report), cancelling, retries by hand, runs alone after a crash.
 */
import type { CallsRules, CallsSetup } from './calls-rules.js';
import {
  type CallsState,
  copyCallsState,
  firstCallsState,
  Phase,
  Report,
  readCallsState,
  writeCallsState,
} from './calls-state.js';
import { deadlineStep, hasEnded, ownerSteps, reportSteps } from './calls-steps.js';
import type { Machine } from './explore.js';

export const ONE_END = 'one end';
export const COUNTED = 'no request without an attempt';
export const AT_MOST_ONCE = 'a request at most once, where nobody may send another';
export const LOST = 'a report that waits is taken up when its call has its name';

export function callsMachine(setup: CallsSetup, rules: CallsRules): Machine<CallsState> {
  return {
    words: 3,
    start: () => firstCallsState(setup.reports),
    copy: copyCallsState,
    write: writeCallsState,
    read: readCallsState,
    steps(state, moves) {
      const turn = { state, setup, rules, moves };
      ownerSteps(turn, 0);
      ownerSteps(turn, 1);
      reportSteps(turn, 0);
      reportSteps(turn, 1);
      deadlineStep(turn);
    },
    broken(s) {
      if (s.ends > 1) return ONE_END;
      if (s.sends > s.attempt) return COUNTED;
      if (setup.unknown === 'fail' && s.sends > 1) return AT_MOST_ONCE;
      return isLost(s) ? LOST : undefined;
    },
    finished: (s) => hasEnded(s.status) && isQuiet(s),
  };
}

/** Nobody works on the call, it has its name and goes on, and a report of it waits. */
function isLost(s: CallsState): boolean {
  return s.waiting !== 0 && s.isNamed === 1 && !hasEnded(s.status) && isQuiet(s);
}

function isQuiet({ owners, reporters, isTaken }: CallsState): boolean {
  const isHeard = ({ phase }: { phase: number }) =>
    phase === Report.done || (isTaken === 0 && phase === Report.none);
  return owners.every(({ phase }) => phase === Phase.idle) && reporters.every(isHeard);
}
