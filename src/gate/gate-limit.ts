/** A limit of requests, with the row that it is kept in. */
export type GateLimit = {
  /** Whose requests are counted together. */
  readonly key: string;
  /** From 1 on. No two limits of one key have the same. */
  readonly no: number;
  readonly limit: number;
  readonly perMs: number;
} & ({ readonly kind: 'rate'; readonly burst: number } | { readonly kind: 'quota' });

/** Whose requests a gate lets through. */
export interface GateTarget {
  /** Whom an answer concerns that says that something fails, or that asks to be left alone. */
  readonly key: string;
  /** Keys besides `key` that may be blocked, or have limits. */
  readonly others: readonly string[];
  readonly limits: readonly GateLimit[];
}

/** How long places of a rate last: one tenth of a second, shared by all processes. */
const TENTH_MS = 100;

/** How many places a process takes at most in one statement. */
export function mostPlaces({ limit, perMs }: GateLimit, processes: number): number {
  return Math.max(1, Math.floor(((limit / perMs) * TENTH_MS) / processes));
}

/** Microseconds between two places. Rounded up, so that no window has one more. */
export function everyUs({ limit, perMs }: GateLimit): number {
  return Math.ceil((perMs * 1_000) / limit);
}

/**
 * What is left of the time of the oldest place of a burst, when it is taken: enough for its statement and
 * to use it.
 */
const SLACK_US = 50_000;

/** For how many microseconds a place of a rate can be used. */
export function lastsUs(limit: GateLimit & { readonly kind: 'rate' }): number {
  return limit.burst * everyUs(limit);
}

/**
 * How many microseconds back the oldest place may lie that is given away: a burst ends with the place of
 * now.
 */
export function reachUs(limit: GateLimit & { readonly kind: 'rate' }): number {
  return Math.max(0, lastsUs(limit) - Math.max(SLACK_US, everyUs(limit)));
}
