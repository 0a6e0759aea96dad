import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PgSqlClient, type PublishedEvent } from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { hearLog, type LogLines, silenceLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const SEQUENCE = `pg_get_serial_sequence('integration.outbox_event', 'position')`;

let database: TestDatabase;
let app: TestApp | undefined;
let others: TestApp[];
let handled: Recorder<string>;
let lines: LogLines;

beforeEach(async () => {
  database = await createTestDatabase();
  handled = new Recorder();
  others = [];
  lines = hearLog();
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  for (const other of others) await other.close();
  await database.drop();
  silenceLog();
});

/** What was warned or complained of so far. */
const said = () =>
  lines.all.filter(({ level }) => level !== 'log').map(({ level, text }) => `${level}: ${text}`);

async function start(): Promise<TestApp> {
  app = await startApp(database, [
    {
      consumerName: 'consumer',
      eventName: 'thing.*',
      startFrom: 'earliest',
      handler: async ({ aggregateId }: { aggregateId: string }) => handled.record(aggregateId),
    } as AnySubscriberDefinition,
  ]);
  return app;
}

async function publisherAlone(): Promise<TestApp> {
  const publisher = await startApp(database, [], {
    role: 'publisher',
    settings: { processingLeaseMs: 1_000 },
  });
  others.push(publisher);
  return publisher;
}

function publish(by: TestApp, aggregateId: string): Promise<PublishedEvent> {
  return by.api.publishEvent({
    eventName: 'thing.changed',
    sourceModule: 'test',
    aggregateType: 'thing',
    aggregateId,
    payload: {},
  });
}

async function publishAll(by: TestApp, name: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, (_, n) => `${name}${n}`);
  for (const id of ids) await publish(by, id);
  return ids;
}

const run = (sql: string) => database.pool.query(sql);
const resetTo = (next: number) => run(`SELECT setval(${SEQUENCE}, ${next}, false)`);
const arrived = (ids: string[]) => Promise.all(ids.map((id) => handled.find((each) => each === id)));

/** Some events were handled, and that is saved. */
async function startAndHandle(count: number): Promise<TestApp> {
  const started = await start();
  await publishAll(started, 'first', count);
  await started.processor.drain();
  expect(handled.all).toHaveLength(count);
  return started;
}

