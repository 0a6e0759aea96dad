import { type DrainResult, OutboxProcessor } from '../delivery/outbox-processor.js';
import { IntegrationError } from '../errors.js';
import type { DomainEventInput, PublishedEvent } from '../events/domain-event.js';
import { DomainEventPublisher } from '../outbox/domain-event-publisher.js';
import { checkNames } from '../words/argument-checks.js';
import { type OfIntegration, serviceOf, type TestedApplication } from './application.js';

const DEFAULT_TIMEOUT_MS = 10_000;

export interface PublishAndDrainOptions extends OfIntegration {
  /** Milliseconds until nothing may be due any more. The default is 10000. */
  timeoutMs?: number | undefined;
}

export interface PublishedAndDrained {
  /** One receipt for each event, in the order of the events. */
  published: PublishedEvent[];
  /** When the next delayed event or retry is due; undefined if none is stored. */
  nextDueAt: Date | undefined;
  /**
   * The consumers whose events another process handled, so handlers of this application were not called. A
   * WARN says so. Absent if there are none.
   */
  heldByOthers?: DrainResult['heldByOthers'];
}

/**
 * Publishes events outside any transaction. Then handles everything that is due, including what the handlers
 * publish, until nothing is due. It works whether `processor.enabled` is on or off. It does not wait for
 * retries and delayed events that are due later. Wait for them with `outcomeOf`.
 *
 * @throws IntegrationError INTEGRATION_DRAIN_TIMEOUT if this takes too long
 */
export async function publishAndDrain(
  app: TestedApplication,
  events: DomainEventInput | readonly DomainEventInput[],
  options: PublishAndDrainOptions = {},
): Promise<PublishedAndDrained> {
  checkNames('an option of publishAndDrain', options, ['timeoutMs', 'integration']);
  const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const all = Array.isArray(events) ? [...events] : [events as DomainEventInput];
  const published = await serviceOf(app, 'publishAndDrain', DomainEventPublisher, options).publishEvents(all);
  const { drained, nextDueAt, leftToOthers, heldByOthers } = await serviceOf(
    app,
    'publishAndDrain',
    OutboxProcessor,
    options,
  ).drain({
    timeoutMs,
  });
  if (drained) return { published, nextDueAt, ...(heldByOthers && { heldByOthers }) };
  const [first] = leftToOthers ?? [];
  const who =
    first && (first.owner.host === null ? first.owner.id : `${first.owner.host}:${first.owner.pid}`);
  if (first !== undefined) {
    throw new IntegrationError(
      'INTEGRATION_DRAIN_TIMEOUT',
      `Another process (${who}) works on consumer "${first.consumerName}", until ${first.until.toISOString()} at least: stop it, or give the test a database of its own`,
      { timeoutMs, leftToOthers, outboxEventIds: published.map(({ outboxEventId }) => outboxEventId) },
    );
  }
  throw new IntegrationError(
    'INTEGRATION_DRAIN_TIMEOUT',
    `Events were still due or being handled after ${timeoutMs} ms: a handler takes longer`,
    { timeoutMs, outboxEventIds: published.map(({ outboxEventId }) => outboxEventId) },
  );
}
