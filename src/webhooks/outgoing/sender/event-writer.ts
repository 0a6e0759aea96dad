import type { SqlClient } from '../../../database/clients/sql-client.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import type { DomainEventInput } from '../../../events/domain-event.js';
import { UuidV7Generator } from '../../../events/uuid-v7.js';
import { toLogEntry } from '../../../log/log-entry.js';
import type { OutboxEventStore } from '../../../outbox/outbox-event.store.js';
import type { OutboxNotifier } from '../../../wakeups/outbox-notifier.js';

/** The aggregate of the events about a destination. Its id is that of the destination. */
const AGGREGATE = 'webhook_destination';

export interface SenderEvent {
  readonly name: string;
  readonly destinationId: string;
  readonly tenantId: string;
  readonly payload: object;
}

/** Publishes the events of the sender in a transaction of the engine. */
export class EventWriter {
  private readonly ids = new UuidV7Generator();

  constructor(
    private readonly store: OutboxEventStore,
    private readonly notifier: OutboxNotifier,
    private readonly limits: { readonly maxPayloadBytes: number },
  ) {}

  async write(session: EngineSession, events: readonly SenderEvent[]): Promise<void> {
    if (events.length === 0) return;
    const entries = events.map((event) => toLogEntry(inputOf(event), this.ids, this.limits));
    await this.store.appendAll(clientOf(session), entries);
  }

  /** Call it when the transaction has committed. */
  committed(events: readonly Pick<SenderEvent, 'name'>[]): void {
    if (events.length === 0) return;
    this.notifier.signal({ source: 'commit', eventNames: [...new Set(events.map(({ name }) => name))] });
  }
}

function inputOf({ name, destinationId, tenantId, payload }: SenderEvent): DomainEventInput {
  return {
    eventName: name,
    sourceModule: 'webhooks',
    aggregateType: AGGREGATE,
    aggregateId: destinationId,
    payload: { destinationId, tenantId, ...payload },
    metadata: { tenantId },
  } as DomainEventInput;
}

/** The store takes the client of a transaction. */
function clientOf(session: EngineSession): SqlClient {
  return {
    $queryRawUnsafe: async <T>(sql: string, ...values: unknown[]) => (await session.query(sql, values)) as T,
    $executeRawUnsafe: async (sql, ...values) => (await session.query(sql, values)).length,
  };
}
