import { currentContext, type HandlerScope } from '../context/integration-context.js';
import { activeTrace } from '../context/trace-context.js';
import type { EventMetadata } from '../events/domain-event.js';
import { MAX_METADATA_BYTES } from '../events/event-limits.js';
import { serializePayload } from '../events/json-payload.js';

const LIMITS = { maxPayloadBytes: MAX_METADATA_BYTES };

/**
 * Returns the event's metadata as JSON text: what the caller gave, completed as follows.
 * - `correlationId`: that of the event being handled. An event published outside a handler starts with its
 *   own id.
 * - `causationId`: the id of the event being handled.
 * - `producer`: the name of the consumer that is handling it.
 * - `tenantId` and `origin`: those of the event being handled.
 * - `traceparent` and `tracestate`: the active OpenTelemetry span. A caller who gives the first gives both.
 *
 * @param root the beginning of each path in error messages.
 * @throws IntegrationError INTEGRATION_PAYLOAD_INVALID, INTEGRATION_PAYLOAD_TOO_LARGE.
 */
export function metadataJson(given: EventMetadata | undefined, eventId: string, root: string): string {
  const handler = currentContext()?.handler;
  const trace = given?.traceparent === undefined ? activeTrace() : undefined;
  // Most events take this path. Their metadata holds only the event's own id, so nothing needs a check.
  if (given === undefined && handler === undefined && trace === undefined)
    return `{"correlationId":"${eventId}"}`;
  const metadata: EventMetadata = { ...given };
  if (trace !== undefined) {
    metadata.traceparent = trace.traceparent;
    if (trace.tracestate !== undefined) metadata.tracestate ??= trace.tracestate;
  }
  if (handler !== undefined) inherit(metadata, handler);
  metadata.correlationId ??= eventId;
  return serializePayload(metadata, LIMITS, root).json;
}

function inherit(metadata: EventMetadata, { consumerName, event }: HandlerScope): void {
  metadata.producer ??= consumerName;
  if (event === undefined) return;
  metadata.causationId ??= event.outboxEventId;
  metadata.correlationId ??= textOr(event.metadata.correlationId, event.outboxEventId);
  if (typeof event.metadata.tenantId === 'string') metadata.tenantId ??= event.metadata.tenantId;
  if (typeof event.metadata.origin === 'string') metadata.origin ??= event.metadata.origin;
}

function textOr(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}
