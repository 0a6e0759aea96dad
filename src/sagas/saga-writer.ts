import { currentFence, openTransaction, type PublishedRecord } from '../context/integration-context.js';
import type { SqlClient } from '../database/clients/sql-client.js';
import type { DomainEventInput } from '../events/domain-event.js';
import type { EventLimits } from '../events/event-limits.js';
import type { SequenceGuard } from '../log/sequence-guard.js';
import type { OutboxEventStore } from '../outbox/outbox-event.store.js';
import { PartEvents } from '../outbox/part-events.js';

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
  private readonly events: PartEvents;

  constructor(private readonly parts: WriterParts) {
    this.events = new PartEvents(parts.store, parts.limits);
  }

  /**
   * Writes the events in their order, and returns what is to be signalled after the commit. Within a handler
   * the engine signals it.
   */
  async write(client: SqlClient, events: readonly DomainEventInput[]): Promise<PublishedRecord[]> {
    if (events.length === 0) return [];
    const { store, sequence } = this.parts;
    if (sequence?.isRefusing === true) await sequence.verifySequence();
    const tail = sequence?.tail ?? 0;
    const fence = currentFence();
    if (fence !== undefined) await store.requireInRehearsal(client, fence);
    const results = await this.events.write(client, events);
    if (results.some(({ duplicate, position }) => !duplicate && position < tail))
      await sequence?.verifySequence();
    const records = results.flatMap(({ duplicate, position }, i) =>
      duplicate ? [] : [{ position, eventName: events[i]?.eventName ?? '' }],
    );
    openTransaction()?.published.push(...records);
    return records;
  }

  /** Refuses an event that could not be published. Nothing is written. */
  check(event: DomainEventInput): void {
    this.events.check(event);
  }
}
