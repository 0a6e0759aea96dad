import type { DomainEventInput } from '../events/domain-event.js';
import { validateEvent } from '../events/event-validation.js';
import { serializePayload } from '../events/json-payload.js';
import type { UuidV7Generator } from '../events/uuid-v7.js';
import { metadataJson } from './event-metadata.js';

/** An event that was checked and serialized. The database accepts everything in it. */
export interface LogEntry {
  readonly id: string;
  readonly eventName: string;
  /**
   * The columns id, event_name, event_version, source_module, aggregate_type, aggregate_id, payload,
   * payload_bytes and metadata, in this order.
   */
  readonly columns: readonly (string | number)[];
  readonly deduplicationKey: string | null;
  /** ISO text, because some drivers write a Date without its time zone and so shift it. */
  readonly availableAt: string | null;
  readonly delayMs: number | null;
}

/**
 * Checks an event and fills in what the caller left out.
 *
 * @param prefix put before paths in messages (`events[2].`).
 * @throws IntegrationError INTEGRATION_EVENT_INVALID, INTEGRATION_PAYLOAD_INVALID,
 * INTEGRATION_PAYLOAD_TOO_LARGE.
 */
export function toLogEntry(
  event: DomainEventInput,
  ids: UuidV7Generator,
  limits: { readonly maxPayloadBytes: number },
  prefix = '',
): LogEntry {
  validateEvent(event, prefix);
  const id = event.id?.toLowerCase() ?? ids.next();
  const { json, bytes } = serializePayload(
    event.payload === undefined ? {} : event.payload,
    limits,
    `${prefix}payload`,
  );
  const metadata = metadataJson(event.metadata, id, `${prefix}metadata`);
  return {
    id,
    eventName: event.eventName,
    columns: [
      id,
      event.eventName,
      event.eventVersion ?? 1,
      event.sourceModule,
      event.aggregateType,
      event.aggregateId,
      json,
      bytes,
      metadata,
    ],
    deduplicationKey: event.deduplicationKey ?? null,
    availableAt: event.availableAt?.toISOString() ?? null,
    delayMs: event.delayMs ?? null,
  };
}

/** The entry in the form that the procedure `append_event` takes: a JSON list of the columns. */
export function asOneValue(entry: LogEntry): string {
  return `${openList(entry)}]`;
}

/**
 * Like `asOneValue`, with three more columns that a list of events may have: deduplication key, time and
 * delay.
 */
export function asOneValueOfMany(entry: LogEntry): string {
  const { deduplicationKey, availableAt, delayMs } = entry;
  return `${openList(entry)},${JSON.stringify([deduplicationKey, availableAt, delayMs]).slice(1)}`;
}

function openList({ columns }: LogEntry): string {
  const [id, eventName, eventVersion, sourceModule, aggregateType, aggregateId, payload, bytes, metadata] =
    columns;
  const texts = JSON.stringify([id, eventName, eventVersion, sourceModule, aggregateType, aggregateId]);
  return `${texts.slice(0, -1)},${payload},${bytes},${metadata}`;
}
