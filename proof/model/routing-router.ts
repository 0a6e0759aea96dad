/** Events are published, and routers read them and write rows, or note what they skip. */
import type { Moves } from './explore.js';
import type { RoutingRules, RoutingSetup } from './routing-rules.js';
import {
  committedOf,
  Event,
  NOWHERE,
  type Positions,
  type Router,
  Routing,
  type RoutingState,
  Status,
} from './routing-state.js';

export interface Turn {
  readonly state: RoutingState;
  readonly setup: RoutingSetup;
  readonly rules: RoutingRules;
  readonly moves: Moves<RoutingState>;
}

type Name = 0 | 1;

export function publishSteps({ state, setup, moves }: Turn): void {
  for (const [p, event] of state.events.entries()) {
    const before = p === 0 ? Event.committed : (state.events[p - 1] as number);
    // Positions are drawn in turn. Two writers of one entity come one after the other.
    const mayDraw = setup.ordered && p === 1 ? before === Event.committed : before !== Event.none;
    if (event === Event.none && mayDraw)
      moves.step(
        () => `position ${p + 1} is drawn`,
        (next) => {
          next.events[p] = Event.drawn;
        },
      );
    if (event === Event.drawn)
      moves.step(
        () => `the event of position ${p + 1} commits`,
        (next) => {
          next.events[p] = Event.committed;
        },
      );
  }
}

export function routerSteps(turn: Turn, i: Name): void {
  const { state, rules, moves } = turn;
  const router = state.routers[i];
  const step = (text: string, change: (mine: Router, next: RoutingState) => void) =>
    moves.step(
      () => `router ${who(i)} ${text}`,
      (next) => change(next.routers[i], next),
    );
  const unread = committedOf(state) & ~state.settled;
  if (router.stage === Routing.none && unread !== 0)
    step(`reads ${namesOf(unread)}`, (mine, next) => {
      Object.assign(mine, { stage: Routing.read, batch: unread });
      if (!rules.settlesBehindCommit) next.settled |= unread;
    });
  if (router.stage === Routing.read)
    step(`reads the destination: ${STATUSES[state.status]}`, (mine) => {
      mine.stage = Routing.seen;
      mine.isThere = state.status === Status.missing ? 0 : 1;
      mine.isOn = isRouted(turn) ? 1 : 0;
    });
  if (router.stage === Routing.seen) decideSteps(turn, i, step);
  if (router.stage === Routing.skipping)
    step(`commits: it skips ${namesOf(router.batch)}`, (mine, next) => {
      if (next.lock === i + 1) next.lock = 0;
      if (rules.behindFrom === 'the router that skips')
        next.behind = Math.min(next.behind, lowestOf(mine.batch));
      mine.stage = Routing.committed;
    });
  if (router.stage === Routing.writing)
    step(`commits the rows of ${namesOf(router.batch)}`, (mine, next) => {
      if (next.lock === i + 1) next.lock = 0;
      addRows(turn, next, mine.batch);
      mine.stage = Routing.committed;
    });
  if (router.stage === Routing.committed)
    step(`settles ${namesOf(router.batch)}`, (mine, next) => {
      next.settled |= mine.batch;
      end(mine);
    });
  if (router.stage !== Routing.none)
    moves.fault(
      () => `router ${who(i)} dies`,
      (next) => {
        if (next.lock === i + 1) next.lock = 0;
        end(next.routers[i]);
      },
    );
}

type Step = (text: string, change: (mine: Router, next: RoutingState) => void) => void;

/** By what it has read, it writes rows, or locks a destination that is off and reads it again. */
function decideSteps(turn: Turn, i: Name, step: Step): void {
  const { state, rules } = turn;
  const router = state.routers[i];
  if (router.isThere === 0)
    step('finds nobody who wants this', (mine) => {
      mine.stage = Routing.committed;
    });
  else if (router.isOn === 1)
    step('writes rows', (mine) => {
      mine.stage = Routing.writing;
    });
  else if (!rules.skipsUnderLock)
    step('is to skip the destination', (mine) => {
      mine.stage = Routing.skipping;
    });
  else if (state.lock === 0)
    step(`locks the destination, and reads it again: ${STATUSES[state.status]}`, (mine, next) => {
      next.lock = i + 1;
      mine.stage = isRouted(turn) ? Routing.writing : Routing.skipping;
    });
}

function isRouted({ state, setup, rules }: Turn): boolean {
  if (state.status !== Status.active) return false;
  return !setup.ordered || !rules.orderWaits || state.behind === NOWHERE;
}

/** Rows that are there already stay as they are. */
export function addRows({ setup, rules }: Turn, next: RoutingState, positions: Positions): void {
  if (!rules.uniqueRows && (next.rows & positions) !== 0) next.doubled = 1;
  // The first two are of one entity, and the second one was published when the first one was committed.
  const all = next.rows | positions;
  if (setup.ordered && (all & 2) !== 0 && (all & 1) === 0) next.disordered = 1;
  next.rows = all;
}

function end(router: Router): void {
  Object.assign(router, { stage: Routing.none, batch: 0, isOn: 0, isThere: 0 });
}

function lowestOf(positions: Positions): number {
  return 31 - Math.clz32(positions & -positions);
}

const STATUSES: Readonly<Record<number, string>> = {
  [Status.missing]: 'it is not there',
  [Status.paused]: 'paused',
  [Status.active]: 'active',
};

export function namesOf(positions: Positions): string {
  const names = [0, 1, 2].filter((p) => (positions & (1 << p)) !== 0).map((p) => p + 1);
  return names.length === 0 ? 'nothing' : names.join(' and ');
}

function who(i: number): string {
  return i === 0 ? 'A' : 'B';
}
