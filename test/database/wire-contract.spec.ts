import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  isConnectionLoss,
  isSessionLoss,
  isStaleStatement,
} from '../../src/database/connection/connection-loss.js';
import { ArrivedMessages } from '../../src/database/wire/arrived-messages.js';
import { DriverClient } from '../../src/database/wire/driver-client.js';
import { isDriversConnectionError, isDriversLoginError } from '../../src/database/wire/driver-words.js';
import { openEnginePool } from '../../src/database/wire/engine-pool.js';
import { socketFor } from '../../src/database/wire/large-read-socket.js';
import { queryOf } from '../../src/database/wire/named-statement.js';
import { OpeningMessage, sendMessage } from '../../src/database/wire/opening-message.js';
import { forEachRow } from '../../src/database/wire/row-reader.js';
import { askValue, hasWire } from '../../src/database/wire/value-query.js';
import {
  cutOff,
  onCommandComplete,
  reportedBackendOf,
  sendAtEndOfTurn,
  signOfLife,
  wireOf,
} from '../../src/database/wire/wire.js';
import type { EmbeddedPostgres } from '../../src/testing/embedded-postgres.js';
import { startTlsServer } from '../support/tls-server.js';

/*
 * What `src/database/wire/` relies on, of the insides of `pg` and of what it says. A version that differs
 * fails here, and the names of the tests say what has changed.
 */

let server: EmbeddedPostgres;
const clients: pg.Client[] = [];

beforeAll(async () => {
  server = await startTlsServer();
});

afterEach(async () => {
  for (const client of clients.splice(0)) await client.end().catch(() => {});
});

afterAll(async () => {
  await server.stop();
});

function driverFor(config: pg.ClientConfig & { pipeline?: boolean }): DriverClient {
  const client = new DriverClient({
    connectionString: server.url,
    stream: socketFor,
    ...config,
  } as pg.ClientConfig);
  client.on('error', () => {});
  clients.push(client);
  return client;
}

/** What a promise is rejected with. */
const errorOf = (work: Promise<unknown>): Promise<Error> =>
  work.then(
    () => new Error('nothing was refused'),
    (error) => error,
  );

describe('the version of pg', () => {
  it('is the one that this package depends on, and no other', () => {
    const { dependencies } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'),
    );
    const { version } = createRequire(import.meta.url)('pg/package.json');
    expect(dependencies.pg).toBe(version);
  });
});

