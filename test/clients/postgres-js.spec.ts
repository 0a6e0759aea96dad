import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import postgres from 'postgres';
import { fromPostgresJs } from '../../src/clients/postgres-js.js';
import type { HostAdapter } from '../../src/index.js';
import { emptyTables } from '../support/empty-tables.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

type Transaction = postgres.TransactionSql;

const FAILURE = new Error('on purpose');
/** A file with a statement. */
const STATEMENT = join(import.meta.dirname, 'insert-note.sql');
/** How often what depends on the moment at which a socket closes is tried. */
const TIMES = 20;

let database: TestDatabase;
let sql: postgres.Sql;
let adapter: HostAdapter<Transaction>;
/** Called when a socket has closed. */
let onclose = () => {};
const uncaught: unknown[] = [];
const note = (error: unknown) => uncaught.push(error);

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query('CREATE TABLE note (text text)');
  process.on('uncaughtException', note);
});
beforeEach(() => {
  // postgres.js waits up to 20 seconds between lost sessions. Here it connects at once.
  sql = postgres(database.url, { max: 1, backoff: () => 0, onnotice: () => {}, onclose: () => onclose() });
  adapter = fromPostgresJs<Transaction>(sql);
});
afterEach(async () => {
  await sql.end({ timeout: 5 });
  await emptyTables(database.pool, 'note');
  expect(uncaught).toEqual([]);
});
afterAll(async () => {
  process.off('uncaughtException', note);
  await database?.drop();
});

/**
 * The server ends the session. The next statement finds it about to end (`dying`), or ended before the client
 * has heard of it (`gone`), or the client has heard (`heard`).
 */
async function cutOff(tx: Transaction, state: 'dying' | 'gone' | 'heard'): Promise<void> {
  const [row] = await tx`SELECT pg_backend_pid() AS pid`;
  const closed = new Promise<void>((resolve) => {
    onclose = resolve;
  });
  await database.pool.query('SELECT pg_terminate_backend($1, $2)', [row?.pid, state === 'dying' ? 0 : 5000]);
  if (state === 'heard') await closed;
}

async function expectUsable(): Promise<void> {
  // postgres.js 3.4.9 keeps the last error of a lost session, and gives it to the next statement of its connection.
  await sql`SELECT 1`.catch((error) => expect(error).toMatchObject({ code: '57P01' }));
  const answers = await Promise.all([1, 2, 3].map((n) => sql`SELECT ${n}::int AS n`));
  expect(answers.map(([row]) => row?.n)).toEqual([1, 2, 3]);
  await adapter.transaction((tx) => tx`INSERT INTO note VALUES ('usable')`.then(() => {}), {});
}

const notes = async () => (await database.pool.query('SELECT text FROM note')).rows.map(({ text }) => text);

describe('a transaction of postgres.js whose session is lost', () => {
  it.each([
    ['while the session is dying', 'dying'],
    ['at once', 'gone'],
    ['after the socket has closed', 'heard'],
  ] as const)('sends nothing any more, whatever its function does next: %s', async (_, state) => {
    const next: [string, (tx: Transaction) => Promise<unknown>][] = [
      ['ends', async () => {}],
      [
        'throws',
        async () => {
          throw FAILURE;
        },
      ],
      ['asks', async (tx) => tx`SELECT 1`],
      ['asks, and swallows the error', async (tx) => tx`SELECT 1`.catch(() => {})],
      [
        'asks again and again',
        async (tx) => {
          for (let i = 0; i < 3; i++) {
            try {
              await tx.unsafe('INSERT INTO note VALUES ($1)', ['lost']);
            } catch {}
          }
        },
      ],
      ['opens a savepoint', (tx) => tx.savepoint(async (nested) => nested`SELECT 1`)],
      // A statement with parameters is described first. postgres.js 3.4.9 answers a FATAL error to that through the
      // dying socket, and now and then the connection is unusable then. That is so without an adapter as well.
      ['asks through the adapter', (tx) => adapter.query(tx, 'SELECT 1', [])],
    ];
    for (const [what, goOn] of next) {
      const run = adapter.transaction(async (tx) => {
        await tx`INSERT INTO note VALUES ('lost')`;
        await cutOff(tx, state);
        await goOn(tx);
      }, {});
      await expect([what, await run.then(() => 'resolved').catch(() => 'rejected')]).toEqual([
        what,
        'rejected',
      ]);
      await expectUsable();
    }
    expect(await notes()).toEqual(next.map(() => 'usable'));
  });

  it('leaves its connection usable, and its statements are refused, at whatever moment it is lost', async () => {
    for (let i = 0; i < TIMES; i++) {
      let kept: Transaction | undefined;
      const run = adapter.transaction(async (tx) => {
        kept = tx;
        await cutOff(tx, i % 2 === 0 ? 'dying' : 'gone');
        await Promise.all([tx`SELECT 1`, tx`SELECT ${i}::int`]);
      }, {});
      await expect(run).rejects.toThrow();
      await expectUsable();
      expect(() => kept?.unsafe('INSERT INTO note VALUES ($1)', ['foreign'])).toThrow('connection lost');
      expect(adapter.stateOf(kept)).toBe('ended');
    }
    expect(new Set(await notes())).toEqual(new Set(['usable']));
  });

  // Somebody else's microtask can run between the close of the socket and the moment at which `begin` rejects.
  it.each<[string, (tx: Transaction, close: () => Promise<void>) => unknown]>([
    ['sends a statement', (tx, close) => close().then(() => tx`INSERT INTO note VALUES ('lost')`)],
    ['sends the statement of a file', (tx, close) => close().then(() => tx.file(STATEMENT))],
    ['opens a savepoint', (tx, close) => close().then(() => tx.savepoint(async () => {}))],
    [
      'fails in a savepoint',
      (tx, close) =>
        tx.savepoint(async () => {
          await close();
          throw FAILURE;
        }),
    ],
    ['ends', (_, close) => close()],
  ])('sends nothing where its function %s in any of the microtasks after the close', async (_, goOn) => {
    for (let microtasks = 0; microtasks < TIMES; microtasks++) {
      const run = adapter.transaction(async (tx) => {
        const [row] = await tx`SELECT pg_backend_pid() AS pid`;
        await goOn(tx, async () => {
          await new Promise<void>((resolve, reject) => {
            onclose = resolve;
            database.pool.query('SELECT pg_terminate_backend($1)', [row?.pid]).catch(reject);
          });
          for (let i = 0; i < microtasks; i++) await undefined;
        });
      }, {});
      await expect(run).rejects.toThrow();
      await expectUsable();
    }
    expect(new Set(await notes())).toEqual(new Set(['usable']));
  });

  it('refuses a statement that was made before and is waited for afterwards', async () => {
    const made: PromiseLike<unknown>[] = [];
    const run = adapter.transaction(async (tx) => {
      made.push(tx`INSERT INTO note VALUES ('made')`, tx.unsafe(`INSERT INTO note VALUES ('made')`));
      made.push(tx.file(STATEMENT));
      await cutOff(tx, 'heard');
      throw FAILURE;
    }, {});
    await expect(run).rejects.toThrow();
    await expectUsable();
    for (const statement of made) await expect(Promise.resolve(statement)).rejects.toThrow('connection lost');
    await expectUsable();
    expect(await notes()).toEqual(['usable', 'usable']);
  });

  it('inside of a savepoint rejects there, and outside', async () => {
    let inner: unknown;
    const run = adapter.transaction(async (tx) => {
      const part = tx.savepoint(async (nested) => {
        await cutOff(nested as Transaction, 'heard');
        await nested`SELECT 1`;
      });
      await part.catch((error) => {
        inner = error;
      });
    }, {});
    await expect(run).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    expect(inner).toMatchObject({ code: 'ECONNABORTED' });
    await expectUsable();
  });

  it('rejects when its function has ended, and not before', async () => {
    const order: string[] = [];
    const run = adapter.transaction(async (tx) => {
      await cutOff(tx, 'heard');
      await sql`SELECT 1`;
      order.push('the function');
    }, {});
    await run.catch(() => order.push('the transaction'));
    expect(order).toEqual(['the function', 'the transaction']);
  });
});

