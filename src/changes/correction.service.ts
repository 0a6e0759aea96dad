import { AUTHOR_FIELDS, authorOf } from '../audit/change-author.js';
import type { AdminDatabase } from '../database/admin-database.js';
import { clientOf } from '../database/clients/session-client.js';
import { IntegrationError } from '../errors.js';
import type { DomainEventInput, EventMetadata } from '../events/domain-event.js';
import { EventLimits } from '../events/event-limits.js';
import type { EventHead } from '../log/event-look.js';
import { EventLookStore } from '../log/event-look.store.js';
import type { DomainEventPublisher } from '../outbox/domain-event-publisher.js';
import { checkNames, checkText, checkUuid, invalidArgument } from '../words/argument-checks.js';
import { checkReason } from './chosen/row-checks.js';
import type { Correction, CorrectionOptions, CorrectionResult } from './correction.js';
import { DiscardOneStore } from './discard-one.store.js';
import { patchedPayload } from './patched-payload.js';
import { untilNotHeld } from './until-not-held.js';

const LONGEST_CONSUMER_NAME = 127;
const NOT_THERE = 'the log does not have it';
/** The trace that the failed event belongs to. The correction belongs to the trace of its author. */
const TRACE_FIELDS = ['traceparent', 'tracestate', 'baggage'];

/**
 * Corrects events that a consumer has failed at. The log never changes. So a correction publishes another
 * event, and sets the failed one aside for the consumer that was named.
 */
export class CorrectionService {
  private readonly events: EventLookStore;
  private readonly single: DiscardOneStore;

  constructor(
    db: AdminDatabase,
    private readonly publisher: DomainEventPublisher,
    private readonly limits: EventLimits,
  ) {
    this.events = new EventLookStore(db);
    this.single = new DiscardOneStore(db);
  }

  /**
   * Publishes a corrected event, and discards the failed one for one consumer, in one transaction. The
   * corrected event has the name, module, aggregate and metadata of the failed one, whose id is its
   * `causationId`. Every consumer that asks for its name receives it, also those that have processed the
   * failed one. The failed event must be a dead letter there, or have failed. A patch is for payloads of any
   * size. Numbers and texts that it does not name stay as they are.
   *
   * @throws IntegrationError INTEGRATION_CORRECTION_REFUSED if the event has not failed at this consumer, or
   * if the log no longer has it; INTEGRATION_ADMIN_INVALID without a reason, without one of payload and
   * patch, and for a patch that does not apply, with its wrong part as `pointer` in the details;
   * INTEGRATION_CONSUMER_ACTIVE if the event's own transaction is still open after ten seconds; and what
   * `publishEvent` throws for an event that cannot be published
   */
  async correct(
    outboxEventId: string,
    consumerName: string,
    correction: Correction,
    options: CorrectionOptions,
  ): Promise<CorrectionResult> {
    checkUuid('outboxEventId', outboxEventId);
    checkText('consumerName', consumerName, LONGEST_CONSUMER_NAME);
    if (outboxEventId === undefined || consumerName === undefined)
      throw invalidArgument('A correction names an event and a consumer', { field: 'consumerName' });
    checkCorrection(correction, options);
    const filter = { consumerName, outboxEventId };
    checkReason(filter, options.reason ?? '');
    const failed = await this.events.findHead(outboxEventId);
    if (failed === undefined) throw refused(outboxEventId, consumerName, NOT_THERE);
    const payload = await this.payloadOf(failed, consumerName, correction, options);
    const corrected = correctedEvent(failed, payload, correction.eventVersion);
    let published: CorrectionResult | undefined;
    const discarded = await untilNotHeld(filter, () =>
      this.single.discard(filter, ['dead_letter', 'failed'], authorOf(options), async (session) => {
        const { outboxEventId: id, position } = await this.publisher.publishEvent(corrected, {
          persistenceClient: clientOf(session),
        });
        published = { outboxEventId: id, position };
        return {
          action: 'events.correct',
          after: { publishedAs: id, position, eventName: failed.eventName },
        };
      }),
    );
    if (discarded > 0 && published !== undefined) return published;
    throw refused(
      outboxEventId,
      consumerName,
      'it is not a dead letter there, and has not failed there either, or it runs at this moment',
    );
  }

  private async payloadOf(
    failed: EventHead,
    consumerName: string,
    { payload, patch }: Correction,
    { mask }: CorrectionOptions,
  ): Promise<unknown> {
    if (patch === undefined) return payload;
    const { outboxEventId } = failed;
    const found = await this.events.findWithPayload(outboxEventId);
    if (found === undefined) throw refused(outboxEventId, consumerName, NOT_THERE);
    return patchedPayload({
      payload: found.payloadText,
      patch,
      maxPayloadBytes: this.limits.maxPayloadBytes,
      mask: mask && ((text) => mask(text, failed)),
    });
  }
}

function checkCorrection(correction: Correction, options: CorrectionOptions): void {
  checkNames('a field of a correction', correction, ['payload', 'patch', 'eventVersion']);
  const { payload, patch } = correction;
  if ((payload === undefined) === (patch === undefined))
    throw invalidArgument(
      'A correction has either a payload, that of the event to publish, or a patch of the payload that failed',
      { fields: ['payload', 'patch'] },
    );
  checkNames('an option of correct', options, [...AUTHOR_FIELDS, 'mask']);
}

/** The event as it was, but for what is corrected. It gets an id and a trace of its own. */
function correctedEvent(
  failed: EventHead,
  payload: unknown,
  eventVersion: number | undefined,
): DomainEventInput {
  const { eventName, sourceModule, aggregateType, aggregateId, outboxEventId } = failed;
  const metadata: EventMetadata = { ...failed.metadata, causationId: outboxEventId };
  for (const field of TRACE_FIELDS) delete metadata[field];
  return {
    eventName,
    sourceModule,
    aggregateType,
    aggregateId,
    metadata,
    payload,
    eventVersion: eventVersion ?? failed.eventVersion,
  };
}

function refused(outboxEventId: string, consumerName: string, why: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CORRECTION_REFUSED',
    `Event ${outboxEventId} cannot be corrected for consumer "${consumerName}": ${why}. Nothing was changed`,
    { outboxEventId, consumerName },
  );
}
