import type { Bits } from './bits.js';

/**
 * What is delivered. `begun` begins the saga. `extended` is for any step, and sets the timeout again. `paid` is for
 * the step that `extended` leads to, and ends the saga. `first` and `second` are its timeouts. `againExtended` and
 * `againPaid` are published where an event has waited, and its step was reached.
 */
export const EVENTS = ['begun', 'extended', 'paid', 'first', 'second', 'againExtended', 'againPaid'] as const;
export type EventName = (typeof EVENTS)[number];
/** The events that may come too early. */
export const EARLY = ['extended', 'paid'] as const;
export type EarlyName = (typeof EARLY)[number];

export const Delivery = { none: 0, open: 1, settled: 2 } as const;
/** Where the saga stands. */
export const Step = { missing: 0, begun: 1, extended: 2, completed: 3, undone: 4 } as const;
/** A row of the table of events that wait. */
export const Waits = { none: 0, waiting: 1, released: 2 } as const;

export const Phase = {
  idle: 0,
  /** Its transaction has the row of the inbox. */
  begun: 1,
  /** Only in mutants: it has looked, and has no lock yet. */
  looked: 2,
  locked: 3,
  /** It has the lock, and knows what is there. */
  decided: 4,
  /** It has written, and not committed. */
  written: 5,
  /** Only in a mutant: the step is committed, and the position is not settled. */
  committed: 6,
} as const;

/** What was there when somebody looked. */
export interface View {
  step: number;
  token: number;
  version: number;
  /** Events that waited: a bit for each of `EARLY`. */
  waiting: number;
}

export interface Worker {
  phase: number;
  /** Which event, by its place in `EVENTS`. */
  event: number;
  view: View;
  /** Events that it has released: a bit for each of `EARLY`. */
  released: number;
}

export interface SagasState {
  deliveries: number[];
  waits: number[];
  step: number;
  token: number;
  version: number;
  /** 0: nobody. 1 and 2: a worker. */
  lock: number;
  workers: [Worker, Worker];
  replaysLeft: number;
  /** The second event was sent again by an admin. */
  isReplay: number;

  // The onlooker.
  /** How often each of `begun`, `extended`, `paid` and the timeouts was handled, up to 3. */
  done: number[];
  undoEvents: number;
  isStale: number;
  isMisread: number;
}

const noView = (): View => ({ step: 0, token: 0, version: 0, waiting: 0 });
export const idle = (): Worker => ({ phase: Phase.idle, event: 0, view: noView(), released: 0 });

export function firstSagasState(replays: number): SagasState {
  return {
    deliveries: EVENTS.map((_, i) => (i < 3 ? Delivery.open : Delivery.none)),
    waits: EARLY.map(() => Waits.none),
    step: Step.missing,
    token: 0,
    version: 0,
    lock: 0,
    workers: [idle(), idle()],
    replaysLeft: replays,
    isReplay: 0,
    done: [0, 0, 0, 0],
    undoEvents: 0,
    isStale: 0,
    isMisread: 0,
  };
}

export function copySagasState(s: SagasState): SagasState {
  const worker = (w: Worker): Worker => ({ ...w, view: { ...w.view } });
  return {
    ...s,
    deliveries: [...s.deliveries],
    waits: [...s.waits],
    done: [...s.done],
    workers: [worker(s.workers[0]), worker(s.workers[1])],
  };
}

export function writeSagasState(s: SagasState, bits: Bits): void {
  for (const each of [...s.deliveries, ...s.waits, ...s.done]) bits.put(2, each);
  for (const { phase, event, view, released } of s.workers) {
    bits.put(3, phase);
    bits.put(3, event);
    for (const [width, field] of VIEW) bits.put(width, view[field]);
    bits.put(2, released);
  }
  for (const [width, field] of FIELDS) bits.put(width, s[field]);
}

export function readSagasState(bits: Bits): SagasState {
  const s = firstSagasState(0);
  for (const list of [s.deliveries, s.waits, s.done])
    for (let i = 0; i < list.length; i++) list[i] = bits.take(2);
  for (const worker of s.workers) {
    worker.phase = bits.take(3);
    worker.event = bits.take(3);
    for (const [width, field] of VIEW) worker.view[field] = bits.take(width);
    worker.released = bits.take(2);
  }
  for (const [width, field] of FIELDS) s[field] = bits.take(width);
  return s;
}

const VIEW: readonly (readonly [width: number, field: keyof View])[] = [
  [3, 'step'],
  [2, 'token'],
  [2, 'version'],
  [2, 'waiting'],
];
const FIELDS: readonly (readonly [
  width: number,
  field: Exclude<keyof SagasState, 'deliveries' | 'waits' | 'workers' | 'done'>,
])[] = [
  [3, 'step'],
  [2, 'token'],
  [2, 'version'],
  [2, 'lock'],
  [1, 'replaysLeft'],
  [1, 'isReplay'],
  [2, 'undoEvents'],
  [1, 'isStale'],
  [1, 'isMisread'],
];
