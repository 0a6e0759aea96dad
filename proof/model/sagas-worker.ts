/** Processes that take events, and do the steps of the saga. */
import type { Moves } from './explore.js';
import type { SagasRules, SagasSetup } from './sagas-rules.js';
import {
  Delivery,
  EARLY,
  type EarlyName,
  EVENTS,
  type EventName,
  idle,
  Phase,
  type SagasState,
  Step,
  type View,
  Waits,
  type Worker,
} from './sagas-state.js';

export interface Turn {
  readonly state: SagasState;
  readonly setup: SagasSetup;
  readonly rules: SagasRules;
  readonly moves: Moves<SagasState>;
}

type Name = 0 | 1;
type Go = (text: string, change: (mine: Worker, next: SagasState) => void) => void;

/** What becomes of an event, by what was there. */
type Decision = 'put off' | 'skip' | 'wait' | 'begin' | 'extend' | 'complete' | 'undo';

export function workerSteps(turn: Turn, i: Name): void {
  const { state, moves } = turn;
  const worker = state.workers[i];
  const go: Go = (text, change) =>
    moves.step(
      () => `process ${who(i)} ${text}`,
      (next) => change(next.workers[i], next),
    );
  if (worker.phase === Phase.idle) takeSteps(turn, go);
  if (worker.phase === Phase.begun || worker.phase === Phase.looked) lockSteps(turn, i, go);
  if (worker.phase === Phase.locked)
    go(`looks: ${textOf(state)}`, (mine, next) => {
      mine.view = viewOf(next);
      mine.phase = Phase.decided;
    });
  if (worker.phase === Phase.decided) writeStep(turn, i, go);
  if (worker.phase === Phase.written) commitStep(turn, i, go);
  if (worker.phase === Phase.committed)
    go(`settles ${nameOf(worker)}`, (_mine, next) => {
      settle(next, i);
    });
  if (turn.setup.faults && worker.phase !== Phase.idle)
    moves.fault(
      () => `process ${who(i)} dies, and another one takes its place`,
      (next) => giveUp(next, i),
    );
  if (i === 0 && state.replaysLeft > 0 && state.deliveries[EVENTS.indexOf('extended')] === Delivery.settled)
    moves.fault(
      () => 'an admin sends "extended" again',
      (next) => {
        next.replaysLeft -= 1;
        next.isReplay = 1;
        next.deliveries[EVENTS.indexOf('extended')] = Delivery.open;
      },
    );
}

/** The row of the inbox is there once, so nobody takes an event that another transaction has. */
function takeSteps({ state }: Turn, go: Go): void {
  for (const [event, delivery] of state.deliveries.entries()) {
    const isTaken = state.workers.some((each) => each.phase !== Phase.idle && each.event === event);
    if (delivery === Delivery.open && !isTaken)
      go(`takes ${EVENTS[event]}`, (mine) => {
        mine.phase = Phase.begun;
        mine.event = event;
      });
  }
}

function lockSteps({ state, rules }: Turn, i: Name, go: Go): void {
  const worker = state.workers[i];
  const lock = (mine: Worker, next: SagasState) => {
    next.lock = i + 1;
    mine.phase = Phase.locked;
  };
  if (rules.look === 'behind the lock') {
    if (state.lock === 0) go('takes the lock', lock);
    return;
  }
  if (worker.phase === Phase.begun)
    go(`begins a statement, which sees: ${textOf(state)}`, (mine, next) => {
      mine.view = viewOf(next);
      mine.phase = Phase.looked;
    });
  else if (rules.look === 'without the lock' && worker.view.step === Step.missing)
    go('goes on, as there is no row to lock', (mine) => {
      mine.phase = Phase.decided;
    });
  else if (state.lock === 0)
    go('has waited for the lock', (mine, next) => {
      next.lock = i + 1;
      // A row that was seen is read again when it is locked. That there was none is not looked at again.
      if (mine.view.step !== Step.missing) mine.view = { ...viewOf(next), waiting: mine.view.waiting };
      mine.phase = Phase.decided;
    });
}

function writeStep(turn: Turn, i: Name, go: Go): void {
  const { state, rules } = turn;
  const worker = state.workers[i];
  const decision = decided(turn, i);
  if (decision === 'put off') go('puts the event off', (_mine, next) => giveUp(next, i));
  else
    go(`writes: ${decision}`, (mine, next) => {
      mine.phase = Phase.written;
      mine.released = releasable(next, mine, decision);
      if (decision === 'undo' && !rules.undoIsInTheCommit) next.undoEvents = more(next.undoEvents);
      onlook(next, worker, decision, versionOf(turn, i));
    });
}

/** What was misread is seen when it is written, whether it is committed or not. */
function onlook(next: SagasState, worker: Worker, decision: Decision, version: number): void {
  if (decision === 'undo' && worker.view.token !== tokenOf(worker)) next.isStale = 1;
  const isStep = decision === 'extend' || decision === 'complete' || decision === 'undo';
  if (isStep && worker.view.version > version) next.isMisread = 1;
}

function commitStep(turn: Turn, i: Name, go: Go): void {
  const { state, rules } = turn;
  const decision = decided(turn, i);
  if (decision === 'begin' && state.step !== Step.missing)
    go('finds that the saga has begun, and rolls back', (_mine, next) => giveUp(next, i));
  else
    go(`commits: ${decision}`, (mine, next) => {
      apply(turn, i, next, decision);
      if (next.lock === i + 1) next.lock = 0;
      if (rules.positionIsInTheCommit) settle(next, i);
      else mine.phase = Phase.committed;
    });
}

