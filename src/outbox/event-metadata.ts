import type { EventMetadata } from '../events/domain-event.js';
import { currentContext } from '../telemetry/integration-context.js';
import { activeTraceparent } from '../telemetry/trace-context.js';

/**
 * The caller's metadata, and where it is silent:
 * - `correlationId`: that of the event being handled; an event that nothing led to starts with its own id;
 * - `causationId`: the id of the event being handled;
 * - `producer`: the consumer that is handling it;
 * - `tenantId`: that of the event being handled;
 * - `traceparent`: the active OpenTelemetry span.
 */
export function completeMetadata(given: EventMetadata | undefined, eventId: string): EventMetadata {
  const handler = currentContext()?.handler;
  const metadata: EventMetadata = { ...given };
  const traceparent = metadata.traceparent ?? activeTraceparent();
  if (traceparent !== undefined) metadata.traceparent = traceparent;
  if (handler !== undefined) {
    metadata.producer ??= handler.consumerName;
    const { event } = handler;
    if (event !== undefined) {
      metadata.causationId ??= event.outboxEventId;
      metadata.correlationId ??= textOr(event.metadata.correlationId, event.outboxEventId);
      if (typeof event.metadata.tenantId === 'string') metadata.tenantId ??= event.metadata.tenantId;
    }
  }
  metadata.correlationId ??= eventId;
  return metadata;
}

function textOr(value: unknown, fallback: string): string {
  return typeof value === 'string' ? value : fallback;
}
