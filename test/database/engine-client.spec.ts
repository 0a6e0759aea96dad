import { randomUUID } from 'node:crypto';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { EngineClient } from '../../src/database/clients/engine-client.js';
import type { EngineTransaction } from '../../src/database/clients/engine-transaction.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { WAITING_LIMITS } from '../../src/database/engine-database-options.js';
import { InboxEventStore } from '../../src/inbox/inbox-event.store.js';
import { inboxRows } from '../support/inbox-rows.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let engine: EngineDatabase;
let client: EngineClient;

beforeAll(async () => {
  database = await createTestDatabase();
  engine = database.engine();
  client = engine.openClient();
  await client.$executeRawUnsafe('CREATE TABLE note (text text, number bigserial)');
});
afterAll(() => database.drop());

const write = (tx: EngineTransaction, text: string) =>
  tx.$executeRawUnsafe('INSERT INTO note VALUES ($1)', text);

/** Statements that the client's only connection has prepared. */
async function prepared(): Promise<string[]> {
  const rows = await client.$queryRawUnsafe<{ statement: string }[]>(
    'SELECT statement FROM pg_prepared_statements',
  );
  return rows.map((row) => row.statement);
}

async function notes(): Promise<string[]> {
  // In the order in which they were written. The order of the table is another one where space is used again.
  const rows = await client.$queryRawUnsafe<{ text: string }[]>(
    'WITH gone AS (DELETE FROM note RETURNING text, number) SELECT text FROM gone ORDER BY number',
  );
  return rows.map((row) => row.text);
}

/** By which session a client's only connection is served. */
async function sessionOf(own: EngineClient): Promise<number | undefined> {
  const [session] = await own.$queryRawUnsafe<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
  return session?.pid;
}

/** A client whose only connection may fall silent. */
async function openSilenceable() {
  const proxy = await startTcpProxy(database.url);
  const limits = { answerMs: 2_000 };
  const cut = new EngineDatabase({ connectionString: proxy.url, schema: 'integration', max: 1, limits });
  const losses: string[] = [];
  cut.losses$.subscribe((what) => losses.push(what));
  const close = async () => {
    await cut.close();
    await proxy.close();
  };
  return { own: cut.openClient(), losses, proxy, close };
}

/** The transaction whose message with this text nobody answers fails, and the next one has another connection. */
async function expectGivenUp(
  { own, losses, proxy, close }: Awaited<ReturnType<typeof openSilenceable>>,
  text: string,
): Promise<void> {
  const silent = proxy.silenceAt(text);
  const transaction = own.$transaction((tx) => write(tx, 'unanswered'));
  const end = expect(transaction).rejects.toThrow('no answer for 2000 ms');
  await silent;
  await end;
  await own.$transaction((tx) => write(tx, 'after'));
  // The handler's session, not one of the engine's.
  expect(losses).toEqual([]);
  await close();
}

const never = () => new Promise<never>(() => {});

