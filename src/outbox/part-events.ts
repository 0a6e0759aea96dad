import type { SqlClient } from '../database/clients/sql-client.js';
import type { DomainEventInput, PublishedEvent } from '../events/domain-event.js';
import { UuidV7Generator } from '../events/uuid-v7.js';
import { toLogEntry } from '../log/log-entry.js';
import type { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import type { OutboxEventStore } from './outbox-event.store.js';

/**
 * Publishes the events of a part in a transaction of the engine. They pass no contracts: the part itself
 * makes them, and what it has decided must not fail by a contract of the application.
 */
export class PartEvents {
  private readonly ids = new UuidV7Generator();

  constructor(
    private readonly store: OutboxEventStore,
    private readonly limits: { readonly maxPayloadBytes: number },
    /** Undefined where no application runs. */
    private readonly notifier?: OutboxNotifier,
  ) {}

  /** Writes the events in their order. No deduplication key may occur twice. */
  async write(client: SqlClient, events: readonly DomainEventInput[]): Promise<PublishedEvent[]> {
    if (events.length === 0) return [];
    const entries = events.map((event) => toLogEntry(event, this.ids, this.limits));
    return this.store.appendAll(client, entries);
  }

  /** Refuses an event that could not be published. Nothing is written. */
  check(event: DomainEventInput): void {
    toLogEntry(event, this.ids, this.limits);
  }

  /** Call it when the transaction has committed. */
  committed(eventNames: readonly string[]): void {
    if (eventNames.length === 0) return;
    this.notifier?.signal({ source: 'commit', eventNames: [...new Set(eventNames)] });
  }
}
