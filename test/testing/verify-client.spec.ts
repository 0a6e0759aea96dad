import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { EngineDatabase } from '../../src/database/engine-database.js';
import {
  IntegrationError,
  PgSqlClient,
  type SqlClient,
  type TransactionalSqlClient,
} from '../../src/index.js';
import { type ClientReport, type ClientRuleName, verifyClient } from '../../src/testing/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

function brokenBy({ rules }: ClientReport): ClientRuleName[] {
  return rules.filter(({ kept }) => !kept).map(({ name }) => name);
}

type Options = Parameters<TransactionalSqlClient['$transaction']>[1];

/** How a client on a pool of node-postgres may be written, with its steps to be broken one by one. */
interface Steps {
  begin: string;
  commit: (connection: pg.PoolClient) => Promise<void>;
  rollback: (connection: pg.PoolClient) => Promise<void>;
  wrap: (connection: pg.PoolClient, root: SqlClient) => SqlClient;
  limit: <R>(work: Promise<R>, options: Options) => Promise<R>;
  fail: <R>(error: unknown) => R;
}

const GOOD: Steps = {
  begin: 'BEGIN ISOLATION LEVEL READ COMMITTED',
  commit: async (connection) => {
    if ((await connection.query('COMMIT')).command !== 'COMMIT') throw new Error('it was rolled back');
  },
  rollback: async (connection) => void (await connection.query('ROLLBACK')),
  wrap: (connection) => new PgSqlClient(connection),
  limit: (work, options) => {
    if (options?.timeout === undefined) return work;
    return Promise.race([
      work,
      new Promise<never>((_resolve, reject) => {
        setTimeout(() => reject(new Error('too late')), options.timeout).unref();
      }),
    ]);
  },
  fail: (error) => {
    throw error;
  },
};

function clientOf(change: Partial<Steps> = {}): TransactionalSqlClient {
  const steps = { ...GOOD, ...change };
  const once = async <R>(ask: (client: PgSqlClient) => Promise<R>): Promise<R> => {
    const connection = await database.pool.connect();
    try {
      return await ask(new PgSqlClient(connection));
    } finally {
      connection.release();
    }
  };
  const root: TransactionalSqlClient = {
    $queryRawUnsafe: (sql, ...values) => once((client) => client.$queryRawUnsafe(sql, ...values)),
    $executeRawUnsafe: (sql, ...values) => once((client) => client.$executeRawUnsafe(sql, ...values)),
    $transaction: async (fn, options) => {
      const connection = await database.pool.connect();
      try {
        await connection.query(steps.begin);
        const work = fn(steps.wrap(connection, root));
        work.catch(() => {});
        const result = await steps.limit(work, options);
        await steps.commit(connection);
        return result;
      } catch (error) {
        await steps.rollback(connection);
        return steps.fail(error);
      } finally {
        connection.release();
      }
    },
  };
  return root;
}

/** A client whose answers to `$executeRawUnsafe` and `$queryRawUnsafe` are changed, in and outside of transactions. */
function answering(change: (inner: SqlClient) => SqlClient): TransactionalSqlClient {
  const client = clientOf({ wrap: (connection) => change(new PgSqlClient(connection)) });
  return Object.assign(change(client), { $transaction: client.$transaction });
}