describe('the engine’s own client', () => {
  it('commits what a transaction wrote, and rolls back what one wrote that failed', async () => {
    await client.$transaction((tx) => write(tx, 'kept'));
    const failing = client.$transaction(async (tx) => {
      await write(tx, 'lost');
      throw new Error('not this time');
    });
    await expect(failing).rejects.toThrow('not this time');
    expect(await notes()).toEqual(['kept']);
  });

  it('says so where an error was swallowed and Postgres rolled back instead of committing', async () => {
    const swallowing = client.$transaction(async (tx) => {
      await write(tx, 'lost');
      await tx.$queryRawUnsafe('SELECT 1 / 0').catch(() => {});
    });
    await expect(swallowing).rejects.toMatchObject({ code: 'INTEGRATION_TRANSACTION_ABORTED' });
    // Its only connection is free again.
    await client.$transaction((tx) => write(tx, 'next'));
    expect(await notes()).toEqual(['next']);
  });

  it('runs statements that are sent together one after another, and none after one that failed', async () => {
    const failing = client.$transaction(async (tx) => {
      const sent = [write(tx, 'one'), tx.$queryRawUnsafe('SELECT 1 / 0'), write(tx, 'two')];
      const outcomes = await Promise.allSettled(sent);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
      throw new Error('given up');
    });
    await expect(failing).rejects.toThrow('given up');
    await client.$transaction(async (tx) => {
      await Promise.all(['one', 'two', 'three'].map((text) => write(tx, text)));
    });
    expect(await notes()).toEqual(['one', 'two', 'three']);
  });

  it('prepares a statement of the host that comes again and again, and no other', async () => {
    const again = `INSERT INTO note VALUES ($1 || ' again')`;
    const returning = 'INSERT INTO note VALUES ($1) RETURNING text';
    const converted = 'INSERT INTO note VALUES ($1::jsonb::text)';
    const several = 'INSERT INTO note VALUES (1); INSERT INTO note VALUES (2)';
    const commented = '/* which page */ SELECT * FROM note WHERE text = $1';
    const bracketed = '(SELECT * FROM note WHERE text = $1)';
    for (let time = 0; time < 8; time++) {
      await client.$transaction(async (tx) => {
        await Promise.all([tx.$executeRawUnsafe(again, 'one'), tx.$executeRawUnsafe(again, 'two')]);
        await tx.$executeRawUnsafe(returning, 'row');
        await tx.$executeRawUnsafe(converted, { time });
        await tx.$executeRawUnsafe(several);
        await tx.$executeRawUnsafe(commented, 'row');
        await tx.$executeRawUnsafe(bracketed, 'row');
        await tx.$executeRawUnsafe(`INSERT INTO note VALUES ($1 || '${time}')`, 'of its kind');
      });
    }
    expect(await prepared()).toContain(again);
    for (const other of [returning, converted, several, commented, bracketed])
      expect(await prepared()).not.toContain(other);
    expect((await prepared()).filter((sql) => sql.includes('of its kind'))).toEqual([]);
    expect(await notes()).toHaveLength(8 * 7);
  });

  it('leaves to the server how the host’s tables are read', async () => {
    const settings = 'SELECT name, setting, reset_val AS default FROM pg_settings WHERE name LIKE $1';
    const rows = await client.$transaction((tx) =>
      tx.$queryRawUnsafe<{ setting: string; default: string }[]>(settings, 'enable_%'),
    );
    expect(rows.length).toBeGreaterThan(10);
    expect(rows.filter((row) => row.setting !== row.default)).toEqual([]);
  });

  it('goes on with a prepared statement after it has failed, and after a migration', async () => {
    const insert = 'INSERT INTO counted (number) VALUES ($1)';
    const count = (number: unknown) => client.$transaction((tx) => tx.$executeRawUnsafe(insert, number));
    await client.$executeRawUnsafe('CREATE TABLE counted (number int)');
    for (let number = 0; number < 8; number++) await count(number);
    expect(await prepared()).toContain(insert);
    await expect(count('no number')).rejects.toThrow('invalid input syntax');
    const unconvertible = {
      toPostgres: () => {
        throw new Error('cannot be converted');
      },
    };
    await expect(count(unconvertible)).rejects.toThrow('cannot be converted');
    await client.$executeRawUnsafe(
      'ALTER TABLE counted ADD COLUMN more text, ALTER COLUMN number TYPE bigint',
    );
    await count(8);
    const [row] = await client.$queryRawUnsafe<{ sum: string }[]>('SELECT sum(number) FROM counted');
    expect(Number(row?.sum)).toBe(36);
  });

  it('gives a connection that waits for its COMMIT to the next transaction, and tells each what became of it', async () => {
    await client.$executeRawUnsafe('CREATE TABLE once (text text UNIQUE DEFERRABLE INITIALLY DEFERRED)');
    const insert = 'INSERT INTO once VALUES ($1)';
    const order: string[] = [];
    const next: Promise<unknown>[] = [];
    const run = (texts: readonly string[]) =>
      client.$transaction(async (tx) => {
        for (const text of texts) await tx.$executeRawUnsafe(insert, text);
        tx.giveWayToNext(() => {
          order.push(`${texts} gives way`);
          const following = FOLLOWING.shift();
          if (following !== undefined)
            next.push(run(following).finally(() => order.push(`${following} done`)));
        });
      });
    // The second fails when it commits, with the third behind it on the same connection: there is only one.
    const FOLLOWING = [['b', 'b'], ['c']];
    await run(['a']).finally(() => order.push('a done'));
    await expect(next[0]).rejects.toMatchObject({ code: '23505' });
    await next[1];
    expect(order.indexOf('a gives way')).toBeLessThan(order.indexOf('a done'));
    expect(order.indexOf('b,b gives way')).toBeLessThan(order.indexOf('b,b done'));
    const kept = await client.$queryRawUnsafe<{ text: string }[]>('SELECT text FROM once ORDER BY text');
    expect(kept.map(({ text }) => text)).toEqual(['a', 'c']);
  });

  it('runs what follows a COMMIT after it, in a transaction of its own', async () => {
    const ends: boolean[] = [];
    await client.$transaction(async (tx) => {
      await write(tx, 'committed');
      tx.followCommitWith(`INSERT INTO note SELECT 'saw ' || text FROM note`, (wasRun) => ends.push(wasRun));
    });
    expect(await notes()).toEqual(['committed', 'saw committed']);
    expect(ends).toEqual([true]);
  });

  it.each([
    ['fails', 'SELECT 1 / 0'],
    ['ends the session', 'SELECT pg_terminate_backend(pg_backend_pid())'],
  ])('commits although what follows the COMMIT %s', async (_, sql) => {
    const ends: boolean[] = [];
    await client.$transaction(async (tx) => {
      await write(tx, 'committed');
      tx.followCommitWith(sql, (wasRun) => ends.push(wasRun));
    });
    expect(ends).toEqual([false]);
    await client.$transaction((tx) => write(tx, 'next'));
    expect(await notes()).toEqual(['committed', 'next']);
  });

  it('does not run it where the COMMIT fails, and says that the transaction did', async () => {
    await client.$executeRawUnsafe(
      'CREATE TABLE IF NOT EXISTS single (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)',
    );
    const ends: boolean[] = [];
    const failing = client.$transaction(async (tx) => {
      // Answered while the COMMIT is on its way: not to be taken for its answer.
      tx.$executeRawUnsafe('INSERT INTO single VALUES (1), (1)').catch(() => {});
      tx.followCommitWith(`INSERT INTO note VALUES ('followed')`, (wasRun) => ends.push(wasRun));
    });
    await expect(failing).rejects.toThrow('single_id_key');
    expect(ends).toEqual([false]);
    expect(await notes()).toEqual([]);
  });

  it('says so where a COMMIT rolled back, whatever follows it', async () => {
    const swallowing = client.$transaction(async (tx) => {
      await tx.$queryRawUnsafe('SELECT 1 / 0').catch(() => {});
      tx.followCommitWith('SELECT 1', () => {});
    });
    await expect(swallowing).rejects.toMatchObject({ code: 'INTEGRATION_TRANSACTION_ABORTED' });
  });

  it('refuses a statement that comes after the transaction’s end', async () => {
    let late: EngineTransaction | undefined;
    await client.$transaction(async (tx) => {
      late = tx;
      await write(tx, 'in time');
    });
    await expect(write(late as EngineTransaction, 'late')).rejects.toMatchObject({
      code: 'INTEGRATION_CLIENT_INVALID',
    });
    expect(await notes()).toEqual(['in time']);
  });

  it.each([
    ['resolved', async () => {}],
    ['rejected', () => Promise.reject(new Error('not this time'))],
  ])('refuses a first statement that comes after the function has %s, and begins nothing', async (_, end) => {
    const single = engine.openClient();
    let late: EngineTransaction | undefined;
    const ending = single.$transaction((tx) => {
      late = tx;
      return end();
    });
    await ending.catch(() => {});
    await expect(write(late as EngineTransaction, 'late')).rejects.toMatchObject({
      code: 'INTEGRATION_CLIENT_INVALID',
    });
    await single.$executeRawUnsafe('INSERT INTO note VALUES ($1)', 'next');
    // By another session, which sees what is committed.
    expect(await notes()).toEqual(['next']);
  });

  it('rolls back a transaction that does not end within its timeout, and its connection serves the next one', async () => {
    const before = await sessionOf(client);
    const endless = client.$transaction(
      async (tx) => {
        await write(tx, 'lost');
        await never();
      },
      { timeout: 1_000 },
    );
    await expect(endless).rejects.toMatchObject({
      code: 'INTEGRATION_TRANSACTION_ABORTED',
      details: { timeoutMs: 1_000 },
    });
    await client.$transaction((tx) => write(tx, 'next'), { timeout: 10_000 });
    expect(await notes()).toEqual(['next']);
    expect(await sessionOf(client)).toBe(before);
  });

  it('may take as long as was asked for, where that is longer than a session’s own limits', async () => {
    const own = engine.openClient();
    const limits = (timeout: number, ...values: unknown[]) =>
      own.$transaction(
        async (tx) => {
          const shown = `SELECT current_setting('statement_timeout') AS statement, current_setting('idle_in_transaction_session_timeout') AS pause`;
          const [row] = await tx.$queryRawUnsafe<Record<string, string>[]>(
            values.length > 0 ? `${shown} WHERE $1` : shown,
            ...values,
          );
          return row;
        },
        { timeout },
      );
    const longest = { statement: '2147483647ms', pause: '2147483647ms' };
    // The first of a connection sends them piece by piece, the others in one message with their first statement, if it has values.
    for (const values of [[true], [true], []]) {
      expect(await limits(40_000, ...values)).toEqual({ statement: '40s', pause: '40s' });
      expect(await limits(10_000, ...values)).toEqual({ statement: '15s', pause: '15s' });
      expect(await limits(Number.POSITIVE_INFINITY, ...values)).toEqual(longest);
    }
  });

  it.each<[string, () => Promise<unknown>, string]>([
    ['a read fails', () => client.$queryRawUnsafe('SELECT 1 / 0'), 'division by zero'],
    ['a write fails', () => client.$executeRawUnsafe('INSERT INTO nowhere VALUES (1)'), 'does not exist'],
    [
      'a service that the application calls in a transaction refuses its connection',
      () =>
        client.$transaction(async (tx) => {
          await write(tx, 'lost');
          throw Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:443'), { code: 'ECONNREFUSED' });
        }),
      'ECONNREFUSED',
    ],
  ])('keeps its connection and announces no loss where %s', async (_, failing, message) => {
    const before = await sessionOf(client);
    const losses: string[] = [];
    const subscription = engine.losses$.subscribe((what) => losses.push(what));
    await expect(failing()).rejects.toThrow(message);
    expect(await sessionOf(client)).toBe(before);
    subscription.unsubscribe();
    expect(losses).toEqual([]);
    expect(await notes()).toEqual([]);
  });

  it.each<[string, (tx: EngineTransaction) => Promise<unknown>]>([
    ['the host’s', (tx) => tx.$executeRawUnsafe(`INSERT INTO again VALUES ($1)`, 'again')],
    ['the engine’s', (tx) => tx.beginWith(5_000, [enterInbox('deallocated')])],
  ])('fails once, and has another session then, where %s prepared statements are gone', async (_, run) => {
    await database.pool.query('CREATE TABLE IF NOT EXISTS again (text text)');
    const deallocated = engine.openClient();
    for (let time = 0; time < 8; time++) await deallocated.$transaction(run);
    const before = await sessionOf(deallocated);
    await deallocated.$executeRawUnsafe('DEALLOCATE ALL');
    await expect(deallocated.$transaction(run)).rejects.toMatchObject({ code: '26000' });
    await deallocated.$transaction(run);
    expect(await sessionOf(deallocated)).not.toBe(before);
  });

  it('gives up a COMMIT that a silent server does not answer, and its connection', async () => {
    const silenceable = await openSilenceable();
    // Prepares BEGIN, whose text, too, has COMMIT in it.
    await silenceable.own.$transaction((tx) => write(tx, 'before'));
    await expectGivenUp(silenceable, 'COMMIT');
    expect(await notes()).toEqual(expect.arrayContaining(['before', 'after']));
  });

  it('gives up a statement that a silent server does not answer, of a transaction that has no time limit', async () => {
    await expectGivenUp(await openSilenceable(), 'INSERT');
    expect(await notes()).toEqual(['after']);
  });

  it('waits longer for an answer by default than a session of ours lets a statement run', () => {
    expect(WAITING_LIMITS).toEqual({ answerMs: 20_000, silentMs: 3_000, closeMs: 10_000 });
  });

  it('closes though a transaction never ends, which is rolled back', async () => {
    const closing = database.engine({ closeMs: 500 });
    const endless = closing.openClient();
    const pid = await sessionOf(endless);
    await new Promise<void>((resolve, reject) => {
      const transaction = endless.$transaction(async (tx) => {
        await write(tx, 'lost');
        resolve();
        await never();
      });
      transaction.catch(reject);
    });
    await closing.close();
    await until('its session has ended', async () => {
      const { rowCount } = await database.pool.query('SELECT FROM pg_stat_activity WHERE pid = $1', [pid]);
      return rowCount === 0;
    });
    expect(await notes()).toEqual([]);
  });

  describe('a transaction’s first statement', () => {
    it('travels with BEGIN, once that is prepared on the connection', async () => {
      let messages = 0;
      const watched = new EngineClient(() => openPool(() => messages++));
      await watched.$transaction((tx) => write(tx, 'prepares'));
      await watched.$transaction(async (tx) => {
        messages = 0;
        expect(await write(tx, 'together')).toBe(1);
        expect(messages).toBe(1);
        expect(await tx.$queryRawUnsafe('SELECT text FROM note WHERE text = $1', 'together')).toHaveLength(1);
      });
      expect(await notes()).toEqual(['prepares', 'together']);
      await watched.close();
    });

    it('does not run where BEGIN fails, nor does what is sent behind it', async () => {
      const broken = engine.openClient();
      await broken.$transaction((tx) => write(tx, 'prepares'));
      expect(await notes()).toEqual(['prepares']);
      await broken.$executeRawUnsafe('DEALLOCATE integration_begin');
      const transaction = broken.$transaction(async (tx) => {
        const outcomes = await Promise.allSettled([write(tx, 'first'), write(tx, 'second')]);
        expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      });
      await expect(transaction).rejects.toThrow('"integration_begin" does not exist');
      expect(await notes()).toEqual([]);
      await broken.$transaction((tx) => write(tx, 'next'));
      expect(await notes()).toEqual(['next']);
    });

    it('is rolled back with the others that were sent at once', async () => {
      await client.$transaction((tx) => write(tx, 'prepares'));
      const failing = client.$transaction(async (tx) => {
        await Promise.all([write(tx, 'first'), write(tx, 'second'), tx.$executeRawUnsafe('SELECT 1')]);
        throw new Error('given up');
      });
      await expect(failing).rejects.toThrow('given up');
      expect(await notes()).toEqual(['prepares']);
    });

    it('aborts the transaction where it fails', async () => {
      await client.$transaction((tx) => write(tx, 'prepares'));
      const failing = client.$transaction(async (tx) => {
        await expect(tx.$executeRawUnsafe('SELECT 1 / ($1::int - 1)', '1')).rejects.toThrow(
          'division by zero',
        );
        await write(tx, 'lost');
      });
      await expect(failing).rejects.toMatchObject({ code: '25P02' });
      expect(await notes()).toEqual(['prepares']);
    });
  });

  describe('a transaction that others wait for', () => {
    it('sends its COMMIT in one message with the beginning of the next', async () => {
      let messages = 0;
      const count = () => messages++;
      const watched = new EngineClient(() => openPool(count, count));
      await watched.$transaction((tx) => write(tx, 'prepares'));
      await notes();
      messages = 0;
      const texts = ['a', 'b', 'c', 'd'];
      await Promise.all(texts.map((text) => watched.$transaction((tx) => write(tx, text))));
      // BEGIN and the first statement; then each COMMIT with the next two of these; the last one by itself.
      expect(messages).toBe(texts.length + 1);
      expect(await notes()).toEqual(texts);
      await watched.close();
    });

    it('is told what became of it, and none of the others is', async () => {
      await client.$executeRawUnsafe('CREATE TABLE sole (text text UNIQUE DEFERRABLE INITIALLY DEFERRED)');
      const insert = (tx: EngineTransaction, text: string) =>
        tx.$executeRawUnsafe('INSERT INTO sole VALUES ($1)', text);
      const outcomes = await Promise.allSettled([
        client.$transaction((tx) => insert(tx, 'a')),
        client.$transaction(async (tx) => {
          await insert(tx, 'b');
          await insert(tx, 'b');
        }),
        client.$transaction(async () => 'nothing to do'),
        client.$transaction(async (tx) => {
          await insert(tx, 'c');
          await tx.$executeRawUnsafe('SELECT 1 / ($1::int - 1)', '1').catch(() => {});
        }),
        client.$transaction((tx) => insert(tx, 'd')),
      ]);
      expect(outcomes).toMatchObject([
        { status: 'fulfilled', value: 1 },
        { status: 'rejected', reason: { code: '23505' } },
        { status: 'fulfilled', value: 'nothing to do' },
        { status: 'rejected', reason: { code: 'INTEGRATION_TRANSACTION_ABORTED' } },
        { status: 'fulfilled', value: 1 },
      ]);
      const kept = await client.$queryRawUnsafe<{ text: string }[]>('SELECT text FROM sole ORDER BY text');
      expect(kept.map(({ text }) => text)).toEqual(['a', 'd']);
    });
  });

  describe('a transaction that begins with statements of the engine', () => {
    it('sends them, its BEGIN and its own first statement in one message, once they are prepared', async () => {
      let messages = 0;
      const watched = new EngineClient(() => openPool(() => messages++));
      for (const consumerName of ['first', 'it’s the \\ second']) {
        await watched.$transaction(async (tx) => {
          const entered = tx.beginWith(5_000, [enterInbox(consumerName)]);
          messages = 0;
          expect(await write(tx, consumerName)).toBe(1);
          expect(await entered).toEqual([1]);
          if (consumerName !== 'first') expect(messages).toBe(1);
        });
        expect(await inboxRows(database, consumerName)).toMatchObject([{ status: 'processed' }]);
      }
      expect(await notes()).toEqual(['first', 'it’s the \\ second']);
      await watched.close();
    });

    it('sends them by themselves where nothing else comes, or something without values', async () => {
      await client.$transaction((tx) => tx.beginWith(5_000, [enterInbox('alone')]));
      for (const consumerName of ['alone', 'with two'])
        await client.$transaction(async (tx) => {
          const entered = tx.beginWith(5_000, [enterInbox(consumerName)]);
          if (consumerName === 'with two')
            await tx.$executeRawUnsafe(`INSERT INTO note VALUES ('one'); INSERT INTO note VALUES ('two')`);
          expect(await entered).toEqual([1]);
        });
      expect(await inboxRows(database, 'alone')).toHaveLength(2);
      expect(await inboxRows(database, 'with two')).toHaveLength(1);
      expect(await notes()).toEqual(['one', 'two']);
    });

    it('runs nothing where BEGIN fails, nor where one of them does', async () => {
      for (const failing of ['integration_begin', 'integration_processed_row']) {
        const broken = engine.openClient();
        await broken.$transaction((tx) => tx.beginWith(5_000, [enterInbox('prepared')]));
        await broken.$executeRawUnsafe(`DEALLOCATE ${failing}`);
        const transaction = broken.$transaction(async (tx) => {
          const entered = tx.beginWith(5_000, [enterInbox('unbegun')]);
          await expect(write(tx, 'unbegun')).rejects.toThrow(`"${failing}" does not exist`);
          await entered;
        });
        await expect(transaction).rejects.toThrow(`"${failing}" does not exist`);
      }
      expect(await inboxRows(database, 'unbegun')).toEqual([]);
      expect(await notes()).toEqual([]);
    });

    it('is begun where its own first statement fails, at the server or before it is sent', async () => {
      const unconvertible = {
        toPostgres: () => {
          throw new Error('cannot be converted');
        },
      };
      await client.$transaction((tx) => tx.beginWith(5_000, [enterInbox('prepared')]));
      for (const [value, message] of [
        ['1', 'division by zero'],
        [unconvertible, 'cannot be converted'],
      ] as const) {
        const failing = client.$transaction(async (tx) => {
          const entered = tx.beginWith(5_000, [enterInbox('rolled back')]);
          const failure = tx.$executeRawUnsafe('SELECT 1 / ($1::int - 1)', value);
          await expect(failure).rejects.toThrow(message);
          expect(await entered).toEqual([1]);
          await failure;
        });
        await expect(failing).rejects.toThrow(message);
      }
      expect(await inboxRows(database, 'rolled back')).toEqual([]);
      await client.$transaction((tx) => write(tx, 'next'));
      expect(await notes()).toEqual(['next']);
    });

    it('fails where its connection is lost before they are sent', async () => {
      const lost = engine.openClient();
      await lost.$transaction((tx) => tx.beginWith(5_000, [enterInbox('prepared')]));
      const [session] = await lost.$queryRawUnsafe<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
      const failing = lost.$transaction(async (tx) => {
        await database.pool.query('SELECT pg_terminate_backend($1)', [session?.pid]);
        await until('its session has ended', async () => {
          const sessions = await database.pool.query('SELECT FROM pg_stat_activity WHERE pid = $1', [
            session?.pid,
          ]);
          return sessions.rowCount === 0;
        });
        // While these are answered, this process reads of that end as well.
        for (let answered = 0; answered < 4; answered++) await database.pool.query('SELECT 1');
        const entered = tx.beginWith(5_000, [enterInbox('lost')]);
        const outcomes = await Promise.allSettled([write(tx, 'lost'), entered]);
        expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
        await entered;
      });
      await expect(failing).rejects.toThrow(/not queryable|terminat/);
      // Its only connection has been replaced.
      await lost.$transaction((tx) => write(tx, 'next'));
      expect(await notes()).toEqual(['next']);
    });

    it('has written nothing where it is given up before they are sent, or while they are prepared', async () => {
      const fresh = engine.openClient();
      for (const consumerName of ['prepares', 'is prepared']) {
        const failing = fresh.$transaction(async (tx) => {
          tx.beginWith(5_000, [enterInbox(consumerName)]).catch(() => {});
          throw new Error('given up');
        });
        await expect(failing).rejects.toThrow('given up');
        // Whatever its only connection had still to send has been sent then.
        for (let answered = 0; answered < 4; answered++) await fresh.$executeRawUnsafe('SELECT 1');
        expect(await inboxRows(database, consumerName)).toEqual([]);
      }
      await fresh.$transaction((tx) => write(tx, 'next'));
      expect(await notes()).toEqual(['next']);
    });
  });
});

