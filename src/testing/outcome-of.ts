import { filter, firstValueFrom, interval, merge, takeUntil, timer } from 'rxjs';
import { OutboxProcessor } from '../delivery/outbox-processor.js';
import type { EventOutcome } from '../delivery/partition/outcome-stream.js';
import { IntegrationError } from '../errors.js';
import type { ConsumerDelivery, OutboxEventStatusReport } from '../log/outbox-event.js';
import { OutboxService } from '../outbox/outbox.service.js';
import { checkNames } from '../words/argument-checks.js';
import { type OfIntegration, serviceOf, type TestedApplication } from './application.js';

const DEFAULT_TIMEOUT_MS = 10_000;
/** Another process may work on the consumer, and its outcomes are not signalled in this one. */
const LOOK_EVERY_MS = 200;

const FINAL: readonly EventOutcome['status'][] = ['processed', 'skipped', 'failed', 'dead_letter'];

export interface OutcomeOfOptions extends OfIntegration {
  /** Milliseconds to wait. The default is 10000. */
  timeoutMs?: number | undefined;
  /** The outcomes to wait for. The default is all final ones, so neither `retrying` nor `postponed`. */
  until?: readonly EventOutcome['status'][] | undefined;
}

/** An outcome that is stored. */
export interface StoredOutcome extends EventOutcome {
  /** The error of the last failed attempt, or the reason of a skipped or postponed event. */
  readonly error: string | null;
}

/**
 * Waits until a consumer is done with an event, and returns the outcome. The outcome is committed then.
 * Resolves at once if the consumer is done already.
 *
 * @throws IntegrationError INTEGRATION_OUTCOME_TIMEOUT, which says what the event waits for, or
 *   INTEGRATION_CONSUMER_UNKNOWN if the consumer does not ask for the event
 */
export async function outcomeOf(
  app: TestedApplication,
  outboxEventId: string,
  consumerName: string,
  options: OutcomeOfOptions = {},
): Promise<StoredOutcome> {
  checkNames('an option of outcomeOf', options, ['timeoutMs', 'until', 'integration']);
  const { timeoutMs = DEFAULT_TIMEOUT_MS, until = FINAL } = options;
  const outbox = serviceOf(app, 'outcomeOf', OutboxService, options);
  const { outcomes$ } = serviceOf(app, 'outcomeOf', OutboxProcessor, options);
  const mine$ = outcomes$.pipe(
    filter((outcome) => outcome.outboxEventId === outboxEventId && outcome.consumerName === consumerName),
  );
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    // The listener starts before the first look, so that no outcome is missed in between.
    const signal = firstValueFrom(
      merge(mine$, interval(LOOK_EVERY_MS)).pipe(takeUntil(timer(deadline - performance.now()))),
      {
        defaultValue: undefined,
      },
    );
    const report = await outbox.statusOf(outboxEventId);
    const delivery = deliveryOf(report, consumerName);
    const outcome = delivery && toOutcome(outboxEventId, delivery);
    if (outcome !== undefined && until.includes(outcome.status)) return outcome;
    if (performance.now() >= deadline) throw timeoutError(outboxEventId, consumerName, timeoutMs, delivery);
    await signal;
  }
}

function deliveryOf(
  report: OutboxEventStatusReport | undefined,
  consumerName: string,
): ConsumerDelivery | undefined {
  const delivery = report?.consumers.find((consumer) => consumer.consumerName === consumerName);
  if (report === undefined || delivery !== undefined) return delivery;
  const asking = report.consumers.map((consumer) => consumer.consumerName);
  throw new IntegrationError(
    'INTEGRATION_CONSUMER_UNKNOWN',
    `Consumer "${consumerName}" does not ask for ${report.eventName} at position ${report.position}; ${
      asking.length === 0 ? 'no consumer does' : `these do: ${asking.join(', ')}`
    }`,
    { consumerName, outboxEventId: report.outboxEventId },
  );
}

function toOutcome(outboxEventId: string, delivery: ConsumerDelivery): StoredOutcome | undefined {
  const { consumerName, status, attemptCount, lastError: error, availableAt, postponedSince } = delivery;
  const known = { outboxEventId, consumerName, error };
  if (status === 'processing') return undefined;
  // The attempt of an event that was put off is not counted.
  if (status === 'pending')
    return postponedSince === null ? undefined : { ...known, status: 'postponed', attempt: attemptCount + 1 };
  const outcome = status === 'failed' && availableAt !== null ? 'retrying' : status;
  return { ...known, status: outcome, attempt: Math.max(1, attemptCount) };
}

function timeoutError(
  outboxEventId: string,
  consumerName: string,
  timeoutMs: number,
  delivery: ConsumerDelivery | undefined,
): IntegrationError {
  const state =
    delivery === undefined
      ? 'the log does not have it: its transaction has not committed'
      : `it is ${delivery.status}${delivery.availableAt === null ? '' : ` until ${delivery.availableAt.toISOString()}`}${
          delivery.lastError === null ? '' : `, last error: ${delivery.lastError}`
        }`;
  return new IntegrationError(
    'INTEGRATION_OUTCOME_TIMEOUT',
    `Consumer "${consumerName}" was not done with event ${outboxEventId} after ${timeoutMs} ms: ${state}`,
    { outboxEventId, consumerName, timeoutMs },
  );
}
