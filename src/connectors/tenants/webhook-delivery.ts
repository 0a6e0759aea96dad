import { NonRetryableError } from '../../errors.js';
import type { DomainEvent } from '../../events/domain-event.js';
import type { FoundConnector, FoundWebhook } from '../definition/connector.js';
import { contextOf } from './connection-context.js';
import type { TenantParts } from './tenant-parts.js';
import { usable } from './usable-connection.js';

/** What the other system has delivered. */
export interface ConnectorWebhookEvent<Body = unknown> {
  /** The key of the source. */
  readonly source: string;
  /** As the source says it: `issues.opened`. */
  readonly type: string;
  /**
   * The body, parsed. It is `{}` for a body that is no JSON: `IncomingWebhookService.bodyOf(event)` has its
   * bytes.
   */
  readonly body: Body;
  /** What the sender calls the delivery. */
  readonly deliveryId: string;
  /** When it happened, where the source says it. */
  readonly occurredAt: Date | null;
  /** The event of the log. Its `outboxEventId` is the key for what must happen once. */
  readonly event: DomainEvent<Body>;
}

/** What `metadata.webhook` says, as far as it is needed here. */
interface Said {
  readonly connectionId?: unknown;
  readonly type?: unknown;
  readonly deliveryId?: unknown;
  readonly occurredAt?: unknown;
}

/** The name of the consumer that handles a webhook. */
export function consumerOfWebhook({ key }: Pick<FoundConnector, 'key'>, { source }: FoundWebhook): string {
  return `connectors.${key}.${source.key}`;
}

/** The names of the events that a webhook handles. */
export function eventNamesOf({ source, types }: FoundWebhook): string[] {
  return Object.keys(types).flatMap((type) => {
    const name = `webhook.${source.key}.${type.replaceAll('/', '.')}`;
    return [name, `${name}.*`];
  });
}

/**
 * Gives an event to the method of its connector. An event of an endpoint that belongs to no connection, or to
 * one that is gone, is for nobody. One of a connection that is not in use is set aside as a dead letter, so
 * that somebody can send it again when the connection is enabled.
 */
export async function deliverWebhook(
  { key }: FoundConnector,
  webhook: FoundWebhook,
  event: DomainEvent,
  parts: TenantParts,
  signal: AbortSignal,
): Promise<void> {
  const { webhook: found, tenantId = '' } = event.metadata as { webhook?: unknown; tenantId?: string };
  const said = Object(found) as Said;
  const { connectionId } = said;
  if (typeof connectionId !== 'string') return;
  const known = await connectionOf(tenantId, connectionId, parts);
  if (known === undefined || known.connector !== key) return;
  if (known.state !== 'enabled')
    throw new NonRetryableError(
      `The connection ${connectionId} is ${known.state}, and its webhooks are not handled. Redrive this event when it is enabled`,
    );
  const opened = await usable(tenantId, connectionId, parts);
  parts.use.used(opened.connection);
  await webhook.handle(eventOf(webhook, said, event), contextOf(opened, parts, signal));
}

async function connectionOf(tenantId: string, id: string, parts: TenantParts) {
  try {
    return (await parts.memory.get(tenantId, id)).connection;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'INTEGRATION_CONNECTION_UNKNOWN') return undefined;
    throw error;
  }
}

function eventOf(
  { source: { key: source } }: FoundWebhook,
  { type, deliveryId, occurredAt }: Said,
  event: DomainEvent,
): ConnectorWebhookEvent {
  return {
    source,
    type: typeof type === 'string' ? type : event.eventName.slice(`webhook.${source}.`.length),
    body: event.payload,
    deliveryId: String(deliveryId),
    occurredAt: typeof occurredAt === 'string' ? new Date(occurredAt) : null,
    event,
  };
}