function enterInbox(consumerName: string) {
  const event = { outboxEventId: randomUUID(), position: 1, aggregateType: 'thing', aggregateId: 'a' };
  return new InboxEventStore(engine).processedRow({ consumerName, partition: 0 }, event);
}

/** Tells of every message that is more than one statement's, and of every other one. */
class WatchedSocket extends Socket {
  constructor(
    private readonly onMessage: () => unknown,
    private readonly onSimple: () => unknown,
  ) {
    super();
  }

  override _writev(...args: Parameters<NonNullable<Writable['_writev']>>): void {
    this.onMessage();
    super._writev?.(...args);
  }

  override _write(...args: Parameters<Writable['_write']>): void {
    this.onSimple();
    super._write(...args);
  }
}

/** One connection; `onMessage` is told of every message that is more than one statement's, `onSimple` of a text without values. */
function openPool(onMessage: () => void, onSimple = () => {}): pg.Pool {
  let isConnected = false;
  const stream = () =>
    new WatchedSocket(
      () => isConnected && onMessage(),
      () => isConnected && onSimple(),
    );
  const pool = new pg.Pool({
    connectionString: database.url,
    max: 1,
    pipeline: true,
    stream,
  } as pg.PoolConfig);
  pool.on('connect', () => {
    isConnected = true;
  });
  return pool;
}
