import { currentFence, openTransaction, type PublishedRecord } from '../context/integration-context.js';
import type { SqlClient } from '../database/clients/sql-client.js';
import type { DomainEventInput } from '../events/domain-event.js';
import type { EventLimits } from '../events/event-limits.js';
import { UuidV7Generator } from '../events/uuid-v7.js';
import { toLogEntry } from '../log/log-entry.js';
import type { SequenceGuard } from '../log/sequence-guard.js';
import type { OutboxEventStore } from '../outbox/outbox-event.store.js';

/** What the writer uses of the engine. Without a guard nobody has looked at the sequence. */
export interface WriterParts {
  readonly store: OutboxEventStore;
  readonly limits: EventLimits;
  readonly sequence?: SequenceGuard | undefined;
}

/**
 * Writes the events of sagas to the log in a transaction that is open. They do not pass contracts: the events
 * of an undo have passed them when they were remembered, and a contract may have changed since.
 */
export class SagaWriter {
  private readonly ids = new UuidV7Generator();

  constructor(private readonly parts: WriterParts) {}

  /**
   * Writes the events in their order, and returns what is to be signalled after the commit. Within a handler
   * the engine signals it.
   */
  async write(client: SqlClient, events: readonly DomainEventInput[]): Promise<PublishedRecord[]> {
    if (events.length === 0) return [];
    const { store, limits, sequence } = this.parts;
    if (sequence?.isRefusing === true) await sequence.verifySequence();
    const entries = events.map((event) => toLogEntry(event, this.ids, limits));
    const tail = sequence?.tail ?? 0;
    const fence = currentFence();
    if (fence !== undefined) await store.requireInRehearsal(client, fence);
    const results = await store.appendAll(client, entries);
    if (results.some(({ duplicate, position }) => !duplicate && position < tail))
      await sequence?.verifySequence();
    const records = results.flatMap(({ duplicate, position }, i) =>
      duplicate ? [] : [{ position, eventName: entries[i]?.eventName ?? '' }],
    );
    openTransaction()?.published.push(...records);
    return records;
  }

  /** Refuses an event that could not be published. Nothing is written. */
  check(event: DomainEventInput): void {
    toLogEntry(event, this.ids, this.parts.limits);
  }
}
