import type pg from 'pg';
import type { BenchEvent } from './bench-event.js';

/**
 * One row per event and consumer with a status column, as most outboxes have it: the table under both references.
 * The partial index holds what is still to do, so that a claim does not walk over finished rows.
 */
export const CREATE_ROW_QUEUE = `
  CREATE TABLE row_queue (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer       smallint     NOT NULL,
    status         varchar(16)  NOT NULL DEFAULT 'pending',
    event_name     varchar(255) NOT NULL,
    source_module  varchar(127) NOT NULL,
    aggregate_type varchar(127) NOT NULL,
    aggregate_id   varchar(255) NOT NULL,
    payload        jsonb        NOT NULL,
    created_at     timestamptz  NOT NULL DEFAULT clock_timestamp(),
    processed_at   timestamptz
  );
  CREATE INDEX row_queue_pending ON row_queue (consumer, id) WHERE status = 'pending';
  CREATE TABLE effect (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int NOT NULL);`;

/** What a handler is to know of an event: every system of the comparison hands over as much. */
const EVENT_COLUMNS = 'id, event_name, source_module, aggregate_type, aggregate_id, payload, created_at';

export interface QueuedRow {
  id: string;
  payload: { n: number };
}

/** One statement for all consumers of an event. */
export function insertRows(
  client: pg.ClientBase,
  event: BenchEvent,
  consumers: readonly number[],
): Promise<unknown> {
  return client.query(
    `INSERT INTO row_queue (consumer, event_name, source_module, aggregate_type, aggregate_id, payload)
     SELECT consumer, $2, $3, $4, $5, $6::jsonb FROM unnest($1::int[]) AS consumer`,
    [
      consumers,
      event.eventName,
      event.sourceModule,
      event.aggregateType,
      event.aggregateId,
      JSON.stringify(event.payload),
    ],
  );
}

/** Each event with the consumers that want it. */
export function fillRows(
  client: pg.ClientBase,
  events: readonly (BenchEvent & { consumers: readonly number[] })[],
): Promise<unknown> {
  return client.query(
    `INSERT INTO row_queue (consumer, event_name, source_module, aggregate_type, aggregate_id, payload)
     SELECT consumer::int, e->>'eventName', e->>'sourceModule', e->>'aggregateType', e->>'aggregateId', e->'payload'
     FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS list(e, place),
          jsonb_array_elements(e->'consumers') WITH ORDINALITY AS wanting(consumer, turn)
     ORDER BY place, turn`,
    [JSON.stringify(events)],
  );
}

/**
 * The next rows of a consumer. Written as a range and ordered by both columns, so that only the partial index fits: where all rows were
 * pending when the table was analyzed, the primary key looks as good to the planner, and then every claim walks over all that is done.
 */
const NEXT = `status = 'pending' AND consumer BETWEEN $1 AND $1 ORDER BY consumer, id LIMIT $2`;

/** Locks the next rows of a consumer for as long as the caller's transaction lasts. Safe beside others: they skip locked rows. */
export async function lockNext(client: pg.ClientBase, consumer: number, limit: number): Promise<QueuedRow[]> {
  const { rows } = await client.query({
    name: 'lock-next',
    text: `SELECT ${EVENT_COLUMNS} FROM row_queue WHERE ${NEXT} FOR UPDATE SKIP LOCKED`,
    values: [consumer, limit],
  });
  return rows;
}

/** Marks the next rows of a consumer as taken, for a worker that handles them outside a transaction. */
export async function claimNext(client: pg.Pool, consumer: number, limit: number): Promise<QueuedRow[]> {
  const { rows } = await client.query({
    name: 'claim-next',
    text: `UPDATE row_queue SET status = 'processing' WHERE id IN (
             SELECT id FROM row_queue WHERE ${NEXT} FOR UPDATE SKIP LOCKED
           ) RETURNING ${EVENT_COLUMNS}`,
    values: [consumer, limit],
  });
  return (rows as QueuedRow[]).sort((a, b) => Number(a.id) - Number(b.id));
}

export function markProcessed(client: pg.ClientBase | pg.Pool, ids: string[]): Promise<unknown> {
  return client.query({
    name: 'mark-processed',
    text: `UPDATE row_queue SET status = 'processed', processed_at = clock_timestamp() WHERE id = ANY($1::bigint[])`,
    values: [ids],
  });
}

export function insertEffect(client: pg.ClientBase, n: number): Promise<unknown> {
  return client.query({ name: 'insert-effect', text: 'INSERT INTO effect (n) VALUES ($1)', values: [n] });
}

export const UNSETTLED_ROW = `SELECT 1 FROM row_queue WHERE status IN ('pending', 'processing') LIMIT 1`;
