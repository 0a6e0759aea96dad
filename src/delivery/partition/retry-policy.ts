import { createHash } from 'node:crypto';
import {
  messageOf,
  NonRetryableError,
  RetryAfterError,
  SkipEventError,
  UnavailableError,
} from '../../errors.js';
import type { OutboxSettings } from '../../settings/settings-definitions.js';
import type { Subscription } from '../../subscribers/consumer.js';
import type { Outcome } from './delivery.js';
import { messageWithoutValues, textWithCauses } from './error-causes.js';

const MAX_ERROR_LENGTH = 4_000;
const LONGEST_DELAY_MS = 10 * 365 * 24 * 3_600_000;
/** What Postgres refuses in text: NUL and lone surrogates. */
const UNSTORABLE = /\p{Surrogate}|\0/gu;

/**
 * What follows from an error that a handler threw in its `attempt`-th try: skipped, dead, or tried again
 * after an exponential delay with equal jitter (half fixed, half random; Brooker, "Exponential Backoff And
 * Jitter", 2015). The delay of a RetryAfterError counts if it is a number: one computed from a header that
 * was not there is none.
 */
export function outcomeOfError(
  thrown: unknown,
  attempt: number,
  subscription: Pick<Subscription, 'retry'>,
  settings: Readonly<OutboxSettings>,
  random: () => number = Math.random,
): Outcome {
  const error = thrown ?? new Error(`The handler threw ${thrown}`);
  if (isNamed(error, SkipEventError, 'SkipEventError')) return { kind: 'skipped', reason: error.reason };
  if (isNamed(error, NonRetryableError, 'NonRetryableError')) return { kind: 'dead', error };
  if (isUnavailable(error)) return { kind: 'unavailable', error, pauseMs: durationOf(error.retryAfterMs) };
  const next = retryOrDead(error, attempt, subscription, settings, random);
  if (
    next.kind === 'retry' &&
    isNamed(error, RetryAfterError, 'RetryAfterError') &&
    Number.isFinite(error.delayMs)
  ) {
    return { kind: 'retry', delayMs: Math.min(Math.max(0, error.delayMs), LONGEST_DELAY_MS), error };
  }
  return next;
}

/**
 * What follows from an attempt that failed and counts: another one after a delay, as long as there is one
 * left.
 */
export function retryOrDead(
  error: unknown,
  attempt: number,
  subscription: Pick<Subscription, 'retry'>,
  settings: Readonly<OutboxSettings>,
  random: () => number = Math.random,
): Extract<Outcome, { kind: 'retry' | 'dead' }> {
  if (attempt >= (subscription.retry.maxAttempts ?? settings.maxAttempts)) return { kind: 'dead', error };
  return { kind: 'retry', delayMs: retryDelayMs(attempt, subscription, settings, random), error };
}

/** Whether a handler says that what it needs is out of reach, whatever the cause that it names. */
export function isUnavailable(error: unknown): error is UnavailableError {
  return isNamed(error, UnavailableError, 'UnavailableError');
}

function durationOf(ms: number | undefined): number | undefined {
  return ms !== undefined && Number.isFinite(ms) ? ms : undefined;
}

/** `base × 2^(attempt − 1)`, at most the longest delay, then between half of that and all of it. */
export function retryDelayMs(
  attempt: number,
  subscription: Pick<Subscription, 'retry'>,
  settings: Readonly<OutboxSettings>,
  random: () => number,
): number {
  const base = subscription.retry.baseDelayMs ?? settings.retryBaseDelayMs;
  const longest = subscription.retry.maxDelayMs ?? settings.retryMaxDelayMs;
  const full = Math.min(base * 2 ** (attempt - 1), longest);
  return full / 2 + (full / 2) * random();
}

/** An error as it is stored: its text and its causes, bounded and without what Postgres refuses in text. */
export function errorText(error: unknown): string {
  return storable(textWithCauses(error));
}

/**
 * The same for errors that differ only in numbers, ids and quoted values, so that an admin can see kinds of
 * failure. Causes do not count: kinds that are stored already keep their fingerprints.
 */
export function errorFingerprint(error: unknown): string {
  const kind = storable(
    error instanceof Error ? `${nameOf(error)}: ${messageWithoutValues(error)}` : messageOf(error),
  )
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/gi, '#')
    .replace(/"[^"]*"|'[^']*'/g, '#')
    .replace(/\d+/g, '#');
  return createHash('sha256').update(kind).digest('hex').slice(0, 32);
}

function storable(text: string): string {
  return text.slice(0, MAX_ERROR_LENGTH).replace(UNSTORABLE, '\uFFFD');
}

function nameOf(error: Error): string {
  try {
    return String(error.name);
  } catch {
    return 'Error';
  }
}

/**
 * By class, in whichever copy of this package, or by name: a copy of an older version may have made it. The
 * name is written out, because a minified class has another one.
 */
function isNamed<E extends Error>(
  error: unknown,
  type: abstract new (...args: never[]) => E,
  name: string,
): error is E {
  return error instanceof type || (error instanceof Error && error.name === name);
}
