/** What an owner of the lane does: it takes it, looks, sends, saves, gives it back, loses it. */
import {
  Item,
  itemsThat,
  type LanesState,
  Look,
  MOST_ITEMS,
  NOBODY,
  ofOwner,
  outOfWork,
  Ready,
  Save,
} from './lanes-state.js';
import type { Turn } from './lanes-writers.js';

type Name = 0 | 1;

export function ownerSteps(turn: Turn, i: Name): void {
  const owner = turn.state.owners[i];
  if (owner.token === 0) {
    takeStep(turn, i);
    return;
  }
  lookSteps(turn, i);
  runSteps(turn, i);
  saveSteps(turn, i);
  handOverSteps(turn, i);
  if (turn.setup.faults) faultSteps(turn, i);
}

// Taking, giving back, losing ----------------------------------------------------------------------------------

function takeStep({ state, setup, rules, moves }: Turn, i: Name): void {
  const owner = state.owners.find(({ token }) => token === state.token);
  const isLeft = state.free === 1 || owner === undefined;
  if (state.token >= setup.tokens || (!isLeft && !setup.faults)) return;
  // A fence holds the row of the lease. A process that takes the lease changes the key of that row.
  if (rules.fence === 'holds the lease' && owner !== undefined && owner.save !== Save.none) return;
  const text = isLeft ? 'takes the lane' : 'takes the lane of an owner that stalls';
  moves[isLeft ? 'step' : 'fault'](
    () => `${who(i)} ${text}`,
    (next) => {
      next.token += 1;
      next.free = 0;
      next.owners[i] = { ...outOfWork(), token: next.token };
    },
  );
}

function handOverSteps({ state, setup, rules, moves }: Turn, i: Name): void {
  const owner = state.owners[i];
  const isIdle =
    (owner.inFlight | owner.corrects) === 0 && owner.save === Save.none && owner.look === Look.none;
  if (owner.token !== state.token) {
    if (owner.save === Save.none)
      moves.step(
        () => `${who(i)} learns that its lane is lost, and drops what it had`,
        (next) => {
          next.owners[i] = outOfWork();
        },
      );
    return;
  }
  if (owner.stops === 0 && state.token < setup.tokens)
    moves.step(
      () => `${who(i)} is asked for the lane`,
      (next) => {
        next.owners[i].stops = 1;
      },
    );
  if (owner.stops === 1 && owner.save === Save.none && (isIdle || !rules.handsOverIdle))
    moves.step(
      () => `${who(i)} gives the lane back${isIdle ? '' : ' while something is in flight'}`,
      (next) => {
        next.free = 1;
        next.owners[i] = outOfWork();
      },
    );
}

function faultSteps({ state, setup, moves }: Turn, i: Name): void {
  const owner = state.owners[i];
  if (owner.token === state.token && state.token < setup.tokens)
    moves.fault(
      () => `${who(i)} dies`,
      (next) => {
        unlock(next, i);
        next.owners[i] = outOfWork();
      },
    );
  if (owner.save !== Save.none)
    moves.fault(
      () => `the server ends the save of ${who(i)}, which stalls`,
      (next) => {
        unlock(next, i);
        Object.assign(next.owners[i], { save: Save.none, saved: 0, nextDue: Ready.null });
      },
    );
}

// Looking and sending ------------------------------------------------------------------------------------------

function lookSteps(turn: Turn, i: Name): void {
  const { state, moves } = turn;
  const owner = state.owners[i];
  if (owner.look === Look.none && owner.corrects === 0 && owner.stops === 0 && state.ready === Ready.now)
    moves.step(
      () => `${who(i)} reads that the target is ready`,
      (next) => {
        next.owners[i].look = Look.ready;
      },
    );
  if (owner.look === Look.ready)
    moves.step(
      () => `${who(i)} reads what is due`,
      (next) => {
        Object.assign(next.owners[i], {
          look: Look.due,
          found: itemsThat(state, (item) => item === Item.due),
        });
      },
    );
  if (owner.look === Look.due) beginStep(turn, i);
}

function beginStep({ state, setup, rules, moves }: Turn, i: Name): void {
  const owner = state.owners[i];
  const free = setup.places - sizeOf(owner.inFlight);
  // It begins nothing if it was asked for the lane meanwhile.
  const begun = owner.stops === 1 ? 0 : firstOf(owner.found & ~owner.inFlight, free);
  moves.step(
    () => (begun === 0 ? `${who(i)} has nothing to begin` : `${who(i)} sends ${namesOf(begun)}`),
    (next) => {
      const mine = next.owners[i];
      const over = itemsThat(next, (item) => item === Item.ended);
      if ((begun & (over | next.sent)) !== 0) next.repeated = 1;
      next.sent |= begun;
      if (overtakes(next, begun)) next.disordered = 1;
      mine.inFlight |= begun;
      if (free <= 0 && rules.fullTarget === 'is taken off') next.ready = Ready.null;
      if (begun === 0 && mine.inFlight === 0 && mine.stops === 0 && rules.correctsReady) mine.corrects = 1;
      mine.inFlight &= ~mine.leaving;
      Object.assign(mine, { look: Look.none, found: 0, leaving: 0 });
    },
  );
}

function sizeOf(items: number): number {
  return [0, 1, 2].filter((k) => (items & (1 << k)) !== 0).length;
}

/** The first of these items, as many as there are places. */
function firstOf(items: number, places: number): number {
  let first = 0;
  for (let k = 0; k < MOST_ITEMS; k++) {
    const item = items & (1 << k);
    if (item !== 0 && sizeOf(first) < places) first |= item;
  }
  return first;
}

