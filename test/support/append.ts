import type pg from 'pg';
import { PgSqlClient } from '../../src/database/clients/pg-sql-client.js';
import type { EngineDatabase } from '../../src/database/engine-database.js';
import { tablesOf } from '../../src/database/sql/tables.js';
import type { DomainEventInput, PublishedEvent } from '../../src/events/domain-event.js';
import { UuidV7Generator } from '../../src/events/uuid-v7.js';
import { toLogEntry } from '../../src/log/log-entry.js';
import { OutboxEventStore } from '../../src/outbox/outbox-event.store.js';

const LIMITS = { maxPayloadBytes: 1_048_576 };

const store = new OutboxEventStore({
  tables: tablesOf('integration'),
  schema: 'integration',
} as EngineDatabase);
const ids = new UuidV7Generator();

/**
 * Publishes on one connection, in whatever transaction it is in, by the publisher's own statements: one INSERT for one
 * event, one for many. Nobody is told.
 */
export async function append(
  client: pg.ClientBase,
  events: readonly DomainEventInput[],
): Promise<PublishedEvent[]> {
  const entries = events.map((event) => toLogEntry(event, ids, LIMITS));
  const [only, ...others] = entries;
  if (only !== undefined && others.length === 0)
    return [await store.insertEvent(new PgSqlClient(client), only)];
  return store.appendAll(new PgSqlClient(client), entries);
}