describe('verifyClient', () => {
  it('finds every rule kept by a careful client', async () => {
    const report = await verifyClient(clientOf());
    expect([brokenBy(report), report.ok]).toEqual([[], true]);
    expect(String(report).split('\n')).toHaveLength(report.rules.length);
  });

  it('finds every rule kept by the engine’s own client', async () => {
    const engine = new EngineDatabase({ connectionString: database.url, schema: 'integration' });
    try {
      expect(brokenBy(await verifyClient(engine.openClient()))).toEqual([]);
    } finally {
      await engine.close();
    }
  });

  it('finds the required rules kept by Prisma, which takes a rolled back COMMIT for one', async () => {
    const report = await verifyClient(database.prisma());
    expect([brokenBy(report), report.ok]).toEqual([['rejects-a-commit-that-rolled-back'], true]);
  });

  it('leaves nothing behind', async () => {
    const before = await database.pool.query('SELECT count(*)::int AS tables FROM pg_class');
    await verifyClient(clientOf());
    const after = await database.pool.query('SELECT count(*)::int AS tables FROM pg_class');
    expect(after.rows).toEqual(before.rows);
  });

  const later = async (connection: pg.PoolClient) => {
    setTimeout(() => {}, 0);
    await connection.query('ROLLBACK');
  };

  it.each<[string, () => TransactionalSqlClient, ClientRuleName[]]>([
    [
      'swallows the errors of its statements',
      () =>
        answering((inner) => ({
          $queryRawUnsafe: async <T>(sql: string, ...values: unknown[]) =>
            Promise.resolve(inner.$queryRawUnsafe<T>(sql, ...values)).catch(() => [] as T),
          $executeRawUnsafe: async (sql, ...values) =>
            Promise.resolve(inner.$executeRawUnsafe(sql, ...values)).catch(() => 0),
        })),
      ['lets-errors-pass'],
    ],
    [
      'hides the server’s error behind one of its own',
      () =>
        answering((inner) => ({
          $queryRawUnsafe: async <T>(sql: string, ...values: unknown[]) =>
            Promise.resolve(inner.$queryRawUnsafe<T>(sql, ...values)).catch(() => {
              throw new Error('the query failed');
            }),
          $executeRawUnsafe: (sql, ...values) => inner.$executeRawUnsafe(sql, ...values),
        })),
      ['lets-errors-pass'],
    ],
    [
      'answers counts as text',
      () =>
        answering((inner) => ({
          $queryRawUnsafe: (sql, ...values) => inner.$queryRawUnsafe(sql, ...values),
          $executeRawUnsafe: async (sql, ...values) =>
            String(await inner.$executeRawUnsafe(sql, ...values)) as never,
        })),
      ['counts-in-numbers'],
    ],
    [
      'changes JSON',
      () =>
        answering((inner) => ({
          $queryRawUnsafe: (sql, ...values) =>
            inner.$queryRawUnsafe(
              sql,
              ...values.map((value) => (typeof value === 'string' ? value.replaceAll('\\', '') : value)),
            ),
          $executeRawUnsafe: (sql, ...values) => inner.$executeRawUnsafe(sql, ...values),
        })),
      ['carries-values'],
    ],
    [
      'runs at the isolation that it likes',
      () => clientOf({ begin: 'BEGIN ISOLATION LEVEL REPEATABLE READ' }),
      ['reads-committed'],
    ],
    ['ignores the timeout', () => clientOf({ limit: (work) => work }), ['heeds-timeout']],
    [
      'sends the statements of a transaction through other connections',
      () => clientOf({ wrap: (_connection, root) => ({ ...root }) }),
      [
        'counts-in-numbers',
        'runs-one-transaction',
        'rolls-back-and-rejects',
        'rejects-a-failed-commit',
        'rejects-a-commit-that-rolled-back',
        'heeds-timeout',
      ],
    ],
    [
      'gives fn the root',
      () => clientOf({ wrap: (connection) => Object.assign(new PgSqlClient(connection), { $connect() {} }) }),
      ['is-no-root-inside'],
    ],
    [
      'does not look at what COMMIT was answered',
      () => clientOf({ commit: async (connection) => void (await connection.query('COMMIT')) }),
      ['rejects-a-commit-that-rolled-back'],
    ],
    [
      'swallows the error of COMMIT',
      () =>
        clientOf({ commit: async (connection) => void (await connection.query('COMMIT').catch(() => {})) }),
      ['rejects-a-failed-commit', 'rejects-a-commit-that-rolled-back'],
    ],
    [
      'never commits',
      () => clientOf({ commit: later }),
      ['commits-before-it-resolves', 'rejects-a-failed-commit', 'rejects-a-commit-that-rolled-back'],
    ],
    [
      'commits what failed',
      () =>
        clientOf({ rollback: async (connection) => void (await connection.query('COMMIT').catch(() => {})) }),
      ['rolls-back-and-rejects', 'heeds-timeout'],
    ],
    [
      'resolves where fn rejected',
      () => clientOf({ fail: () => undefined as never }),
      [
        'rolls-back-and-rejects',
        'rejects-a-failed-commit',
        'rejects-a-commit-that-rolled-back',
        'heeds-timeout',
      ],
    ],
    [
      'throws an error of its own in the place of fn’s',
      () =>
        clientOf({
          fail: () => {
            throw new IntegrationError('INTEGRATION_CLOSED', 'the transaction failed');
          },
        }),
      ['rolls-back-and-rejects', 'rejects-a-failed-commit'],
    ],
    ['has no functions', () => ({}) as never, []],
  ])('finds a client that %s', async (_, make, broken) => {
    const report = await verifyClient(make());
    if (broken.length > 0) expect(brokenBy(report)).toEqual(broken);
    else expect(brokenBy(report)).toHaveLength(report.rules.length);
    expect(report.ok).toBe(broken.length === 1 && broken[0] === 'rejects-a-commit-that-rolled-back');
    for (const { kept, problem } of report.rules) expect(problem === undefined).toBe(kept);
  });
});