function apply(turn: Turn, i: Name, next: SagasState, decision: Decision): void {
  const { rules } = turn;
  const { event, released } = turn.state.workers[i];
  const early = earlyOf(event);
  if (isAgain(event) && early !== undefined && next.waits[early] === Waits.released)
    next.waits[early] = Waits.none;
  if (decision === 'wait' && early !== undefined) next.waits[early] = Waits.waiting;
  if (decision === 'begin') {
    Object.assign(next, { step: Step.begun, token: 1 });
    open(next, 'first');
    count(next, 0);
  }
  if (decision === 'extend') {
    Object.assign(next, { step: Step.extended, token: 2 });
    open(next, 'second');
    count(next, 1);
  }
  if (decision === 'complete' || decision === 'undo') {
    Object.assign(next, { step: decision === 'undo' ? Step.undone : Step.completed, token: 0 });
    count(next, decision === 'undo' ? 3 : 2);
    if (decision === 'undo' && rules.undoIsInTheCommit) next.undoEvents = more(next.undoEvents);
    // Whatever waits is skipped, and stands in the history.
    next.waits = next.waits.map(() => Waits.none);
  }
  if (decision === 'begin' || decision === 'extend' || decision === 'complete' || decision === 'undo')
    next.version = Math.max(next.version, versionOf(turn, i));
  for (const [each] of EARLY.entries())
    if ((released & (1 << each)) !== 0 && next.waits[each] === Waits.waiting && rules.releasesInTheCommit) {
      next.waits[each] = Waits.released;
      open(next, each === 0 ? 'againExtended' : 'againPaid');
    }
}

/** `src/sagas/saga-consumer.ts`, for this saga. */
function decided({ state, setup, rules }: Turn, i: Name): Decision {
  const { event, view } = state.workers[i];
  const name = EVENTS[event] as EventName;
  const version = setup.versions === 2 ? i + 1 : 1;
  const isActive = view.step === Step.begun || view.step === Step.extended;
  if (name === 'first' || name === 'second') {
    if (!isActive || view.token === 0) return 'skip';
    if (rules.timeoutHasToken && view.token !== (name === 'first' ? 1 : 2)) return 'skip';
    return isNewer(view, version, rules) ? 'put off' : 'undo';
  }
  const early = earlyOf(event);
  if (isAgain(event) && early !== undefined && state.waits[early] !== Waits.released) return 'skip';
  if (view.step === Step.missing) return name === 'begun' ? 'begin' : 'wait';
  if (!isActive) return 'skip';
  if (isNewer(view, version, rules)) return 'put off';
  if (name === 'begun') return 'skip';
  if (asksHistory(state, name, rules) && (state.done[(early ?? 0) + 1] ?? 0) > 0) return 'skip';
  if (early === 0) return 'extend';
  return view.step === Step.extended ? 'complete' : 'wait';
}

function asksHistory({ isReplay }: SagasState, name: EventName, rules: SagasRules): boolean {
  if (name === 'extended') return isReplay === 1 && rules.replayAsksHistory;
  return (name === 'againExtended' || name === 'againPaid') && rules.againAsksHistory;
}

const isNewer = ({ version: stored }: View, version: number, { olderPutsOff }: SagasRules) =>
  olderPutsOff && stored > version;

/** The events that the step releases, by a statement of its own behind the look. */
function releasable(state: SagasState, { view }: Worker, decision: Decision): number {
  if (decision !== 'begin' && decision !== 'extend') return 0;
  // A step that was not left releases nothing, and neither does one for which nothing has waited.
  if (decision === 'extend' && (view.step === Step.extended || view.waiting === 0)) return 0;
  const isOwn = (each: EarlyName) => each === 'extended' || decision === 'extend';
  return EARLY.reduce(
    (set, each, e) => (state.waits[e] === Waits.waiting && isOwn(each) ? set | (1 << e) : set),
    0,
  );
}

function viewOf({ step, token, version, waits }: SagasState): View {
  const waiting = waits.reduce((set, each, e) => (each === Waits.none ? set : set | (1 << e)), 0);
  return { step, token, version, waiting };
}

function giveUp(next: SagasState, i: Name): void {
  if (next.lock === i + 1) next.lock = 0;
  next.workers[i] = idle();
}

function settle(next: SagasState, i: Name): void {
  next.deliveries[next.workers[i].event] = Delivery.settled;
  if (EVENTS[next.workers[i].event] === 'extended') next.isReplay = 0;
  next.workers[i] = idle();
}

function open(next: SagasState, name: EventName): void {
  next.deliveries[EVENTS.indexOf(name)] = Delivery.open;
}

function count(next: SagasState, what: number): void {
  next.done[what] = more(next.done[what] ?? 0);
}

const more = (count: number) => Math.min(3, count + 1);
const versionOf = ({ setup }: Turn, i: Name) => (setup.versions === 2 ? i + 1 : 1);
const tokenOf = ({ event }: Worker) => (EVENTS[event] === 'first' ? 1 : 2);
const isAgain = (event: number) => event >= EVENTS.indexOf('againExtended');
const nameOf = ({ event }: Worker) => EVENTS[event] ?? '';
const who = (i: Name) => (i === 0 ? 'A' : 'B');

/** Which of `EARLY` an event is, or is about. */
function earlyOf(event: number): number | undefined {
  const name = EVENTS[event];
  if (name === 'extended' || name === 'againExtended') return 0;
  return name === 'paid' || name === 'againPaid' ? 1 : undefined;
}

function textOf({ step, waits }: SagasState): string {
  const where = ['no saga', 'begun', 'extended', 'completed', 'undone'][step] ?? '';
  return waits.some((each) => each !== Waits.none) ? `${where}, and an event that waits` : where;
}
