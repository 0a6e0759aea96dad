/** The state of the model of lanes: the lease, one target, its items, who adds them, two owners, somebody who pauses. */
import type { Bits } from './bits.js';

/** A set of items as bits. */
export type Items = number;

export const MOST_ITEMS = 3;

/** An item as committed. */
export const Item = {
  none: 0,
  due: 1,
  later: 2,
  /** Behind another one of its order. */ waits: 3,
  ended: 4,
} as const;

/** `ready_at` of the target. */
export const Ready = { null: 0, now: 1, later: 2 } as const;

export const Adding = {
  none: 0,
  /** Has looked what is before its item: only in a mutant. */ looked: 1,
  ready: 2,
  done: 3,
} as const;

export interface Adder {
  stage: number;
  /** It holds the lock of the target. */
  locks: number;
  /** Its item is to wait for the one before it. */
  waits: number;
}

export const Look = { none: 0, ready: 1, due: 2 } as const;

export const Save = {
  none: 0,
  fenced: 1,
  /** In the statement that waits for the lock. */ asked: 2,
  locked: 3,
  computed: 4,
} as const;

/** What one owner has in its memory, and its transaction. */
export interface Owner {
  /** The token it believes to hold; 0 for none. */
  token: number;
  /** It was asked for its lane. */
  stops: number;
  look: number;
  /** What its look has read as due. */
  found: Items;
  inFlight: Items;
  /** Of what is in flight, what has ended and is not saved. */
  ended: Items;
  /** Of what has ended, what is to run again. */
  again: Items;
  /** Of what is in flight, what was saved beside a look that is under way. */
  leaving: Items;
  /** The time of the target is to be computed again. */
  corrects: number;
  save: number;
  saved: Items;
  nextDue: number;
}

export const Pausing = { none: 0, holding: 1, held: 2, releasing: 3, done: 4 } as const;

export const NOBODY = 0;
export const PAUSER = 6;

/** Who holds the lock of the target. */
export const ofAdder = (i: number): number => 1 + i;
export const ofOwner = (i: number): number => 4 + i;

export interface LanesState {
  token: number;
  /** The lane was given back. */
  free: number;
  ready: number;
  held: number;
  lock: number;
  items: number[];
  /** Items that have run again already. */
  retried: Items;
  adders: Adder[];
  owners: [Owner, Owner];
  pausing: number;

  // The onlooker.
  /** Items that were sent, and whose outcome is not saved yet. */
  sent: Items;
  /** A save under a lease that was lost has changed something. */
  stale: number;
  /** An item began that was sent already, or that had ended. */
  repeated: number;
  /** An item began before one that stands before it in its order. */
  disordered: number;
}

export function outOfWork(): Owner {
  return {
    token: 0,
    stops: 0,
    look: Look.none,
    found: 0,
    inFlight: 0,
    ended: 0,
    again: 0,
    leaving: 0,
    corrects: 0,
    save: Save.none,
    saved: 0,
    nextDue: Ready.null,
  };
}

export function firstLanesState(items: number): LanesState {
  return {
    token: 1,
    free: 0,
    ready: Ready.null,
    held: 0,
    lock: NOBODY,
    items: Array.from({ length: items }, () => Item.none),
    retried: 0,
    adders: Array.from({ length: items }, () => ({ stage: Adding.none, locks: 0, waits: 0 })),
    owners: [{ ...outOfWork(), token: 1 }, outOfWork()],
    pausing: Pausing.none,
    sent: 0,
    stale: 0,
    repeated: 0,
    disordered: 0,
  };
}

export function copyLanesState(s: LanesState): LanesState {
  return {
    ...s,
    items: [...s.items],
    adders: s.adders.map((adder) => ({ ...adder })),
    owners: [{ ...s.owners[0] }, { ...s.owners[1] }],
  };
}

export function itemsThat(s: LanesState, test: (item: number) => boolean): Items {
  return s.items.reduce((found, item, k) => (test(item) ? found | (1 << k) : found), 0);
}

export function writeLanesState(s: LanesState, bits: Bits): void {
  for (const owner of s.owners) for (const [width, field] of OWNER) bits.put(width, owner[field]);
  for (const { stage, locks, waits } of s.adders) {
    bits.put(2, stage);
    bits.put(1, locks);
    bits.put(1, waits);
  }
  for (const item of s.items) bits.put(3, item);
  for (const [width, field] of SHARED) bits.put(width, s[field]);
}

export function readLanesState(bits: Bits, items: number): LanesState {
  const s = firstLanesState(items);
  for (const owner of s.owners) for (const [width, field] of OWNER) owner[field] = bits.take(width);
  for (const adder of s.adders) {
    adder.stage = bits.take(2);
    adder.locks = bits.take(1);
    adder.waits = bits.take(1);
  }
  s.items = s.items.map(() => bits.take(3));
  for (const [width, field] of SHARED) s[field] = bits.take(width);
  return s;
}

const OWNER: readonly (readonly [width: number, field: keyof Owner])[] = [
  [3, 'token'],
  [1, 'stops'],
  [2, 'look'],
  [MOST_ITEMS, 'found'],
  [MOST_ITEMS, 'inFlight'],
  [MOST_ITEMS, 'ended'],
  [MOST_ITEMS, 'again'],
  [MOST_ITEMS, 'leaving'],
  [1, 'corrects'],
  [3, 'save'],
  [MOST_ITEMS, 'saved'],
  [2, 'nextDue'],
];

type Shared =
  | 'token'
  | 'free'
  | 'ready'
  | 'held'
  | 'lock'
  | 'retried'
  | 'pausing'
  | 'sent'
  | 'stale'
  | 'repeated'
  | 'disordered';

const SHARED: readonly (readonly [width: number, field: Shared])[] = [
  [3, 'token'],
  [1, 'free'],
  [2, 'ready'],
  [1, 'held'],
  [3, 'lock'],
  [MOST_ITEMS, 'retried'],
  [3, 'pausing'],
  [MOST_ITEMS, 'sent'],
  [1, 'stale'],
  [1, 'repeated'],
  [1, 'disordered'],
];