describe('a transaction of postgres.js', () => {
  it('is what postgres.js gives: statements, lists of values, savepoints and fragments', async () => {
    await adapter.transaction(async (tx) => {
      const [one] = await tx`INSERT INTO ${tx('note')} ${tx({ text: 'a' })} RETURNING ${tx`text`}`;
      expect(one).toEqual({ text: 'a' });
      await tx.savepoint('named', (nested) => [
        nested`INSERT INTO note VALUES ('b')`,
        nested`INSERT INTO note VALUES ('c')`,
      ]);
      const gone = tx.savepoint(async (nested) => {
        await nested`INSERT INTO note VALUES ('gone')`;
        throw FAILURE;
      });
      await expect(gone).rejects.toBe(FAILURE);
      expect((await tx.unsafe('SELECT text FROM note').values()).flat()).toEqual(['a', 'b', 'c']);
    }, {});
    expect(await notes()).toEqual(['a', 'b', 'c']);
  });

  it('rejects with the error of its function, also one of another socket', async () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const run = adapter.transaction(async (tx) => {
      await tx`INSERT INTO note VALUES ('gone')`;
      await tx.savepoint(async () => {
        throw refused;
      });
    }, {});
    await expect(run).rejects.toBe(refused);
    expect(await notes()).toEqual([]);
    await expectUsable();
  });

  it('sends the statement of a file, and rejects where the file is missing', async () => {
    const read = adapter.transaction((tx) => tx.file(STATEMENT).then(() => {}), {});
    await expect(read).resolves.toBeUndefined();
    expect(await notes()).toEqual(['of a file']);
    const missing = adapter.transaction((tx) => tx.file(`${STATEMENT}.missing`).then(() => {}), {});
    await expect(missing).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('sends what its function has begun to send and does not wait for', async () => {
    await adapter.transaction(async (tx) => {
      tx`INSERT INTO note VALUES ('not waited for')`.execute();
      void Promise.all([tx`INSERT INTO note VALUES ('waited for by somebody else')`]);
    }, {});
    expect(await notes()).toEqual(['not waited for', 'waited for by somebody else']);
  });

  it('keeps the order of statements and savepoints that are sent together', async () => {
    await adapter.transaction(async (tx) => {
      await Promise.all([
        tx`INSERT INTO note VALUES ('before')`.execute(),
        tx
          .savepoint(async (nested) => {
            await nested`INSERT INTO note VALUES ('gone')`;
            throw FAILURE;
          })
          .catch(() => {}),
      ]);
    }, {});
    expect(await notes()).toEqual(['before']);
  });

  it('refuses a statement that was made in it and is waited for after its end', async () => {
    const made: PromiseLike<unknown>[] = [];
    await adapter.transaction(async (tx) => {
      made.push(tx`INSERT INTO note VALUES ('made')`, tx.file(STATEMENT));
    }, {});
    for (const statement of made) await expect(Promise.resolve(statement)).rejects.toThrow('has ended');
    expect(await notes()).toEqual([]);
  });

  it('refuses a statement that comes after its end', async () => {
    let kept: Transaction | undefined;
    await adapter.transaction(async (tx) => {
      kept = tx;
    }, {});
    expect(() => kept?.unsafe('SELECT 1')).toThrow('has ended');
  });
});
