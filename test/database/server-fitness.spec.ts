import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import type { TransactionalSqlClient } from '../../src/index.js';
import { DoctorService } from '../../src/maintenance/doctor.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { startFakePooler } from '../support/fake-pooler.js';
import { hearLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { startTransactionPooler } from '../support/transaction-pooler.js';

const ROLE = `engine_${process.pid}`;

let database: TestDatabase;
let name: string;
const opened: { close(): Promise<void> }[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  name = (await run('SELECT current_database() AS name')).rows[0]?.name;
});
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
  await database.drop();
});

const run = (sql: string) => database.pool.query(sql);

async function start(
  options: Parameters<typeof startApp>[2] = {},
  handled?: Recorder<string>,
): Promise<TestApp> {
  const app = await startApp(
    database,
    [
      {
        consumerName: 'consumer',
        eventName: 'thing.*',
        startFrom: 'earliest',
        handler: async ({ aggregateId }: { aggregateId: string }) => handled?.record(aggregateId),
      } as AnySubscriberDefinition,
    ],
    options,
  );
  opened.push(app);
  return app;
}

async function findings(url = database.url): Promise<string[]> {
  const db = new EngineDatabase({ connectionString: url, schema: 'integration' });
  try {
    const examination = await new DoctorService(db).examine();
    return examination.findings.map(({ check }) => check);
  } finally {
    await db.close();
  }
}

/** What `search_path` finds before the catalogue's own. */
async function shadow(sql: string): Promise<void> {
  await run(`CREATE SCHEMA shadow; ${sql}`);
  await run(`ALTER DATABASE ${name} SET search_path = shadow, pg_catalog, public`);
}

describe('row-level security on the tables', () => {
  let url: string;

  beforeEach(async () => {
    await run(`CREATE ROLE ${ROLE} LOGIN PASSWORD 'secret';
      GRANT USAGE ON SCHEMA integration TO ${ROLE}; GRANT ALL ON ALL TABLES IN SCHEMA integration TO ${ROLE};
      GRANT ALL ON ALL SEQUENCES IN SCHEMA integration TO ${ROLE}; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA integration TO ${ROLE}`);
    const own = new URL(database.url);
    own.username = ROLE;
    own.password = 'secret';
    url = own.toString();
  });
  afterEach(async () => {
    for (const each of opened.splice(0).reverse()) await each.close();
    await run(`DROP OWNED BY ${ROLE}; DROP ROLE ${ROLE}`);
  });

  const enable = () =>
    run(`ALTER TABLE integration.outbox_event ENABLE ROW LEVEL SECURITY;
      CREATE POLICY tenant ON integration.outbox_event USING (aggregate_id NOT LIKE 'hidden%')`);

  it('fails the boot, naming role, table and what to do, and doctor finds it', async () => {
    await enable();
    await expect(start({ connectionString: url })).rejects.toMatchObject({
      code: 'INTEGRATION_ROW_SECURITY',
      message: expect.stringMatching(new RegExp(`${ROLE}.*outbox_event.*ALTER ROLE ${ROLE} BYPASSRLS`)),
    });
    expect(await findings(url)).toContain('row-security');
    await run(`ALTER ROLE ${ROLE} BYPASSRLS`);
    await start({ connectionString: url });
    expect(await findings(url)).not.toContain('row-security');
  });

  it('passes over no event where it is enabled while the application runs', async () => {
    const lines = hearLog();
    const handled = new Recorder<string>();
    await start({ connectionString: url }, handled);
    await enable();
    const publish = (id: string) =>
      run(`INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
           VALUES ('thing.changed', 'test', 'thing', '${id}')`);
    await publish('hidden');
    await publish('shown');
    await lines.saying('row-level security');
    await run('ALTER TABLE integration.outbox_event DISABLE ROW LEVEL SECURITY');
    await handled.first(2);
    expect([...handled.all].sort()).toEqual(['hidden', 'shown']);
  });
});

describe("a host's client that leads to another database", () => {
  it('fails the boot, naming both', async () => {
    const other = await createTestDatabase();
    try {
      const client = other.prisma() as unknown as TransactionalSqlClient;
      const { message, code } = await start({ client }).then(
        () => ({ message: '', code: '' }),
        (error) => error,
      );
      expect(code).toBe('INTEGRATION_CLIENT_ELSEWHERE');
      const { rows } = await other.pool.query('SELECT current_database() AS name');
      expect(message).toContain(`the client to "${rows[0]?.name}"`);
      expect(message).toContain(`to "${name}"`);
      expect(message).not.toContain('postgres:postgres');
    } finally {
      await other.drop();
    }
  });
});

describe('a server that is not what the engine takes it for', () => {
  it.each([
    'PostgreSQL 15.2-YB-2.21.0.0-b0 on x86_64',
    'CockroachDB CCL v24.1.0',
    'PostgreSQL 8.0.2, Redshift 1.0.1',
  ])('is refused by its name: %s', async (product) => {
    await shadow(`CREATE FUNCTION shadow.version() RETURNS text LANGUAGE sql AS $$ SELECT '${product}' $$`);
    await expect(start()).rejects.toMatchObject({ code: 'INTEGRATION_DATABASE_UNSUPPORTED' });
  });

  it.each([
    ['no locks at all', 'SELECT * FROM pg_catalog.pg_locks WHERE false'],
    [
      'locks without virtual transactions',
      `SELECT locktype, database, relation, NULL::text AS virtualtransaction, pid, mode, granted FROM pg_catalog.pg_locks`,
    ],
    ['no writers', `SELECT * FROM pg_catalog.pg_locks WHERE mode <> 'RowExclusiveLock'`],
  ])('is refused where it shows %s, and doctor finds it', async (_, view) => {
    await shadow(`CREATE VIEW shadow.pg_locks AS ${view}`);
    await expect(start()).rejects.toMatchObject({
      code: 'INTEGRATION_DATABASE_UNSUPPORTED',
      message: expect.stringContaining('pg_locks'),
    });
    expect(await findings()).toContain('writers-visible');
  });

  it.each(['CACHE 20', 'INCREMENT 2'])('is refused where its positions are drawn with %s', async (drawn) => {
    await run(`ALTER SEQUENCE integration.outbox_event_position_seq ${drawn}`);
    await expect(start()).rejects.toMatchObject({
      code: 'INTEGRATION_DATABASE_UNSUPPORTED',
      message: expect.stringContaining('ALTER SEQUENCE'),
    });
    expect(await findings()).toContain('position-source');
  });
});

describe('what stands between the engine and the server', () => {
  it('may make up the number of the backend, where it lends the session for good', async () => {
    const proxy = await startFakePooler(database.url);
    opened.push(proxy);
    const handled = new Recorder<string>();
    const app = await start({ connectionString: proxy.url }, handled);
    await app.api.publishEvent('thing.changed', 'test', 'thing', 'through');
    await handled.first(1);
    const { rows } = await run('SELECT backend_pid FROM integration.integration_process');
    expect(rows.map(({ backend_pid }) => backend_pid)).not.toContain(424_242);
  });

  it('is refused where it lends sessions by transaction', async () => {
    const pooler = await startTransactionPooler(database.url);
    opened.push(pooler);
    await expect(start({ connectionString: pooler.url })).rejects.toMatchObject({
      code: 'INTEGRATION_DATABASE_POOLED',
    });
  });
});
