/**
 * Sagas: why each step happens once, why no early event is lost, and why a timeout acts only while it is set.
 *
 * The claim. All who work on a saga take one lock first, whether there is a row of it or not, and look in a later
 * statement. So they come one after the other, and each sees what the one before has committed. An event whose
 * step is not reached has its row of the waiting ones committed before the step is reached, and is released with
 * it; or it comes after, and finds the step. What a step decides is written in one commit with the position of its
 * event: its state, its undo, the token of its timeout, and the events that have waited. A death before that commit leaves nothing,
 * and the event is delivered again.
 *
 * A timeout has a token, and the saga has that of the timeout which was set last. An event that an admin sends
 * again, and an event that has waited, are looked for in the history, because one may have overtaken the other.
 * Code of an older version puts off what it cannot read.
 *
 * What is modelled: one saga with two steps, a start, two events that may come in any order, a timeout that is set
 * twice and may be due at any time, an undo, two processes of the same version or of two, deaths anywhere, and an
 * event that is sent again. The rules are in `sagas-rules.ts`, wrong turns in `saga-mutants.ts`.
 *
 * Not modelled: `waitMs` and its dead letter, the limits, a handler that ends its transaction, the end by hand
 * (it is a step as any other), retention.
 */
import type { Machine } from './explore.js';
import type { SagasRules, SagasSetup } from './sagas-rules.js';
import {
  copySagasState,
  Delivery,
  firstSagasState,
  Phase,
  readSagasState,
  type SagasState,
  Step,
  Waits,
  writeSagasState,
} from './sagas-state.js';
import { workerSteps } from './sagas-worker.js';

export const ONCE = 'each step once';
export const STALE = 'a timeout acts only while it is set';
export const UNDO = 'an undo with its step, once and whole';
export const LOST = 'an event that waits is delivered when its step is reached';
export const MISREAD = 'older code changes nothing of a newer saga';

export function sagasMachine(setup: SagasSetup, rules: SagasRules): Machine<SagasState> {
  return {
    words: 4,
    start: () => firstSagasState(setup.replays),
    copy: copySagasState,
    write: writeSagasState,
    read: readSagasState,
    steps(state, moves) {
      const turn = { state, setup, rules, moves };
      workerSteps(turn, 0);
      workerSteps(turn, 1);
    },
    broken(s) {
      if (s.done.some((times) => times > 1)) return ONCE;
      if (s.isStale === 1) return STALE;
      if (s.undoEvents !== (s.step === Step.undone ? 1 : 0)) return UNDO;
      if (s.isMisread === 1) return MISREAD;
      return isLost(s) ? LOST : undefined;
    },
    finished: (s) =>
      (s.step === Step.completed || s.step === Step.undone) &&
      s.deliveries.every((each) => each !== Delivery.open) &&
      s.waits.every((each) => each === Waits.none) &&
      s.workers.every(({ phase }) => phase === Phase.idle),
  };
}

/** Nobody works on the saga, and an event waits whose step is reached, or whose saga has ended. */
function isLost({ step, waits, workers }: SagasState): boolean {
  if (step === Step.missing || workers.some(({ phase }) => phase !== Phase.idle)) return false;
  const [extended, paid] = waits;
  return extended === Waits.waiting || (paid === Waits.waiting && step !== Step.begun);
}
