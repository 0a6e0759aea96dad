import { IntegrationError } from '../../errors.js';
import { problemsOfUnknownNames } from '../../words/known-names.js';
import type { HttpLimit, LimitedThing, QuotaLimit, RateLimit } from './http-identity.js';

/** The longest window of a limit. Rows of the gate are kept for longer than this. */
const LONGEST_MS = 31 * 86_400_000;
const MOST = 1_000_000_000;
const HEADER = /^[!#$%&'*+\-.^_`|~\w]+$/;
/** Of the limit: what may come at once where nothing is said. */
const SHARE_OF_BURST = 0.1;
/** A process must have this time at least to use what it has taken. */
const SHORTEST_BURST_MS = 100;

interface LimitOptions {
  /** How many requests, a whole number from 1 on. */
  readonly limit: number;
  /** In how many milliseconds, at most 31 days. */
  readonly perMs: number;
  /** Whose requests are counted: of each connection by itself (the default), or of the whole connector. */
  readonly of?: LimitedThing | undefined;
}

export interface RateOptions extends LimitOptions {
  /**
   * How many requests may come at once after a rest, at most `limit`, and at least as many as come in a
   * tenth of a second. Default: a tenth of the limit, at least these. Any window of `perMs` has at most
   * `limit + burst` requests, so whoever must never exceed what the other system allows gives a `limit`
   * that is smaller by the burst.
   */
  readonly burst?: number | undefined;
}

export interface QuotaOptions extends LimitOptions {
  /** The header of an answer that says how many requests are left (`x-ratelimit-remaining`). */
  readonly remainingHeader?: string | undefined;
  /**
   * The header that says when the window begins anew (`x-ratelimit-reset`): seconds from now, seconds or
   * milliseconds since 1970, or a date.
   */
  readonly resetHeader?: string | undefined;
}

/**
 * A limit that is spread evenly over its time: `limit` requests per `perMs`, in all processes together.
 *
 * @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`)
 */
export function rate(options: RateOptions): RateLimit {
  const problems = problemsOf('rate', options, ['burst']);
  const { limit, perMs, of = 'connection' } = options;
  const least = Math.min(limit, Math.ceil((limit / perMs) * SHORTEST_BURST_MS));
  const { burst = Math.max(least, Math.floor(limit * SHARE_OF_BURST)) } = options;
  if (problems.length === 0 && (!isWhole(burst, limit) || burst < least))
    problems.push(
      `rate: burst must be a whole number from ${least}, which is what may be sent in a tenth of a second, to ${limit}`,
    );
  refuse(problems);
  return Object.freeze({ kind: 'rate', limit, perMs, burst, of });
}

/**
 * A limit for a window that begins anew at a time of the other system: at most `limit` requests between two
 * of these times, in all processes together. They may all come at once.
 *
 * @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`)
 */
export function quota(options: QuotaOptions): QuotaLimit {
  const problems = problemsOf('quota', options, ['remainingHeader', 'resetHeader']);
  const { limit, perMs, remainingHeader, resetHeader, of = 'connection' } = options;
  for (const [name, header] of Object.entries({ remainingHeader, resetHeader }))
    if (header !== undefined && (typeof header !== 'string' || !HEADER.test(header)))
      problems.push(`quota: ${name} must be the name of a header`);
  refuse(problems);
  return Object.freeze({
    kind: 'quota',
    limit,
    perMs,
    remainingHeader: remainingHeader?.toLowerCase(),
    resetHeader: resetHeader?.toLowerCase(),
    of,
  });
}

/** Whether a value was made by `rate` or `quota`. */
export function isHttpLimit(value: unknown): value is HttpLimit {
  const { kind, limit, perMs } = Object(value) as Partial<HttpLimit>;
  return (kind === 'rate' || kind === 'quota') && isWhole(limit, MOST) && isWhole(perMs, LONGEST_MS);
}

function problemsOf(kind: string, given: LimitOptions, more: readonly string[]): string[] {
  if (typeof given !== 'object' || given === null) throw invalid([`${kind} takes an object`]);
  const { limit, perMs, of } = given;
  return [
    ...problemsOfUnknownNames(given, {
      known: ['limit', 'perMs', 'of', ...more],
      kind: `an option of ${kind}`,
      prefix: `${kind}: `,
    }),
    ...(isWhole(limit, MOST) ? [] : [`${kind}: limit must be a whole number from 1 to ${MOST}`]),
    ...(isWhole(perMs, LONGEST_MS)
      ? []
      : [`${kind}: perMs must be a whole number of milliseconds from 1 to ${LONGEST_MS} (31 days)`]),
    ...(of === undefined || of === 'connection' || of === 'connector'
      ? []
      : [`${kind}: of must be 'connection' or 'connector'`]),
  ];
}

function isWhole(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= most;
}

function refuse(problems: readonly string[]): void {
  if (problems.length > 0) throw invalid(problems);
}

function invalid(problems: readonly string[]): IntegrationError {
  return new IntegrationError('INTEGRATION_OPTIONS_INVALID', `A limit is not valid: ${problems.join('; ')}`, {
    problems,
  });
}
