import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EngineConnection } from '../../src/database/connection/engine-connection.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { WAITING_LIMITS } from '../../src/database/engine-database-options.js';
import type { NamedStatement } from '../../src/database/wire/named-statement.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let engine: EngineDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  engine = database.engine();
});
afterAll(() => database.drop());

describe('rows taken one by one', () => {
  it('are what the database holds: null, empty, large and not ASCII', async () => {
    const large = 'Größe '.repeat(200_000);
    const rows: (string | null)[] = [];
    const query = {
      name: 'all_texts',
      sql: "SELECT t FROM (VALUES ($1::text), (NULL), (''), ('日本')) AS v (t)",
      values: [large],
    };
    await engine.forEachRow(query, (row) => rows.push(row.isNull(0) ? null : row.text(0)));
    expect(rows).toEqual([large, null, '', '日本']);
  });

  it('are what the database holds: numbers, times and JSON, to their limits', async () => {
    const rows: unknown[] = [];
    const query = {
      name: 'all_kinds',
      sql: `SELECT small, large, at, json FROM (VALUES
         (-2147483648, -9007199254740991, '1969-12-31 23:59:59.9995+00'::timestamptz, '{"größe": [1, null]}'::jsonb),
         (2147483647, 9007199254740991, '2026-11-21 10:11:12.345678+00', '"日本"'), (0, 0, '2000-01-01 00:00:00+00', '[]')
       ) AS v (small, large, at, json)`,
      values: [],
    };
    await engine.forEachRow(query, (row) =>
      rows.push([row.int4(0), row.int8(1), new Date(row.milliseconds(2)).toISOString(), row.json(3)]),
    );
    expect(rows).toEqual([
      [-(2 ** 31), Number.MIN_SAFE_INTEGER, '1969-12-31T23:59:59.999Z', '{"größe": [1, null]}'],
      [2 ** 31 - 1, Number.MAX_SAFE_INTEGER, '2026-11-21T10:11:12.345Z', '"日本"'],
      [0, 0, '2000-01-01T00:00:00.000Z', '[]'],
    ]);
  });

  it('end with the statement that fails among them; the connection serves the next one', async () => {
    const seen: number[] = [];
    const sql = 'SELECT n, 1 / (3000 - n) FROM generate_series(1, 5000) AS n';
    const failing = engine.forEachRow({ name: 'fails_late', sql, values: [] }, (row) =>
      seen.push(row.int4(0)),
    );
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    expect(seen.at(-1)).toBeLessThan(3000);
    expect(await engine.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('end with what could not be done with one of them; the connection serves the next one', async () => {
    const failing = engine.forEachRow(numbers(5000), (row) => {
      if (row.int4(0) === 10) throw new Error('ten');
    });
    await expect(failing).rejects.toThrow('ten');
    expect(await engine.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('end with a statement that cannot be prepared; the connection serves the next one', async () => {
    const query = { name: 'no_such', sql: 'SELECT 1 FROM no_such_table', values: [] };
    const failing = engine.forEachRow(query, () => {});
    await expect(failing).rejects.toMatchObject({ code: '42P01' });
    expect(await engine.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('end when the server ends the session', async () => {
    const seen: number[] = [];
    const sql = `SELECT n, CASE WHEN n = 4000 THEN pg_terminate_backend(pg_backend_pid()) END FROM generate_series(1, 5000) AS n`;
    const failing = engine.forEachRow({ name: 'cut_off', sql, values: [] }, (row) => seen.push(row.int4(0)));
    await expect(failing).rejects.toThrow();
    const again: number[] = [];
    await engine.forEachRow(numbers(3), (row) => again.push(row.int4(0)));
    expect(again).toEqual([1, 2, 3]);
  });
});

describe('a connection that has just been heard', () => {
  let heard: EngineConnection;
  beforeAll(async () => {
    heard = await engine.openDedicated('heard', false);
  });
  afterAll(() => heard.close());

  /** By which session rows are read. */
  async function reader(): Promise<number> {
    const pids: number[] = [];
    const query = { name: 'who', sql: 'SELECT pg_backend_pid() AS pid', values: [] };
    await engine.forEachRow(query, (row) => pids.push(row.int4(0)));
    return pids[0] as number;
  }
  const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

  it('reads what is asked for next, and no more than that', async () => {
    engine.heardFrom(heard);
    const [first, second] = await Promise.all([reader(), reader()]);
    expect(first).toBe(heard.backendPid);
    expect(second).not.toBe(heard.backendPid);
  });

  it('reads nothing later', async () => {
    engine.heardFrom(heard);
    await nextTurn();
    expect(await reader()).not.toBe(heard.backendPid);
  });

  it.each([
    ['a statement', () => heard.query('SELECT 1 AS one'), [{ one: 1 }]],
    ['a sign of life', () => heard.ping(), undefined],
    ['rows', () => heard.forEachRow(numbers(10), () => {}), undefined],
  ])('reads nothing while it is asked for %s', async (_, ask, answer) => {
    const asked: Promise<unknown> = ask();
    engine.heardFrom(heard);
    expect(await reader()).not.toBe(heard.backendPid);
    expect(await asked).toEqual(answer);
    engine.heardFrom(heard);
    expect(await reader()).toBe(heard.backendPid);
  });

  it('gives all rows though it is asked for a sign of life meanwhile', async () => {
    const rows: number[] = [];
    const reading = heard.forEachRow(numbers(2_000), (row) => rows.push(row.int4(0)));
    const alive = heard.ping();
    const next = heard.query('SELECT 1 AS one');
    await Promise.all([reading, alive]);
    expect(rows).toHaveLength(2_000);
    expect(await next).toEqual([{ one: 1 }]);
  });

  it('that is lost meanwhile fails what it reads, and the next is read by another', async () => {
    const lost = await engine.openDedicated('lost', false);
    engine.heardFrom(lost);
    const query = { name: 'end', sql: 'SELECT pg_terminate_backend(pg_backend_pid())', values: [] };
    await expect(engine.forEachRow(query, () => {})).rejects.toThrow();
    await lost.ended;
    engine.heardFrom(heard);
    expect(await reader()).toBe(heard.backendPid);
  });

  it('that does not answer is given up long before a connection of the pool is', async () => {
    const hurried = database.engine({ silentMs: 300 });
    const silent = await hurried.openDedicated('silent', false);
    hurried.heardFrom(silent);
    const query = { name: 'late', sql: 'SELECT pg_sleep(10)', values: [] };
    await expect(hurried.forEachRow(query, () => {})).rejects.toThrow('no answer for 300 ms');
    await silent.ended;
    await hurried.query('SELECT pg_terminate_backend($1::int, 5000)', [silent.backendPid]);
    expect(WAITING_LIMITS.silentMs).toBeLessThan(WAITING_LIMITS.answerMs / 2);
  });
});

describe('what is read after a migration has changed the type of a column', () => {
  const values: NamedStatement = { name: 'values', sql: 'SELECT value FROM migrated', values: [] };
  /** Times that a read fails before one succeeds. */
  async function failures(read: () => Promise<unknown>): Promise<number> {
    for (let failed = 0; ; failed++) {
      try {
        await read();
        return failed;
      } catch (error) {
        expect(error).toMatchObject({ code: '0A000' });
        if (failed === 3) return Number.POSITIVE_INFINITY;
      }
    }
  }

  beforeEach(async () => {
    await database.pool.query('DROP TABLE IF EXISTS migrated; CREATE TABLE migrated (value int)');
  });
  const migrate = () => database.pool.query('ALTER TABLE migrated ALTER COLUMN value TYPE text');

  it.each<[string, () => Promise<unknown>]>([
    ['as rows', () => engine.queryNamed('value_rows', values.sql, [])],
    ['row by row', () => engine.forEachRow(values, () => {})],
  ])('fails once at most, %s', async (_, read) => {
    await read();
    await migrate();
    expect(await failures(read)).toBeLessThanOrEqual(1);
  });

  it('fails once at most through a connection that has just been heard, which is given up', async () => {
    const listener = await engine.openDedicated('listener', false);
    const read = () => engine.forEachRow({ ...values, name: 'heard_values' }, () => {});
    const readThroughListener = () => {
      engine.heardFrom(listener);
      return read();
    };
    await readThroughListener();
    await migrate();
    await expect(readThroughListener()).rejects.toMatchObject({ code: '0A000' });
    await listener.ended;
    expect(await failures(read)).toBe(0);
  });
});

describe('a session', () => {
  it('shows times as the engine reads them, may idle, and has no limit for transactions, whatever the database’s defaults are', async () => {
    const altered = await createTestDatabase({ migrated: false });
    const { rows } = await altered.pool.query<{ name: string }>('SELECT current_database() AS name');
    const alter = `ALTER DATABASE ${rows[0]?.name} SET`;
    await altered.pool.query(
      `${alter} datestyle = 'SQL, DMY'; ${alter} idle_session_timeout = '1h'; ${alter} transaction_timeout = '2h'`,
    );
    const own = altered.engine();
    const dedicated = await own.openDedicated('dedicated', false);
    const sql = `SELECT '2026-11-02 10:11:12.345+00'::timestamptz AS at, current_setting('idle_session_timeout') AS idle, current_setting('transaction_timeout') AS transaction`;
    const answers = [
      await own.query(sql),
      await own.openClient().$queryRawUnsafe(sql),
      await dedicated.query(sql),
    ];
    await dedicated.close();
    await altered.drop();
    const expected = [{ at: new Date('2026-11-02T10:11:12.345Z'), idle: '0', transaction: '0' }];
    expect(answers).toEqual([expected, expected, expected]);
  });

  it.each([
    ['that idles in its transaction', 'SET LOCAL idle_in_transaction_session_timeout = 50'],
    ['that is terminated', 'SELECT pg_terminate_backend(pg_backend_pid())'],
  ])('%s announces no loss, and is replaced', async (_, sql) => {
    const client = engine.openClient();
    const losses: string[] = [];
    const subscription = engine.losses$.subscribe((what) => losses.push(what));
    const cutOff = client.$transaction(async (tx) => {
      const [{ pid }] = (await tx.$queryRawUnsafe('SELECT pg_backend_pid() AS pid')) as [{ pid: number }];
      await tx.$executeRawUnsafe(sql).catch(() => {});
      await until('its session has ended', async () => {
        const { rowCount } = await database.pool.query('SELECT FROM pg_stat_activity WHERE pid = $1', [pid]);
        return rowCount === 0;
      });
      await expect(tx.$queryRawUnsafe('SELECT 1')).rejects.toThrow();
    });
    await expect(cutOff).rejects.toThrow();
    expect(await client.$queryRawUnsafe('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    subscription.unsubscribe();
    expect(losses).toEqual([]);
  });
});

describe('a connection on which half a notification has come', () => {
  it('reads nothing before the other half has come too', async () => {
    const proxy = await startCuttingProxy(database.url, 'second');
    const cut = new EngineDatabase({ connectionString: proxy.url, schema: 'integration', max: 1 });
    const listener = await cut.openDedicated('listener', false);
    const rows: number[] = [];
    const heard: string[] = [];
    const second = new Promise<void>((resolve) => {
      listener.onNotification((payload) => {
        heard.push(payload);
        if (payload === 'second') resolve();
      });
    });
    const read = new Promise<void>((resolve, reject) => {
      listener.onNotification((payload) => {
        if (payload !== 'first') return;
        cut.heardFrom(listener);
        cut.forEachRow(numbers(3), (row) => rows.push(row.int4(0))).then(resolve, reject);
        proxy.sendRest();
      });
    });
    await listener.query('LISTEN halves');
    await database.pool.query(`SELECT pg_notify('halves', 'first'), pg_notify('halves', 'second')`);
    try {
      await read;
      await second;
      expect(rows).toEqual([1, 2, 3]);
      expect(heard).toEqual(['first', 'second']);
    } finally {
      listener.destroy();
      await cut.close();
      await proxy.close();
    }
  });
});

describe('closing', () => {
  it('ends every connection though the server has fallen silent', async () => {
    const proxy = await startTcpProxy(database.url);
    const limits = { closeMs: 500 };
    const silent = new EngineDatabase({ connectionString: proxy.url, schema: 'integration', max: 1, limits });
    await silent.query('SELECT 1');
    await silent.openClient().$queryRawUnsafe('SELECT 1');
    expect(proxy.clients()).toBe(2);
    proxy.freeze();
    await silent.close();
    await until('both have ended', async () => proxy.clients() === 0);
    await proxy.close();
  });
});

/** A way to the server on which what it sends is cut within `text`, where that first comes: the rest waits until it is told to come. */
async function startCuttingProxy(databaseUrl: string, text: string) {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let isToBeCut = true;
  let sendRest = () => {
    isToBeCut = false;
  };
  const server = createServer((inbound) => {
    const outbound = connect(Number(target.port), target.hostname);
    for (const socket of [inbound, outbound]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        inbound.destroy();
        outbound.destroy();
      });
    }
    inbound.pipe(outbound);
    outbound.on('data', function pass(chunk: Buffer) {
      const at = chunk.indexOf(text);
      if (at === -1 || !isToBeCut) return void inbound.write(chunk);
      outbound.off('data', pass);
      outbound.pause();
      inbound.write(chunk.subarray(0, at + 1));
      sendRest = () => {
        inbound.write(chunk.subarray(at + 1));
        outbound.pipe(inbound);
      };
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(databaseUrl);
  const address = server.address();
  if (typeof address === 'object') url.port = String(address?.port);
  return {
    url: url.toString(),
    sendRest: () => sendRest(),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function numbers(count: number): NamedStatement {
  return { name: 'numbers', sql: 'SELECT n FROM generate_series(1, $1::int) AS n', values: [count] };
}
