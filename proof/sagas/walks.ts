/** The saga of the proof, as data: what happens to a walk, and what it must have done in the end. */
import type { Random } from '../harness/random.js';

export const SAGA = 'walk';

/**
 * `paid`: its events come in any order, and it is paid in time. `racing`: the payment and the timeout are due at
 * the same moment. `unpaid`: nobody pays.
 */
export const KINDS = ['paid', 'racing', 'unpaid'] as const;
export type WalkKind = (typeof KINDS)[number];

export interface WalkPayload {
  readonly key: string;
  readonly kind: WalkKind;
}

export interface WalkEvent {
  readonly name: string;
  readonly aggregate: string;
  readonly payload: WalkPayload;
  readonly delayMs?: number;
}

/** What an undo publishes, in the order in which it is remembered. */
export const UNDO = ['walk.undo-first', 'walk.undo-second'] as const;
/** What each start publishes. */
export const TOLD = 'walk.told';

const RACE_MS = 700;
const UNPAID_MS = 1_500;
const NEVER_MS = 24 * 3_600_000;
const AGGREGATES = 200;

export function timeoutOf({ kind }: WalkPayload): number {
  return { paid: NEVER_MS, racing: RACE_MS, unpaid: UNPAID_MS }[kind];
}

/** The start publishes the payment of a racing walk, which is due when its timeout is. */
export function eventsOfStart(payload: WalkPayload): readonly WalkEvent[] {
  const told: WalkEvent = { name: TOLD, aggregate: payload.key, payload };
  if (payload.kind !== 'racing') return [told];
  return [told, { name: 'walk.paid', aggregate: aggregateOf(payload.key, 1), payload, delayMs: RACE_MS }];
}

/**
 * The events of so many walks in a random order. Those of one walk belong to several aggregates, so that several
 * partitions have them. Some are published twice.
 */
export function eventsOfWalks(walks: readonly WalkPayload[], random: Random): WalkEvent[] {
  const events = walks.flatMap((payload) => {
    const names = ['walk.begun', 'walk.done', ...(payload.kind === 'paid' ? ['walk.paid'] : [])];
    const each = names.map((name, i) => ({ name, aggregate: aggregateOf(payload.key, i), payload }));
    return random.chance(0.1) ? [...each, ...each] : each;
  });
  for (let i = events.length - 1; i > 0; i--) {
    const other = random.int(i + 1);
    [events[i], events[other]] = [events[other] as WalkEvent, events[i] as WalkEvent];
  }
  return events;
}

export function walksOf(count: number): WalkPayload[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `w${i}`,
    kind: KINDS[i % KINDS.length] as WalkKind,
  }));
}

function aggregateOf(key: string, part: number): string {
  return `a${(Number(key.slice(1)) * 7 + part * 61) % AGGREGATES}`;
}
