import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { runMigrations } from '../../src/database/migrations/migration-runner.js';
import { InboxCursorStore } from '../../src/inbox/inbox-cursor.store.js';
import { type IntegrationModuleOptions, PgSqlClient } from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/testing/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { append } from '../support/append.js';
import { type CopiedServer, copyServer } from '../support/copied-server.js';
import { Recorder } from '../support/recorder.js';
import { type SwitchingProxy, startSwitchingProxy } from '../support/switching-proxy.js';
import type { TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const DATABASE = 'replaced';
const EVENTS = 10;
/** Statements that are asked for at once, so that connections have to be opened for some of them. */
const AT_ONCE = 12;
/** Handlers may run so long in vain before a server that does not answer any more is noticed. */
const TIMEOUT_MS = 60_000;

let oldServer: EmbeddedPostgres;
let newServer: CopiedServer | undefined;
let proxy: SwitchingProxy;
let onOld: pg.Pool;
let onNew: pg.Pool | undefined;
let app: TestApp | undefined;

beforeAll(async () => {
  oldServer = await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
});
afterAll(() => oldServer.stop());

beforeEach(async () => {
  await onServer(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`);
  await onServer(`CREATE DATABASE ${DATABASE}`);
  const url = oldServer.urlOf(DATABASE);
  await runMigrations({ connectionString: url });
  proxy = await startSwitchingProxy(url);
  onOld = poolOf(url);
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  await onOld.end();
  await onNew?.end();
  onNew = undefined;
  await proxy.close();
  await newServer?.stop();
  newServer = undefined;
});

async function onServer(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: oldServer.url });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

function poolOf(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url });
  pool.on('error', () => {});
  return pool;
}

async function publish(pool: pg.Pool, name: string): Promise<string[]> {
  const ids = Array.from({ length: EVENTS }, (_, n) => `${name}${n}`);
  const client = await pool.connect();
  try {
    await append(
      client,
      ids.map((aggregateId) => ({
        eventName: 'thing.changed',
        sourceModule: 'test',
        aggregateType: 'thing',
        aggregateId,
        payload: {},
      })),
    );
  } finally {
    client.release();
  }
  return ids;
}

/** The application reaches its server through the proxy, and brings no client of its own. */
async function start(subscriber: object, options: IntegrationModuleOptions = {}): Promise<Recorder<string>> {
  const handled = new Recorder<string>();
  const database = { url: proxy.url, prisma: () => undefined } as unknown as TestDatabase;
  const handler = async (events: { aggregateId: string } | { aggregateId: string }[]) => {
    for (const { aggregateId } of [events].flat()) handled.record(aggregateId);
  };
  app = await startApp(
    database,
    [
      {
        consumerName: 'consumer',
        eventName: '*',
        startFrom: 'earliest',
        handler,
        ...subscriber,
      } as AnySubscriberDefinition,
    ],
    { client: undefined, ...options },
  );
  return handled;
}

/** The new server has the events that the old one had at that moment, and others where the old one has those of `old`. */
async function failOver(handled: Recorder<string>): Promise<{ old: string[]; new: string[] }> {
  await handled.first((await publish(onOld, 'both')).length);
  await until('what was handled is saved', async () => (await unread(onOld)) === `{[${EVENTS + 1},)}`);
  newServer = await copyServer(oldServer.url);
  onNew = poolOf(newServer.urlOf(DATABASE));
  const old = await publish(onOld, 'old');
  await Promise.all(old.map((id) => handled.find((each) => each === id)));
  await until('that is saved too', async () => (await unread(onOld)) === `{[${2 * EVENTS + 1},)}`);
  proxy.switchTo(newServer.urlOf(DATABASE));
  return { old, new: await publish(onNew, 'new') };
}

async function unread(pool: pg.Pool): Promise<string> {
  const { rows } = await pool.query('SELECT unread::text FROM integration.inbox_cursor');
  return rows[0]?.unread;
}

describe('a server that was replaced while it goes on answering', () => {
  it.each(['nestjs-integration', 'nestjs-integration heartbeat', 'nestjs-integration client'])(
    'is left with all connections when one of "%s" is cut, and what the new one has is delivered',
    async (application) => {
      const handled = await start({ transactional: application.endsWith('client') });
      const events = await failOver(handled);
      proxy.cut(application, 1);
      await Promise.all(events.new.map((id) => handled.find((each) => each === id)));
      await until('the new server has it saved', async () => {
        return onNew !== undefined && (await unread(onNew)) === `{[${2 * EVENTS + 1},)}`;
      });
      expect(proxy.openTo(oldServer.url)).toEqual([]);
      expect(handled.all.slice(2 * EVENTS).sort()).toEqual(events.new.sort());
    },
    TIMEOUT_MS,
  );

  it(
    'is left as soon as a connection is opened, though none is cut',
    async () => {
      const handled = await start({}, { pool: { max: 2 * AT_ONCE } });
      const events = await failOver(handled);
      // More at once than there are connections open.
      await Promise.allSettled(Array.from({ length: AT_ONCE }, () => app?.processor.getStats()));
      await Promise.all(events.new.map((id) => handled.find((each) => each === id)));
      await until('nothing is left there', async () => proxy.openTo(oldServer.url).length === 0);
    },
    TIMEOUT_MS,
  );
});

describe('a batch', () => {
  it(
    'whose client is with another server than the engine settles nothing there, though the token is the same',
    async () => {
      const engine = new EngineDatabase({ connectionString: proxy.url, schema: 'integration', max: 1 });
      const store = new InboxCursorStore(engine);
      const key = { consumerName: 'consumer', partition: 0 };
      const { rows } = await onOld.query<{ token: string }>(
        `INSERT INTO integration.inbox_cursor (consumer_name, partition, partitions, event_names, unread, starts_at, lease_token)
         VALUES ('consumer', 0, 1, '{*}', '{[1,)}', 1, gen_random_uuid()) RETURNING lease_token AS token`,
      );
      const token = rows[0]?.token ?? '';
      newServer = await copyServer(oldServer.url);
      onNew = poolOf(newServer.urlOf(DATABASE));
      const [there, here] = await Promise.all([onOld.connect(), onNew.connect()]);
      try {
        await engine.query('SELECT 1');
        const ask = (client: pg.ClientBase) => store.unreadOf(new PgSqlClient(client), key, token, '{[1,3)}');
        expect(await ask(there)).toBe('{[1,3)}');
        await expect(ask(here)).rejects.toThrow('another server');
      } finally {
        there.release();
        here.release();
        await engine.close();
      }
    },
    TIMEOUT_MS,
  );
});

describe('a statement', () => {
  it(
    'that waited for its connection until another server was found is not sent',
    async () => {
      const engine = new EngineDatabase({ connectionString: proxy.url, schema: 'integration', max: 1 });
      try {
        await engine.query('CREATE TABLE written (at timestamptz)');
        newServer = await copyServer(oldServer.url);
        onNew = poolOf(newServer.urlOf(DATABASE));
        proxy.switchTo(newServer.urlOf(DATABASE));
        const lost = new Promise((resolve) => engine.losses$.subscribe(resolve));
        proxy.cut('nestjs-integration');
        await lost;
        const write = () => engine.query('INSERT INTO written VALUES (now())');
        await expect(write()).rejects.toThrow('before the statement was sent');
        expect((await onNew.query('SELECT FROM written')).rowCount).toBe(0);
        await write();
        expect((await onNew.query('SELECT FROM written')).rowCount).toBe(1);
      } finally {
        await engine.close();
      }
    },
    TIMEOUT_MS,
  );
});
