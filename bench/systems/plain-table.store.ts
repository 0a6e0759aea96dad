import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { BenchEvent } from './bench-event.js';

/** The ceiling's table: the columns of the project's log, a key, and nothing else. */
export const CREATE_PLAIN_TABLE = `
  CREATE TABLE plain_event (
    position       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id             uuid         NOT NULL,
    event_name     varchar(255) NOT NULL,
    event_version  integer      NOT NULL DEFAULT 1,
    source_module  varchar(127) NOT NULL,
    aggregate_type varchar(127) NOT NULL,
    aggregate_id   varchar(255) NOT NULL,
    payload        jsonb        NOT NULL,
    payload_bytes  integer,
    metadata       jsonb        NOT NULL DEFAULT '{}',
    dedup_key      varchar(255),
    available_at   timestamptz,
    created_at     timestamptz  NOT NULL DEFAULT clock_timestamp()
  )`;

export const INSERT_PLAIN = `
  INSERT INTO plain_event (id, event_name, event_version, source_module, aggregate_type, aggregate_id, payload, payload_bytes, metadata, dedup_key, available_at)
  VALUES ($1::uuid, $2, $3, $4, $5, $6, $7::jsonb, $8, $9::jsonb, $10, $11)`;

const PLACES = /\$\d+/g;

/** For Knex, whose values stand where the text has question marks. */
export const INSERT_PLAIN_BY_QUESTION_MARKS = INSERT_PLAIN.replace(PLACES, '?');

/** For templates: what stands between the values. */
export const PARTS_OF_INSERT_PLAIN: readonly string[] = INSERT_PLAIN.split(PLACES);

/** For postgres.js, which writes what it is given for a jsonb as JSON, a text that is JSON already as well. */
export const PARTS_OF_INSERT_PLAIN_FROM_TEXT: readonly string[] = INSERT_PLAIN.replaceAll(
  '::jsonb',
  '::text::jsonb',
).split(PLACES);

/** The values of INSERT_PLAIN, made as cheaply as they can be made. */
export function plainValues(event: BenchEvent): unknown[] {
  const payload = JSON.stringify(event.payload);
  return [
    randomUUID(),
    event.eventName,
    1,
    event.sourceModule,
    event.aggregateType,
    event.aggregateId,
    payload,
    payload.length,
    '{}',
    null,
    null,
  ];
}

export function insertPlain(client: pg.ClientBase, event: BenchEvent): Promise<unknown> {
  return client.query(INSERT_PLAIN, plainValues(event));
}

export function insertPlainByPrisma(
  client: { $executeRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<number> },
  event: BenchEvent,
): PromiseLike<unknown> {
  return client.$executeRawUnsafe(INSERT_PLAIN, ...plainValues(event));
}

export function fillPlain(client: pg.ClientBase, events: BenchEvent[]): Promise<unknown> {
  return client.query(
    `INSERT INTO plain_event (id, event_name, source_module, aggregate_type, aggregate_id, payload)
     SELECT gen_random_uuid(), e->>'eventName', e->>'sourceModule', e->>'aggregateType', e->>'aggregateId', e->'payload'
     FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY AS list(e, place) ORDER BY place`,
    [JSON.stringify(events)],
  );
}

export interface PlainRow {
  position: string;
  payload: { n: number };
}

/** One page after a position, payloads parsed by the driver. */
export async function readPage(pool: pg.Pool, after: string, limit: number): Promise<PlainRow[]> {
  const { rows } = await pool.query({
    name: 'read-page',
    text: `SELECT position, id, event_name, event_version, source_module, aggregate_type, aggregate_id, payload, metadata, created_at
           FROM plain_event WHERE position > $1 ORDER BY position LIMIT $2`,
    values: [after, limit],
  });
  return rows;
}
