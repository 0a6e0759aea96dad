import pg from 'pg';
import { PgSqlClient, type TransactionalSqlClient } from '../../src/index.js';
import type { TestDatabase } from './test-database.js';

/** A host's client over node-postgres. Its pool is closed with it. */
export interface PgHostClient extends TransactionalSqlClient {
  close(): Promise<void>;
}

export function hostClientOver(connectionString: string): PgHostClient {
  const pool = new pg.Pool({ connectionString, max: 12 });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return {
    $queryRawUnsafe: async <T>(sql: string, ...values: unknown[]) =>
      (await pool.query(sql, values)).rows as T,
    $executeRawUnsafe: async (sql, ...values) => (await pool.query(sql, values)).rowCount ?? 0,
    $transaction: async (fn) => {
      const client = await pool.connect();
      let broken: Error | undefined;
      try {
        await client.query('BEGIN');
        const result = await fn(new PgSqlClient(client));
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch((failure) => {
          broken = failure;
        });
        throw error;
      } finally {
        client.release(broken);
      }
    },
    close: () => pool.end(),
  };
}

/** The clients that an application may give the engine, for tests that are run with each of them. */
export function hostsOf(
  opened: () => { readonly database: TestDatabase; readonly overPg: PgHostClient },
): { host: string; clientOf: () => TransactionalSqlClient | undefined }[] {
  return [
    { host: 'no client', clientOf: () => undefined },
    { host: 'node-postgres', clientOf: () => opened().overPg },
    { host: 'Prisma', clientOf: () => opened().database.prisma() },
  ];
}

/** A host's client whose `$transaction` is another one. */
export function withTransaction(
  client: TransactionalSqlClient,
  $transaction: TransactionalSqlClient['$transaction'],
): TransactionalSqlClient {
  return {
    $queryRawUnsafe: (sql, ...values) => client.$queryRawUnsafe(sql, ...values),
    $executeRawUnsafe: (sql, ...values) => client.$executeRawUnsafe(sql, ...values),
    $transaction,
  };
}

/** As data access layers do: errors are handed on inside one of their own. */
export function wrapping(client: TransactionalSqlClient): TransactionalSqlClient {
  return withTransaction(client, (fn, options) =>
    client.$transaction(fn, options).catch((cause) => {
      throw new Error('data access failed', { cause });
    }),
  );
}

/** The same, without the error that it was. */
export function hiding(client: TransactionalSqlClient): TransactionalSqlClient {
  return withTransaction(client, (fn, options) =>
    client.$transaction(fn, options).catch(() => {
      throw new Error('data access failed');
    }),
  );
}

/** Its transactions are run up to `times` times, whatever the error. */
export function retrying(client: TransactionalSqlClient, times: number): TransactionalSqlClient {
  return withTransaction(client, async (fn, options) => {
    for (let run = 1; ; run++) {
      try {
        return await client.$transaction(fn, options);
      } catch (error) {
        if (run === times) throw error;
      }
    }
  });
}

/** It rolls back, and says nothing of it. */
export function swallowing(client: TransactionalSqlClient): TransactionalSqlClient {
  return withTransaction(client, (fn, options) =>
    client.$transaction(fn, options).catch(() => undefined as never),
  );
}