describe.each([
  ['plain', undefined],
  ['TLS', { rejectUnauthorized: false }],
])('what the engine relies on in pg (%s)', (_, ssl) => {
  async function connected(config: { pipeline?: boolean } = {}): Promise<DriverClient> {
    const client = driverFor({ ssl, ...config });
    await client.connect();
    return client;
  }

  it('is encrypted or not, as it was asked for', async () => {
    const { rows } = await (await connected()).query(
      'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    );
    expect(rows).toEqual([{ ssl: ssl !== undefined }]);
  });

  it('asks for its socket with its settings, and keeps it where the wire is looked for', async () => {
    const asked: object[] = [];
    const client = driverFor({
      ssl,
      stream: ((settings: { ssl?: unknown }) => {
        asked.push(settings);
        return socketFor(settings);
      }) as unknown as NonNullable<pg.ClientConfig['stream']>,
    });
    await client.connect();
    expect(asked).toEqual([expect.objectContaining({ ssl: ssl ?? false })]);
    expect(wireOf(client).stream).toBeInstanceOf(ssl === undefined ? Socket : TLSSocket);
    expect(hasWire(client)).toBe(true);
  });

  it('has one listener to what arrives, and it can be put aside and back', async () => {
    const client = await connected();
    expect(wireOf(client).stream.listeners('data')).toHaveLength(1);
    const names: string[] = [];
    const sql = `SELECT 'row ' || n FROM generate_series(1, 20000) AS n`;
    await forEachRow(client, { name: 'rows', sql, values: [] }, (row) => names.push(row.text(0)));
    expect([names.length, names[0], names.at(-1)]).toEqual([20_000, 'row 1', 'row 20000']);
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('hands on a refusal to whoever reads the rows, and is usable afterwards', async () => {
    const client = await connected();
    const failing = {
      name: 'failing',
      sql: 'SELECT 1 / (3 - n) FROM generate_series(1, 3) AS n',
      values: [],
    };
    expect(await errorOf(forEachRow(client, failing, () => {}))).toMatchObject({ code: '22012' });
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('takes `binary` for one query, and sends what it is asked for in that form', async () => {
    const client = await connected();
    const times: number[] = [];
    const sql = `SELECT timestamptz '2026-11-25T12:00:00Z'`;
    await forEachRow(client, { name: 'time', sql, values: [] }, (row) => times.push(row.milliseconds(0)));
    expect(times).toEqual([Date.UTC(2026, 10, 25, 12)]);
  });

  it('shows what arrives before the driver sees it, in whole messages once it has answered', async () => {
    const client = await connected();
    const arrived = ArrivedMessages.watch(client);
    await client.query(`SELECT repeat('x', 300000)`);
    expect(arrived.areWhole).toBe(true);
  });

  it('holds back what is sent until the turn of the event loop ends', async () => {
    const client = await connected();
    const stream = wireOf(client).stream as unknown as Socket;
    const answers: string[] = [];
    sendAtEndOfTurn(client, () => answers.push('sent'));
    const asked = client.query('SELECT 1').then(() => answers.push('answered'));
    await Promise.resolve();
    expect(stream.writableLength).toBeGreaterThan(0);
    await asked;
    expect(answers).toEqual(['sent', 'answered']);
    expect(stream.writableCorked).toBe(0);
  });

  it('emits `commandComplete` with the tag of each command, of several in one text as well', async () => {
    const client = await connected();
    const tags: string[] = [];
    const stop = onCommandComplete(client, (tag) => tags.push(tag));
    await client.query('BEGIN; CREATE TEMP TABLE tagged (a int); INSERT INTO tagged VALUES (1), (2); COMMIT');
    await client.query('SELECT $1::int', [1]);
    stop?.();
    await client.query('SELECT 2');
    expect(tags).toEqual(['BEGIN', 'CREATE TABLE', 'INSERT 0 2', 'COMMIT', 'SELECT 1']);
  });

  it('resolves a text of several statements to one answer for each, with its command', async () => {
    const answers = (await (
      await connected()
    ).query('BEGIN; COMMIT; SELECT 1')) as unknown as pg.QueryResult[];
    expect(answers.map(({ command }) => command)).toEqual(['BEGIN', 'COMMIT', 'SELECT']);
  });

  it('knows the number of its backend', async () => {
    const client = await connected();
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    expect(reportedBackendOf(client)).toBe(rows[0]?.pid);
  });

  it('sends a bare Sync, and emits `readyForQuery` for the answer', async () => {
    const client = await connected();
    await signOfLife(client);
    await signOfLife(client);
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('takes a query of another kind, calls its handlers in turn, and refuses none behind it', async () => {
    const client = await connected();
    expect(await askValue(client, 'SELECT upper($1)', 'text')).toBe('TEXT');
    expect(await askValue(client, 'SELECT $1::text WHERE false', 'text')).toBeUndefined();
    expect(await errorOf(askValue(client, 'SELECT $1::int / 0', '1') as Promise<unknown>)).toMatchObject({
      code: '22012',
    });
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
  });

  it('takes none of another kind where it pipelines', async () => {
    expect(askValue(await connected({ pipeline: true }), 'SELECT upper($1)', 'text')).toBeUndefined();
  });

  describe('of a query that is the driver’s own with more in front of it', () => {
    const begin = { name: 'begin', sql: 'BEGIN', values: [] };
    const entered = { name: 'entered', sql: 'SELECT FROM generate_series(1, $1)', values: [3] };

    async function open(first: pg.QueryConfig | undefined): Promise<unknown[]> {
      const client = await connected({ pipeline: true });
      for (const statement of [begin, entered]) await client.query(queryOf(statement));
      await client.query('ROLLBACK');
      const told: unknown[] = [];
      await new Promise<void>((resolve) => {
        const onOpened = (error: unknown, counts: number[]) => told.push(error ?? [...counts]);
        const message = new OpeningMessage([begin, entered], onOpened, first, (error, answer) => {
          told.push(error ?? answer.rows);
          resolve();
        });
        sendMessage(client, message);
      });
      await client.query('ROLLBACK');
      return told;
    }

    it('tells how many rows each had, and then what the first statement answers', async () => {
      const first = { name: 'first', text: 'SELECT $1::int AS a', values: [7] };
      expect(await open(first)).toEqual([[0, 3], [{ a: 7 }]]);
    });

    it('tells the same where no statement follows', async () => {
      expect((await open(undefined))[0]).toEqual([0, 3]);
    });

    it('tells that the first statement was refused, after what stood in front of it', async () => {
      const first = { text: 'SELECT 1 / $1::int', values: [0] };
      expect(await open(first)).toEqual([[0, 3], expect.objectContaining({ code: '22012' })]);
    });
  });

  it('prepares a statement under its name once, and asks for it by that name from then on', async () => {
    const client = await connected();
    for (const value of [1, 2])
      await client.query(queryOf({ name: 'kept', sql: 'SELECT $1::int', values: [value] }));
    const { rows } = await client.query('SELECT name FROM pg_prepared_statements');
    expect(rows).toEqual([{ name: 'kept' }]);
  });

  it('hands on the routine of the server that refused a statement', async () => {
    const client = await connected();
    await client.query('CREATE TEMP TABLE shaped (a int)');
    const read = queryOf({ name: 'shaped', sql: 'SELECT * FROM shaped', values: [] });
    await client.query(read);
    await client.query('ALTER TABLE shaped ALTER COLUMN a TYPE text');
    const error = await errorOf(client.query(read));
    expect(error).toMatchObject({ code: '0A000', routine: 'RevalidateCachedQuery', severity: 'ERROR' });
    expect(isStaleStatement(error)).toBe(true);
  });

  it('says in its words that a session was lost, and that it takes no statements any more', async () => {
    const client = await connected();
    const ended = new Promise((resolve) => client.once('end', resolve));
    const waiting = errorOf(client.query('SELECT pg_sleep(30)'));
    cutOff(client);
    await ended;
    for (const error of [await waiting, await errorOf(client.query('SELECT 1'))]) {
      expect((error as { code?: unknown }).code).toBeUndefined();
      expect([isConnectionLoss(error), isSessionLoss(error), isDriversConnectionError(error)]).toEqual([
        true,
        true,
        true,
      ]);
    }
  });

  it('says in its words that a client was ended', async () => {
    const client = await connected();
    await client.end();
    const error = await errorOf(client.query('SELECT 1'));
    expect(error.message).toBe('Client was closed and is not queryable');
    expect([isConnectionLoss(error), isSessionLoss(error)]).toEqual([true, false]);
  });

  it('says in its words that a pool has no connection to lend', async () => {
    const pool = new pg.Pool({ connectionString: server.url, ssl, max: 1 });
    const lent = await pool.connect();
    pool.options.connectionTimeoutMillis = 20;
    const error = await errorOf(pool.connect());
    lent.release();
    await pool.end();
    expect(error.message).toBe('timeout exceeded when trying to connect');
    expect([isConnectionLoss(error), isDriversConnectionError(error)]).toEqual([true, true]);
  });

  it('says in its words that nobody answered in time', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const sockets: Socket[] = [];
    silent.on('connection', (socket) => sockets.push(socket));
    const { port } = silent.address() as AddressInfo;
    const connectionString = `postgresql://postgres@127.0.0.1:${port}/postgres`;
    const limits = { connectionString, ssl, connectionTimeoutMillis: 50 };
    const alone = await errorOf(driverFor(limits).connect());
    const pool = new pg.Pool(limits);
    const pooled = await errorOf(pool.connect());
    await pool.end();
    for (const socket of sockets) socket.destroy();
    silent.close();
    expect([alone.message, pooled.message]).toEqual([
      'timeout expired',
      'Connection terminated due to connection timeout',
    ]);
    expect([isConnectionLoss(alone), isConnectionLoss(pooled)]).toEqual([true, true]);
  });

  it.each([
    ['is an empty text', () => ''],
    ['is no text', () => 7 as unknown as string],
  ])('says in its words that a password %s, and leaves no socket behind', async (_words, password) => {
    const { port } = server;
    const client = new DriverClient({
      host: '127.0.0.1',
      port,
      user: 'postgres',
      password,
      ssl,
    } as pg.ClientConfig);
    client.on('error', () => {});
    clients.push(client);
    expect(isDriversLoginError(await errorOf(client.connect()))).toBe(true);
    expect((wireOf(client).stream as unknown as Socket).destroyed).toBe(true);
  });

  it('takes its defaults from where they can be put right for one client', async () => {
    pg.defaults.binary = true;
    pg.defaults.query_timeout = 1;
    try {
      const client = await connected();
      const { rows } = await client.query(
        `SELECT timestamptz '2026-11-25T12:00:00Z' AS time, pg_sleep(0.05)`,
      );
      expect(rows).toMatchObject([{ time: new Date('2026-11-25T12:00:00Z') }]);
    } finally {
      pg.defaults.binary = false;
      pg.defaults.query_timeout = false as unknown as number;
    }
  });

  describe('of a pool', () => {
    function open(prepare: (client: pg.PoolClient) => Promise<unknown>, pipelines = false): pg.Pool {
      const connection = { connectionString: server.url, ssl, stream: socketFor };
      return openEnginePool({ connection, max: 1, pipelines, prepare });
    }

    it('has each new connection looked at before it is lent, once', async () => {
      const prepared: pg.PoolClient[] = [];
      const pool = open(async (client) => prepared.push(client));
      for (let lent = 0; lent < 3; lent++) await pool.query('SELECT 1');
      await pool.end();
      expect(prepared).toHaveLength(1);
      expect(prepared[0]).toBeInstanceOf(DriverClient);
    });

    it('lends none that was refused, and ends it', async () => {
      const refused: Promise<unknown>[] = [];
      const pool = open(async (client) => {
        refused.push(once(client, 'end'));
        throw new Error('not fit');
      });
      expect((await errorOf(pool.connect())).message).toBe('not fit');
      await Promise.all(refused);
      expect([pool.totalCount, refused.length]).toEqual([0, 1]);
      await pool.end();
    });

    it('sends a statement without waiting for the answers before it, if told to', async () => {
      const pool = open(async () => {}, true);
      const client = await pool.connect();
      const order: string[] = [];
      const first = client.query('SELECT pg_sleep(0.05)').then(() => order.push('first'));
      const second = client.query('SELECT 1').then(() => order.push('second'));
      expect((client as unknown as { _sentQueryQueue: unknown[] })._sentQueryQueue).toHaveLength(1);
      await Promise.all([first, second]);
      expect(order).toEqual(['first', 'second']);
      client.release();
      await pool.end();
    });
  });
});
