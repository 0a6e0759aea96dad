import { Inject, Injectable } from '@nestjs/common';
import {
  isPostponement,
  NonRetryableError,
  PostponeError,
  RetryAfterError,
  SkipEventError,
  UnavailableError,
} from '../../errors.js';
import { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import type { SettingsView } from '../../settings/settings-view.js';
import type { Subscription } from '../../subscribers/consumer.js';
import type { Outcome } from './delivery.js';

const LONGEST_DELAY_MS = 10 * 365 * 24 * 3_600_000;

/** One attempt of one event: its number, from 1, and the retry options of its subscription. */
export interface Try {
  readonly attempt: number;
  readonly subscription: Pick<Subscription, 'retry'>;
}

/**
 * Decides after an error of a handler whether the event is tried again, and when. The subscription's options
 * win over the settings, which are read each time.
 */
@Injectable()
export class RetryPolicy {
  constructor(
    @Inject(IntegrationSettingsService)
    private readonly settings: SettingsView<'maxAttempts' | 'retryBaseDelayMs' | 'retryMaxDelayMs'>,
  ) {}

  maxAttemptsOf({ retry }: Pick<Subscription, 'retry'>): number {
    return retry.maxAttempts ?? this.maxAttempts;
  }

  /** The limit for an event whose subscription is not known. */
  get maxAttempts(): number {
    return this.settings.snapshot().maxAttempts;
  }

  /**
   * Skips the event, makes it a dead letter, puts it off, or tries it again. The delay of a RetryAfterError
   * counts only if it is a number, because it may have been computed from a header that was missing.
   */
  outcomeOf(thrown: unknown, of: Try): Outcome {
    const error = thrown ?? new Error(`The handler threw ${thrown}`);
    if (isNamed(error, SkipEventError, 'SkipEventError')) return { kind: 'skipped', reason: error.reason };
    if (isNamed(error, NonRetryableError, 'NonRetryableError')) return { kind: 'dead', error };
    if (isNamed(error, PostponeError, 'PostponeError') && isPostponement(error.delayMs))
      return { kind: 'postponed', delayMs: error.delayMs, reason: error.reason };
    if (isUnavailable(error)) return { kind: 'unavailable', error, pauseMs: durationOf(error.retryAfterMs) };
    const next = this.retryOrDead(error, of);
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
   * Called when an attempt that counts has failed. Another one follows after a delay, as long as one is left.
   */
  retryOrDead(error: unknown, of: Try): Extract<Outcome, { kind: 'retry' | 'dead' }> {
    if (of.attempt >= this.maxAttemptsOf(of.subscription)) return { kind: 'dead', error };
    return { kind: 'retry', delayMs: this.delayMs(of), error };
  }

  /**
   * The delay is `base × 2^(attempt − 1)`, at most the longest delay, and then a random value between half of
   * it and all of it. This is exponential backoff with equal jitter (Brooker, "Exponential Backoff And
   * Jitter", 2015).
   */
  private delayMs({ attempt, subscription: { retry } }: Try): number {
    const { retryBaseDelayMs, retryMaxDelayMs } = this.settings.snapshot();
    const base = retry.baseDelayMs ?? retryBaseDelayMs;
    const full = Math.min(base * 2 ** (attempt - 1), retry.maxDelayMs ?? retryMaxDelayMs);
    return full / 2 + (full / 2) * Math.random();
  }
}

/** Whether a handler reports that something it needs cannot be reached, whatever the error's cause. */
export function isUnavailable(error: unknown): error is UnavailableError {
  return isNamed(error, UnavailableError, 'UnavailableError');
}

function durationOf(ms: number | undefined): number | undefined {
  return ms !== undefined && Number.isFinite(ms) ? ms : undefined;
}

/**
 * An error is recognised by its class, or by its name, because another copy of this package, or an older
 * version, may have made it. The name is written out, because a minified class has another name.
 */
function isNamed<E extends Error>(
  error: unknown,
  type: abstract new (...args: never[]) => E,
  name: string,
): error is E {
  return error instanceof type || (error instanceof Error && error.name === name);
}
