import { PgSqlClient, type SqlClient, type TransactionalSqlClient } from 'nestjs-integration';
import pg from 'pg';
import { HOST_APPLICATION } from '../harness/proof-database.store.js';

/** A host's own client over node-postgres, with a pool of its own that requests can exhaust. */
export interface PgHostClient extends TransactionalSqlClient {
  /** Takes every connection for so long. */
  exhaust(ms: number): Promise<void>;
  close(): Promise<void>;
}

export function createHostClient(connectionString: string, max: number): PgHostClient {
  const pool = new pg.Pool({ connectionString, max, application_name: HOST_APPLICATION });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return {
    ...throughAny(pool),
    $transaction: async (fn, options) => {
      const client = await connectWithin(pool, options?.maxWait ?? 2_000);
      let broken: Error | undefined;
      try {
        await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
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
    exhaust: async (ms) => {
      const taken = await Promise.all(Array.from({ length: max }, () => pool.connect()));
      await new Promise((resolve) => setTimeout(resolve, ms));
      for (const client of taken) client.release();
    },
    close: () => pool.end(),
  };
}

/** Gives up on a pool that has no connection free, and gives back one that comes too late. */
async function connectWithin(pool: pg.Pool, ms: number): Promise<pg.PoolClient> {
  const connecting = pool.connect();
  let timer: NodeJS.Timeout | undefined;
  let late = false;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      late = true;
      reject(new Error(`no connection of the host's pool within ${ms} ms`));
    }, ms);
  });
  connecting.then(
    (client) => late && client.release(),
    () => {},
  );
  return Promise.race([connecting, tooLate]).finally(() => clearTimeout(timer));
}

/** Each statement through another connection. */
function throughAny(pool: pg.Pool): SqlClient {
  return {
    $queryRawUnsafe: async <T>(sql: string, ...values: unknown[]) =>
      (await pool.query(sql, values)).rows as T,
    $executeRawUnsafe: async (sql, ...values) => (await pool.query(sql, values)).rowCount ?? 0,
  };
}
