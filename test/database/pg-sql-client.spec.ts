import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { type PgClient, PgSqlClient } from '../../src/database/clients/pg-sql-client.js';
import { wireOf } from '../../src/database/wire/wire.js';
import type { DomainEventInput } from '../../src/events/domain-event.js';
import { type OutboxRoom, openOutbox } from '../support/outbox-room.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let room: OutboxRoom;
const opened: pg.Client[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  room = openOutbox({ url: database.url, client: database.prisma() });
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((client) => client.end().catch(() => {})));
});
afterAll(async () => {
  await room?.close();
  await database?.drop();
});

async function connected(options: pg.ClientConfig & { pipeline?: boolean } = {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url, ...options });
  client.on('error', () => {});
  opened.push(client);
  await client.connect();
  return client;
}

const EVENT: DomainEventInput = {
  eventName: 'invoice.created',
  sourceModule: 'finance',
  aggregateType: 'invoice',
  aggregateId: 'i-1',
  payload: { total: 5 },
};

const publish = (client: PgClient, event: Partial<DomainEventInput> = {}) =>
  room.publisher.publishEvent({ ...EVENT, ...event }, { persistenceClient: new PgSqlClient(client) });

async function stored(id: string): Promise<Record<string, unknown> | undefined> {
  const { rows } = await database.pool.query('SELECT * FROM integration.outbox_event WHERE id = $1', [id]);
  return rows[0];
}

/** What the server answers, by the names that the driver has for it. */
function answersTo(client: pg.Client): string[] {
  const answers: string[] = [];
  const wire = wireOf(client) as unknown as NodeJS.EventEmitter;
  for (const name of ['rowDescription', 'dataRow', 'readyForQuery']) wire.on(name, () => answers.push(name));
  return answers;
}

describe('publishing through node-postgres', () => {
  it('is part of the transaction: there once it commits, with the position of its receipt', async () => {
    const client = await connected();
    await client.query('BEGIN');
    const receipt = await publish(client);
    expect(await stored(receipt.outboxEventId)).toBeUndefined();
    await client.query('COMMIT');
    expect(await stored(receipt.outboxEventId)).toMatchObject({
      position: String(receipt.position),
      payload: { total: 5 },
      payload_bytes: 12,
      event_version: 1,
      metadata: { correlationId: receipt.outboxEventId },
    });
  });

  it('is gone where the transaction rolls back', async () => {
    const client = await connected();
    await client.query('BEGIN');
    const receipt = await publish(client);
    await client.query('ROLLBACK');
    expect(await stored(receipt.outboxEventId)).toBeUndefined();
  });

  it('keeps every character of every text', async () => {
    const client = await connected();
    const texts = {
      eventName: 'a "quoted" \\ name, [1]',
      sourceModule: 'größe',
      aggregateType: "it's ½ 𝄞",
      aggregateId: '{"id":"],7"}',
    };
    const payload = { 'key "': 1, text: '\\u0041 \n \u2028 𝄞', list: [null, 1.5e300, [[]], { a: {} }] };
    const receipt = await publish(client, {
      ...texts,
      payload,
      eventVersion: 7,
      metadata: { tenantId: 't"1' },
    });
    expect(await stored(receipt.outboxEventId)).toMatchObject({
      event_name: texts.eventName,
      source_module: texts.sourceModule,
      aggregate_type: texts.aggregateType,
      aggregate_id: texts.aggregateId,
      event_version: 7,
      payload,
      metadata: { tenantId: 't"1', correlationId: receipt.outboxEventId },
    });
  });

  it.each([null, 'a text', 0, false, []])('keeps %p as a payload', async (payload) => {
    const receipt = await publish(await connected(), { payload });
    const { rows } = await database.pool.query(
      'SELECT payload = $2::jsonb AS same FROM integration.outbox_event WHERE id = $1',
      [receipt.outboxEventId, JSON.stringify(payload)],
    );
    expect(rows).toEqual([{ same: true }]);
  });

  it('takes one write to the socket, and no description of what is answered', async () => {
    const client = await connected();
    const answers = answersTo(client);
    const { stream } = wireOf(client) as unknown as { stream: Socket };
    const write = jest.spyOn(stream, 'write');
    await publish(client);
    expect(answers).toEqual(['dataRow', 'readyForQuery']);
    expect(write).toHaveBeenCalledTimes(1);
  });

  it('keeps a payload of a megabyte, in which characters take one byte to four', async () => {
    const client = await connected();
    const payload = { text: 'a½€𝄞'.repeat(100_000) };
    const receipt = await publish(client, { payload });
    expect(await stored(receipt.outboxEventId)).toMatchObject({ payload });
  });

  it('waits for its turn among the statements of its connection', async () => {
    const client = await connected();
    // A third statement at once would be one that node-postgres 9 refuses.
    const [, receipt] = await Promise.all([client.query('BEGIN'), publish(client)]);
    const { rows } = await client.query(
      'SELECT count(*)::int AS events FROM integration.outbox_event WHERE xmin = pg_current_xact_id()::xid',
    );
    expect(rows).toEqual([{ events: 1 }]);
    await client.query('COMMIT');
    expect(await stored(receipt.outboxEventId)).toBeDefined();
  });

  it('goes through a client that pipelines as any statement does', async () => {
    const client = await connected({ pipeline: true });
    const receipts = await Promise.all([publish(client), publish(client)]);
    expect(receipts[0]?.position).toBeLessThan(receipts[1]?.position ?? 0);
  });
});

