import type pg from 'pg';
import { IntegrationError } from '../errors.js';
import { isConnectionLoss } from './connection-loss.js';
import type { SqlClient, TransactionalSqlClient } from './sql-client.js';

/**
 * The engine's connections in the shape of a host client, for applications that bring none. Its connections send a statement
 * without waiting for the answers to those before it (the server runs them in their order all the same), and it
 * knows whether a COMMIT committed.
 */
export class EngineClient implements TransactionalSqlClient {
  private pool: pg.Pool | undefined;

  /** @param openPool opens a pool of connections that pipeline. */
  constructor(private readonly openPool: () => pg.Pool) {}

  async $queryRawUnsafe<T>(sql: string, ...values: unknown[]): Promise<T> {
    return (await this.connections.query({ text: sql, values })).rows as T;
  }

  async $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number> {
    return (await this.connections.query({ text: sql, values })).rowCount ?? 0;
  }

  /**
   * READ COMMITTED. Rejects with INTEGRATION_TRANSACTION_ABORTED where `fn` resolved although a statement of its had failed:
   * Postgres answers such a COMMIT with a rollback, and with no error.
   */
  async $transaction<R>(fn: (tx: EngineTransaction) => Promise<R>): Promise<R> {
    const connection = await this.connections.connect();
    try {
      const result = await runTransaction(connection, () => fn(new EngineTransaction(connection)));
      connection.release();
      return result;
    } catch (error) {
      connection.release(isConnectionLoss(error));
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.pool?.end();
  }

  private get connections(): pg.Pool {
    this.pool ??= this.openPool();
    return this.pool;
  }
}

/** A transaction of an `EngineClient`. */
export class EngineTransaction implements SqlClient {
  constructor(private readonly connection: pg.ClientBase) {}

  async $queryRawUnsafe<T>(sql: string, ...values: unknown[]): Promise<T> {
    return (await this.connection.query({ text: sql, values })).rows as T;
  }

  async $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number> {
    return (await this.connection.query({ text: sql, values })).rowCount ?? 0;
  }

  /** As `$queryRawUnsafe`; the statement is prepared under its name once per connection. */
  async queryNamed<T>(name: string, sql: string, ...values: unknown[]): Promise<T> {
    return (await this.connection.query({ name, text: sql, values })).rows as T;
  }
}

/**
 * One of the engine's own statements in whatever transaction it is given; under a name where the client can prepare it. The host's
 * client is asked as it asks itself.
 */
export function queryEngine<T>(
  transaction: SqlClient,
  name: string,
  sql: string,
  ...values: unknown[]
): PromiseLike<T> {
  return transaction instanceof EngineTransaction
    ? transaction.queryNamed(name, sql, ...values)
    : transaction.$queryRawUnsafe(sql, ...values);
}

/** Runs `run` inside one READ COMMITTED transaction of a connection. */
export async function runTransaction<R>(connection: pg.ClientBase, run: () => Promise<R>): Promise<R> {
  // Awaited before anything else is sent: what is sent behind a BEGIN that fails would commit by itself.
  await connection.query('BEGIN ISOLATION LEVEL READ COMMITTED');
  try {
    const result = await run();
    const { command } = await connection.query('COMMIT');
    if (command === 'COMMIT') return result;
  } catch (error) {
    await connection.query('ROLLBACK').catch(() => {});
    throw error;
  }
  throw new IntegrationError(
    'INTEGRATION_TRANSACTION_ABORTED',
    'The transaction was rolled back: one of its statements had failed, and the error was caught. Let it pass, or put what may fail behind a SAVEPOINT.',
  );
}