describe('a sequence that is reset while the application runs, after the log was emptied', () => {
  it('loses nothing: the consumers begin anew with the first event, and the log says so', async () => {
    const running = await startAndHandle(50);
    await run('DELETE FROM integration.outbox_event');
    await resetTo(1);
    const later = await publishAll(running, 'later', 20);
    await arrived(later);
    expect(handled.all).toHaveLength(70);
    expect(said().filter((line) => line.includes('begin again'))).toEqual([
      expect.stringMatching(/^warn: The log was emptied .* consumers "consumer" begin again/),
    ]);
  });

  it('loses nothing of another process either, nor of a transaction that was open when it was noticed', async () => {
    await startAndHandle(50);
    const publisher = await publisherAlone();
    await run('DELETE FROM integration.outbox_event');
    await resetTo(1);
    const client = await database.pool.connect();
    await client.query('BEGIN');
    await publisher.api.publishEvent(
      { eventName: 'thing.changed', sourceModule: 'test', aggregateType: 'thing', aggregateId: 'open' },
      { persistenceClient: new PgSqlClient(client) },
    );
    await arrived(await publishAll(publisher, 'later', 5));
    await client.query('COMMIT');
    client.release();
    await arrived(['open']);
    expect(handled.all).toHaveLength(56);
  });

  it('loses nothing that was published before anybody could notice', async () => {
    await startAndHandle(50);
    // As one transaction: no look comes between.
    await run(`DELETE FROM integration.outbox_event; SELECT setval(${SEQUENCE}, 1, false);
      INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
      SELECT 'thing.changed', 'test', 'thing', 'unnoticed' || n FROM generate_series(1, 3) AS n`);
    await publisherAlone();
    await arrived(['unnoticed1', 'unnoticed2', 'unnoticed3']);
  });

  it('is noticed when connections were lost', async () => {
    const running = await startAndHandle(50);
    await run('DELETE FROM integration.outbox_event');
    await resetTo(1);
    await run(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'nestjs-integration%'`,
    );
    await until('the cursor begins anew', async () => {
      const { rows } = await run(`SELECT unread::text FROM integration.inbox_cursor`);
      return rows[0]?.unread === '{[1,)}';
    });
    await arrived(await publishAll(running, 'later', 5));
  });
});

describe('a sequence that is behind events of the log', () => {
  it('fails publishing with the statement that mends it, once a position that was left behind is handed out', async () => {
    const running = await startAndHandle(50);
    await run('DELETE FROM integration.outbox_event WHERE position <= 10');
    await resetTo(1);
    await expect(publish(running, 'lost')).rejects.toMatchObject({
      code: 'INTEGRATION_SEQUENCE_BEHIND',
      message: expect.stringContaining('SELECT setval('),
      details: { consumerName: 'consumer', tail: 51, nextPosition: 2 },
    });
    await expect(publish(running, 'refused')).rejects.toMatchObject({ code: 'INTEGRATION_SEQUENCE_BEHIND' });
    expect((await run('SELECT FROM integration.outbox_event WHERE position < 11')).rowCount).toBe(1);
    expect(said().filter((line) => line.startsWith('error: Nothing is published'))).toHaveLength(1);
    const [statement] =
      /SELECT setval\(.*\)$/.exec(said().find((line) => line.startsWith('error')) ?? '') ?? [];
    await run(String(statement));
    await publish(running, 'mended');
    await arrived(['mended']);
  });

  it('fails publishing in a process without consumers too', async () => {
    await startAndHandle(50);
    const publisher = await publisherAlone();
    await run('DELETE FROM integration.outbox_event WHERE position <= 40');
    await resetTo(1);
    await until('it is refused', async () =>
      publish(publisher, 'any').then(
        () => false,
        (error) => error.code === 'INTEGRATION_SEQUENCE_BEHIND',
      ),
    );
    expect(said().filter((line) => line.startsWith('error: Nothing is published'))).not.toEqual([]);
  });

  it.each<[string, (by: TestApp) => Promise<unknown>]>([
    ['Prisma, one event', (by) => publish(by, 'taken')],
    [
      'Prisma, several',
      (by) =>
        by.api.publishEvents(
          ['x', 'y'].map((aggregateId) => ({
            eventName: 'thing.changed',
            sourceModule: 'test',
            aggregateType: 'thing',
            aggregateId,
          })),
        ),
    ],
    [
      'node-postgres',
      async (by) => {
        const client = await database.pool.connect();
        try {
          return await by.api.publishEvent(
            {
              eventName: 'thing.changed',
              sourceModule: 'test',
              aggregateType: 'thing',
              aggregateId: 'taken',
            },
            { persistenceClient: new PgSqlClient(client) },
          );
        } finally {
          client.release();
        }
      },
    ],
  ])('fails publishing by the position that an event has already, through %s', async (_, take) => {
    const publisher = await publisherAlone();
    await publishAll(publisher, 'first', 5);
    await resetTo(1);
    await expect(take(publisher)).rejects.toMatchObject({
      code: 'INTEGRATION_SEQUENCE_BEHIND',
      message: expect.stringContaining('SELECT setval('),
    });
  });
});

describe('the last position that JavaScript holds', () => {
  const LAST = Number.MAX_SAFE_INTEGER;
  const BEHIND = BigInt(LAST) + 5n;

  it('is delivered once like every other one, and nothing is published behind it', async () => {
    const started = await startAndHandle(1);
    await resetTo(LAST - 2);
    const ids = await publishAll(started, 'near', 3);
    await arrived(ids);
    await expect(publish(started, 'behind')).rejects.toMatchObject({
      code: 'INTEGRATION_SEQUENCE_EXHAUSTED',
      message: expect.stringContaining('setval'),
    });
    await started.processor.drain();
    const near = handled.all.filter((id) => id.startsWith('near') || id === 'behind');
    expect(near.sort()).toEqual(ids);
  });

  it('keeps an application from booting where the sequence stands behind it', async () => {
    await run('ALTER SEQUENCE integration.outbox_event_position_seq NO MAXVALUE');
    await resetTo(LAST + 5);
    await expect(start()).rejects.toMatchObject({ code: 'INTEGRATION_SEQUENCE_EXHAUSTED' });
    await expect(publisherAlone()).rejects.toMatchObject({ code: 'INTEGRATION_SEQUENCE_EXHAUSTED' });
  });

  it('bounds every number of a row that is read as a number', async () => {
    const { rows } = await run(
      `SELECT c.relname FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
       WHERE c.relnamespace = 'integration'::regnamespace AND s.seqmax > ${LAST}`,
    );
    expect(rows).toEqual([]);
  });

  it('is behind the sequence, which gets its end again: the way out of the guide leads on', async () => {
    const [, looks = '', mends = ''] =
      /cannot be greater than MAXVALUE`\n.*?```sql\n(.*?)```.*?```sql\n(.*?)```/s.exec(
        await readFile('docs/guide/operate/troubleshooting.md', 'utf8'),
      ) ?? [];
    await startAndHandle(3);
    await app?.close();
    await run(`ALTER SEQUENCE integration.outbox_event_position_seq NO MAXVALUE;
      ALTER SEQUENCE integration.integration_audit_id_seq NO MAXVALUE`);
    await run(`SELECT setval(${SEQUENCE}, ${BEHIND}, false)`);
    await run(`SELECT setval('integration.integration_audit_id_seq', ${BEHIND});
      INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
      VALUES ('thing.changed', 'test', 'thing', 'behind');
      UPDATE integration.inbox_cursor SET unread = '{[${BEHIND + 1n},)}', read_upto = ${BEHIND}`);
    const end = () =>
      run(
        ['outbox_event_position', 'integration_audit_id', 'integration_setting_change_id']
          .map((name) => `ALTER SEQUENCE integration.${name}_seq MAXVALUE ${LAST}`)
          .join('; '),
      );
    await expect(end()).rejects.toThrow(/RESTART value .* cannot be greater than MAXVALUE/);
    const statements = (text: string) => text.split('\n').filter((line) => line !== '');
    const [sequences, events] = await Promise.all(statements(looks).map(run));
    expect(sequences?.rows.map(({ sequencename }) => sequencename).sort()).toEqual([
      'integration_audit_id_seq',
      'outbox_event_position_seq',
    ]);
    expect(events?.rows).toMatchObject([{ aggregate_id: 'behind' }]);
    for (const statement of statements(mends)) await run(statement);
    await end();
    await arrived(await publishAll(await start(), 'after', 2));
  });
});