describe('failures through node-postgres', () => {
  it('an id that was published before: typed, with the way out, and the connection goes on', async () => {
    const client = await connected();
    const { outboxEventId: id } = await publish(client);
    await client.query('BEGIN');
    await expect(publish(client, { id })).rejects.toMatchObject({ code: 'INTEGRATION_EVENT_INVALID' });
    await client.query('ROLLBACK');
    expect(await publish(client)).toMatchObject({ duplicate: false });
  });

  it('what the server refuses comes with its SQLSTATE, and a trace that leads to the publisher', async () => {
    const client = await connected();
    await client.query('BEGIN READ ONLY');
    const error = await publish(client).catch((reason: unknown) => reason as pg.DatabaseError);
    expect(error).toMatchObject({ code: '25006' });
    expect((error as Error).stack).toContain('pg-sql-client.spec');
  });

  it('a session that is ended while the statement waits rejects', async () => {
    const locker = await connected();
    await locker.query('BEGIN; LOCK TABLE integration.outbox_event IN EXCLUSIVE MODE');
    const client = await connected();
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
    const failure = publish(client).catch((reason: unknown) => reason);
    await until('the statement waits', () => isWaiting(rows[0].pid));
    await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid]);
    expect(await failure).toBeInstanceOf(Error);
  });

  it('the driver’s own time limit rejects, and the answer that comes later disturbs nobody', async () => {
    const locker = await connected();
    await locker.query('BEGIN; LOCK TABLE integration.outbox_event IN EXCLUSIVE MODE');
    const client = await connected({ query_timeout: 300 });
    await expect(publish(client)).rejects.toThrow('Query read timeout');
    await locker.query('COMMIT');
    const { rows } = await until('the connection is free', () =>
      client.query('SELECT 1 AS one').catch(() => undefined),
    );
    expect(rows).toEqual([{ one: 1 }]);
  });

  it('a client that has ended rejects', async () => {
    const client = await connected();
    await client.end();
    await expect(publish(client)).rejects.toThrow();
  });

  it('a pool is refused: it is no transaction', () => {
    expect(() => new PgSqlClient(database.pool)).toThrow(
      expect.objectContaining({ code: 'INTEGRATION_CLIENT_IS_ROOT' }),
    );
  });

  it.each([undefined, null, {}, 'client'])('%p is refused', (client) => {
    expect(() => new PgSqlClient(client as unknown as PgClient)).toThrow(
      expect.objectContaining({ code: 'INTEGRATION_CLIENT_INVALID' }),
    );
  });
});

async function isWaiting(pid: number): Promise<boolean> {
  const { rows } = await database.pool.query(
    `SELECT wait_event_type = 'Lock' AS waits FROM pg_stat_activity WHERE pid = $1`,
    [pid],
  );
  return rows[0]?.waits === true;
}
