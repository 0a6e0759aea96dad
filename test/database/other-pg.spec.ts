import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { EngineTransaction } from '../../src/database/clients/engine-transaction.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import type { WireRow } from '../../src/database/wire/wire-row.js';
import { emptyTables } from '../support/empty-tables.js';
import { hearLog, type LogLines } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/*
 * A version of `pg` whose insides are others than those that the engine knows: methods have other names, or
 * events have. What is documented works as ever.
 */

type Member = (...args: never[]) => unknown;
const wire = (pg as unknown as { Connection: { prototype: Record<string, Member | undefined> } }).Connection
  .prototype;

/** The driver's own listeners, which are bound methods of its client, hear the event by another name. */
function renameEvent(name: string): () => void {
  const { on, emit } = wire as { on: Member; emit: Member };
  wire.on = function (this: object, ...args: never[]) {
    const [event, listener] = args as unknown as [string, { name: string }];
    const isOwn = event === name && listener.name.startsWith('bound _handle');
    return on.apply(this, [isOwn ? `${name} (other)` : event, listener] as never[]);
  };
  wire.emit = function (this: object, ...[event, ...rest]: never[]) {
    return emit.apply(this, [event === name ? `${name} (other)` : event, ...rest] as never[]);
  };
  return () => {
    delete wire.on;
    delete wire.emit;
  };
}

function removeMethod(name: string): () => void {
  wire[name] = undefined;
  return () => {
    delete wire[name];
  };
}

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query('CREATE TABLE note (text text)');
});
afterAll(() => database.drop());

describe.each([
  [
    'has another name for the event `commandComplete`',
    () => renameEvent('commandComplete'),
    'commandComplete',
  ],
  ['has another name for the method `off` of a connection', () => removeMethod('off'), 'connection.off'],
])('a pg that %s', (_, change, named) => {
  let restore: () => void;
  let engine: EngineDatabase;
  let lines: LogLines;

  beforeEach(async () => {
    lines = hearLog();
    await emptyTables(database.pool, 'note');
    restore = change();
    engine = new EngineDatabase({ connectionString: database.url, schema: 'integration', max: 2 });
  });
  afterEach(async () => {
    await engine.close();
    restore();
  });

  const write = (tx: EngineTransaction, text: string) =>
    tx.$executeRawUnsafe('INSERT INTO note VALUES ($1)', text);
  const notes = async () =>
    (await database.pool.query('SELECT text FROM note ORDER BY 1')).rows.map((row) => row.text);

  it('is noticed by the first connection, and said once', async () => {
    await Promise.all([engine.query('SELECT 1'), engine.query('SELECT 2')]);
    await (await engine.openDedicated('another', false)).close();
    expect(lines.texts('warn')).toEqual([expect.stringContaining(named)]);
  });

  it('reads rows as they are: null, empty, large and not ASCII, numbers and times', async () => {
    const rows: unknown[] = [];
    const large = 'Größe '.repeat(100_000);
    const sql = `SELECT t, n, at FROM (VALUES ($1::text, -9007199254740991, '1969-12-31 23:59:59.999+00'::timestamptz), (NULL, 7, '2026-11-21 10:11:12Z'), ('', 0, '2000-01-01Z')) AS v (t, n, at)`;
    const take = (row: WireRow) =>
      rows.push([
        row.isNull(0) ? null : row.text(0),
        row.int8(1),
        new Date(row.milliseconds(2)).toISOString(),
      ]);
    const awake = await engine.openDedicated('awake', false);
    for (const read of [0, 1]) {
      if (read === 1) engine.heardFrom(awake);
      await engine.forEachRow({ name: 'texts', sql, values: [large] }, take);
    }
    await awake.close();
    const expected = [
      [large, Number.MIN_SAFE_INTEGER, '1969-12-31T23:59:59.999Z'],
      [null, 7, '2026-11-21T10:11:12.000Z'],
      ['', 0, '2000-01-01T00:00:00.000Z'],
    ];
    expect(rows).toEqual([...expected, ...expected]);
  });

  it('reads the same as from the wire, of every kind of column that is read like this', async () => {
    const sql = `SELECT true, 7::int2, -8::int4, 9::int8, 'größe'::text, 'a'::varchar, '[1, "日本"]'::jsonb,
      ARRAY[1, NULL, -9007199254740991]::bigint[], '{}'::bigint[], '2026-11-21 10:11:12.345678+05:30'::timestamptz, NULL::int8`;
    const bytesBy = async (source: EngineDatabase) => {
      const bytes: (string | null)[] = [];
      await source.forEachRow({ name: 'kinds', sql, values: [] }, (row) => {
        for (let i = 0; i < row.columns; i++)
          bytes.push(row.isNull(i) ? null : row.bytesOf(i).toString('hex'));
      });
      return bytes;
    };
    const plain = await bytesBy(engine);
    restore();
    expect(plain).toEqual(await bytesBy(database.engine()));
    expect(plain).toHaveLength(11);
  });

  it('commits and rolls back, also where transactions wait for the connection', async () => {
    const client = engine.openClient();
    const running = Array.from({ length: 12 }, (_unused, i) =>
      client.$transaction(async (tx) => {
        await write(tx, `note ${i % 10}`);
        if (i >= 10) throw new Error('given up');
      }),
    );
    const outcomes = await Promise.allSettled(running);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(2);
    expect(await notes()).toEqual(Array.from({ length: 10 }, (_unused, i) => `note ${i}`));
  });

  it('tells how many rows a transaction began with, each time', async () => {
    const client = engine.openClient();
    const statement = { name: 'first_notes', sql: 'SELECT FROM generate_series(1, $1)', values: [3] };
    for (let time = 0; time < 3; time++) {
      expect(await client.$transaction((tx) => tx.beginWith(5_000, [statement]))).toEqual([3]);
    }
  });

  it('notices a transaction that has ended itself', async () => {
    const client = engine.openClient();
    for (const end of ['COMMIT', 'ROLLBACK', 'COMMIT; BEGIN']) {
      const ended = client.$transaction(async (tx) => {
        await tx.$executeRawUnsafe(end);
        await write(tx, 'afterwards');
      });
      await expect(ended).rejects.toMatchObject({ code: 'INTEGRATION_TRANSACTION_ENDED' });
    }
    await client.$transaction((tx) => tx.$executeRawUnsafe('SAVEPOINT a; ROLLBACK TO SAVEPOINT a'));
  });

  it('sends nothing behind a COMMIT, whose own answer it would not see', async () => {
    const client = engine.openClient();
    await client.$transaction(async (tx) => {
      await write(tx, 'kept');
      expect(tx.followCommitWith('SELECT 1 / 0', () => {})).toBe(false);
    });
    expect(await notes()).toEqual(['kept']);
  });

  it('gives signs of life and hears notifications, and ends what is silent', async () => {
    const connection = await engine.openDedicated('listening', false);
    const heard = new Promise((resolve) => connection.onNotification(resolve));
    await connection.query('LISTEN other_pg');
    await connection.ping();
    await engine.query(`SELECT pg_notify('other_pg', 'hello')`);
    expect(await heard).toBe('hello');
    connection.destroy();
    await connection.ended;
  });
});

describe('the pg that is installed', () => {
  it('is what the engine takes it for', async () => {
    const lines = hearLog();
    await database.engine().query('SELECT 1');
    expect(lines.texts('warn')).toEqual([]);
  });
});