/** Whether one of these begins while one before it is pending. */
function overtakes(state: LanesState, begun: number): boolean {
  return state.items.some(
    (item, k) => item !== Item.none && item !== Item.ended && begun >>> (k + 1) !== 0 && begun !== 0,
  );
}

function runSteps({ state, setup, moves }: Turn, i: Name): void {
  const { inFlight, ended, leaving } = state.owners[i];
  for (const [k] of state.items.entries()) {
    const item = 1 << k;
    if ((inFlight & ~ended & ~leaving & item) === 0) continue;
    moves.step(
      () => `item ${k + 1} of ${who(i)} has ended`,
      (next) => {
        next.owners[i].ended |= item;
      },
    );
    if (setup.retries && (state.retried & item) === 0)
      moves.step(
        () => `item ${k + 1} of ${who(i)} has failed, and is to run again later`,
        (next) => {
          next.retried |= item;
          next.owners[i].ended |= item;
          next.owners[i].again |= item;
        },
      );
  }
}

// Saving -------------------------------------------------------------------------------------------------------

function saveSteps(turn: Turn, i: Name): void {
  const { state, rules, moves } = turn;
  const owner = state.owners[i];
  const isOurs = owner.token === state.token;
  if (owner.save === Save.none && (owner.ended !== 0 || owner.corrects === 1)) {
    if (!isOurs && rules.fence !== 'none') return;
    moves.step(
      () => `${who(i)} begins a save${rules.fence === 'none' ? '' : ': the token is its own'}`,
      (next) => {
        Object.assign(next.owners[i], { save: Save.fenced, saved: owner.ended });
      },
    );
  }
  if (owner.save === Save.fenced)
    moves.step(
      () => `the save of ${who(i)} asks for the lock of the target`,
      (next) => {
        const mine = next.owners[i];
        mine.save = Save.asked;
        if (rules.nextDue === 'in the statement of the lock') mine.nextDue = nextDue(turn, i);
      },
    );
  if (owner.save === Save.asked && state.lock === NOBODY)
    moves.step(
      () => `the save of ${who(i)} has the lock`,
      (next) => {
        next.lock = ofOwner(i);
        next.owners[i].save = Save.locked;
      },
    );
  if (owner.save === Save.locked)
    moves.step(
      () => `the save of ${who(i)} computes what is due next`,
      (next) => {
        const mine = next.owners[i];
        mine.save = Save.computed;
        if (rules.nextDue === 'behind the lock') mine.nextDue = nextDue(turn, i);
      },
    );
  if (owner.save === Save.computed) commitSteps(turn, i);
}

function commitSteps({ state, setup, rules, moves }: Turn, i: Name): void {
  moves.step(
    () => `the save of ${who(i)} commits`,
    (next) => {
      settle(next, i, rules.endReleasesNext);
      const mine = next.owners[i];
      if (mine.look !== Look.none && rules.savedLeave === 'when the look is over') mine.leaving |= mine.saved;
      else mine.inFlight &= ~mine.saved;
      mine.ended &= ~mine.saved;
      mine.again &= ~mine.saved;
      Object.assign(mine, { save: Save.none, saved: 0, corrects: 0, nextDue: Ready.null });
    },
  );
  if (setup.faults && state.owners[i].token === state.token)
    moves.fault(
      () => `the save of ${who(i)} commits, but its answer is lost`,
      (next) => {
        settle(next, i, rules.endReleasesNext);
        Object.assign(next.owners[i], { save: Save.none, saved: 0, nextDue: Ready.null });
      },
    );
}

/** What the transaction has written becomes visible. An item that has ended meanwhile stays as it is. */
function settle(next: LanesState, i: Name, releasesNext: boolean): void {
  const { token, saved, again, nextDue: due, corrects } = next.owners[i];
  if (token !== next.token && (saved !== 0 || corrects === 1)) next.stale = 1;
  next.items = itemsAfter(next, saved, again, releasesNext);
  next.sent &= ~saved;
  next.ready = next.held === 1 ? Ready.null : due;
  unlock(next, i);
}

function itemsAfter(state: LanesState, saved: number, again: number, releasesNext: boolean): number[] {
  const items = state.items.map((item, k) => {
    const isSaved = (saved & (1 << k)) !== 0 && item !== Item.ended;
    return !isSaved ? item : (again & (1 << k)) !== 0 ? Item.later : Item.ended;
  });
  const hasEnded = items.some((item, k) => item === Item.ended && state.items[k] !== Item.ended);
  const first = items.findIndex((item) => item !== Item.none && item !== Item.ended);
  if (releasesNext && hasEnded && first >= 0 && items[first] === Item.waits) items[first] = Item.due;
  return items;
}

/** As the transaction of this save sees the items at this moment. */
function nextDue({ state, rules }: Turn, i: Name): number {
  const { saved, again, inFlight } = state.owners[i];
  const items = itemsAfter(state, saved, again, rules.endReleasesNext);
  const counted = items.filter((_, k) => rules.nextDueCountsInFlight || (inFlight & ~saved & (1 << k)) === 0);
  if (counted.includes(Item.due)) return Ready.now;
  return counted.includes(Item.later) ? Ready.later : Ready.null;
}

function unlock(next: LanesState, i: Name): void {
  if (next.lock === ofOwner(i)) next.lock = NOBODY;
}

function namesOf(items: number): string {
  const names = [0, 1, 2].filter((k) => (items & (1 << k)) !== 0).map((k) => k + 1);
  return `item${names.length > 1 ? 's' : ''} ${names.join(' and ')}`;
}

export function who(i: number): string {
  return i === 0 ? 'A' : 'B';
}
