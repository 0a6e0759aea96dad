/** The state of the model of routing: the log, one destination and its rows, routers, who pauses, who catches up. */
import type { Bits } from './bits.js';

/** A set of positions as bits: bit p stands for position p + 1. */
export type Positions = number;

export const MOST_EVENTS = 3;
/** A place that is null. Other places are positions from 0 to the end of the log. */
export const NOWHERE = 7;

export const Event = { none: 0, drawn: 1, committed: 2 } as const;
export const Status = { missing: 0, paused: 1, active: 2 } as const;

export const Routing = {
  none: 0,
  /** It has read its batch. */
  read: 1,
  /** It has read the destination, without a lock. */
  seen: 2,
  /** It holds the destination, which is off. */
  skipping: 3,
  /** It has written rows. */
  writing: 4,
  /** Its transaction has committed, and its positions are to be settled. */
  committed: 5,
} as const;

export interface Router {
  stage: number;
  batch: Positions;
  /** Whether the router is to write rows, by what it has seen. */
  isOn: number;
  isThere: number;
}

export const Change = {
  none: 0,
  /** Has read the head: only in a mutant. */ looked: 1,
  locked: 2,
  written: 3,
} as const;
/** What is being changed. */
export const Aim = { none: 0, create: 1, pause: 2, resume: 3 } as const;

export const Catching = {
  none: 0,
  /** Has read the head: only in a mutant. */ looked: 1,
  locked: 2,
  bounded: 3,
  read: 4,
  /** Only in a mutant. */ placed: 5,
} as const;

export interface RoutingState {
  events: number[];
  settled: Positions;
  status: number;
  behind: number;
  /** The end of the catching up. */
  upTo: number;
  rows: Positions;
  /** 0: nobody. 1 and 2: a router. 3: who changes the destination. 4: who catches up. */
  lock: number;
  routers: [Router, Router];

  aim: number;
  change: number;
  /** The end that the change has read. */
  head: number;
  pausesLeft: number;

  catching: number;
  end: number;
  found: Positions;

  // The onlooker.
  doubled: number;
  disordered: number;
}

export function firstRoutingState(events: number, status: number, pauses: number): RoutingState {
  const router = () => ({ stage: Routing.none, batch: 0, isOn: 0, isThere: 0 });
  return {
    events: Array.from({ length: events }, () => Event.none),
    settled: 0,
    status,
    behind: NOWHERE,
    upTo: NOWHERE,
    rows: 0,
    lock: 0,
    routers: [router(), router()],
    aim: Aim.none,
    change: Change.none,
    head: 0,
    pausesLeft: pauses,
    catching: Catching.none,
    end: 0,
    found: 0,
    doubled: 0,
    disordered: 0,
  };
}

export function copyRoutingState(s: RoutingState): RoutingState {
  return { ...s, events: [...s.events], routers: [{ ...s.routers[0] }, { ...s.routers[1] }] };
}

export function committedOf(s: RoutingState): Positions {
  return s.events.reduce((set, event, p) => (event === Event.committed ? set | (1 << p) : set), 0);
}

/** The end of the log: the position behind the last one that is visible. */
export function headOf(s: RoutingState): number {
  return 32 - Math.clz32(committedOf(s));
}

/** Of these positions, those from `from` to before `to`. */
export function between(positions: Positions, from: number, to: number): Positions {
  return positions & ((1 << to) - 1) & ~((1 << from) - 1);
}

export function writeRoutingState(s: RoutingState, bits: Bits): void {
  for (const event of s.events) bits.put(2, event);
  for (const { stage, batch, isOn, isThere } of s.routers) {
    bits.put(3, stage);
    bits.put(MOST_EVENTS, batch);
    bits.put(1, isOn);
    bits.put(1, isThere);
  }
  for (const [width, field] of FIELDS) bits.put(width, s[field]);
}

export function readRoutingState(bits: Bits, events: number): RoutingState {
  const s = firstRoutingState(events, 0, 0);
  s.events = s.events.map(() => bits.take(2));
  for (const router of s.routers) {
    router.stage = bits.take(3);
    router.batch = bits.take(MOST_EVENTS);
    router.isOn = bits.take(1);
    router.isThere = bits.take(1);
  }
  for (const [width, field] of FIELDS) s[field] = bits.take(width);
  return s;
}

const FIELDS: readonly (readonly [
  width: number,
  field: Exclude<keyof RoutingState, 'events' | 'routers'>,
])[] = [
  [MOST_EVENTS, 'settled'],
  [2, 'status'],
  [3, 'behind'],
  [3, 'upTo'],
  [MOST_EVENTS, 'rows'],
  [3, 'lock'],
  [2, 'aim'],
  [2, 'change'],
  [3, 'head'],
  [2, 'pausesLeft'],
  [3, 'catching'],
  [3, 'end'],
  [MOST_EVENTS, 'found'],
  [1, 'doubled'],
  [1, 'disordered'],
];
