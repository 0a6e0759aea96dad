import type { Problem } from './problem.js';

/** How many consumers of a problem are named. */
const NAMED = 5;

interface Found extends Pick<Problem, 'key' | 'kind' | 'severity' | 'says' | 'check'> {
  readonly action?: Problem['action'];
  /** The names of all consumers that have it, in order, each once. */
  readonly consumers: readonly string[];
  /** Since when each of its parts is so. */
  readonly times: readonly (Date | null)[];
}

/** A problem that is no dead letters. It began with the first of its parts. */
export function otherProblem({ action = null, consumers, times, ...found }: Found): Problem {
  const known = times.flatMap((time) => time?.getTime() ?? []);
  return {
    ...found,
    action,
    since: known.length === 0 ? null : new Date(Math.min(...known)),
    consumers: { count: consumers.length, first: consumers.slice(0, NAMED) },
    fingerprint: null,
    deadLetters: null,
    perMinute: null,
    trend: null,
    minutes: [],
    changedBefore: [],
  };
}
