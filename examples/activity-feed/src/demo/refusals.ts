import type { DeliveryInput } from './deliveries-input.js';

/** How the receiver treats the calls for one event. */
export interface Refusal {
  status: 503 | 429 | 422;
  /** So many calls are refused; Infinity: every call, until the receiver is healed. */
  times: number;
  /** With 429: how long to wait. The default is one second. */
  retryAfterSeconds?: number;
}

export type RefusalPlan = ReadonlyMap<string, Refusal>;

/** Of each set of deliveries: a tenth is refused once or twice, a few with a request to wait, a few for good. */
const SHARE_UNAVAILABLE = 0.1;
const TOO_MANY = 3;
const UNPROCESSABLE = 3;
const NEVER_AVAILABLE = 2;

/** The same for the same seed, although the delivery ids differ from run to run. */
export function planRefusals(
  deliveries: readonly DeliveryInput[],
  repeat: number,
  seed: number,
): RefusalPlan {
  const random = randomNumbers(seed);
  const plan = new Map<string, Refusal>();
  const setSize = deliveries.length / repeat;
  for (let set = 0; set < repeat; set++) {
    const chosen = shuffled(deliveries.slice(set * setSize, (set + 1) * setSize), random);
    const refuse = (count: number, refusal: () => Refusal) => {
      for (const { id } of chosen.splice(0, count)) plan.set(id, refusal());
    };
    refuse(UNPROCESSABLE, () => ({ status: 422, times: Number.POSITIVE_INFINITY }));
    refuse(NEVER_AVAILABLE, () => ({ status: 503, times: Number.POSITIVE_INFINITY }));
    refuse(TOO_MANY, () => ({ status: 429, times: 1 }));
    refuse(Math.round(setSize * SHARE_UNAVAILABLE), () => ({ status: 503, times: random() < 0.7 ? 1 : 2 }));
  }
  return plan;
}

export function shuffled<T>(items: T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

/** A linear congruential generator: small, and good enough to choose whom to refuse. */
export function randomNumbers(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
