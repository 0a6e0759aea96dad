import type pg from 'pg';
import { isConnectionLoss } from './connection-loss.js';
import { EngineTransaction } from './engine-transaction.js';
import { RepeatedStatements } from './repeated-statements.js';
import type { TransactionalSqlClient } from './sql-client.js';

/**
 * The engine's connections in the shape of a host client, for applications that bring none. Its connections send a statement
 * without waiting for the answers to those before it (the server runs them in their order all the same), and it
 * knows whether a COMMIT committed.
 */
export class EngineClient implements TransactionalSqlClient {
  private readonly statements = new RepeatedStatements();
  /** COMMITs whose connection was given back before they were answered. */
  private readonly unanswered = new Set<Promise<void>>();
  private pool: pg.Pool | undefined;

  /** @param openPool opens a pool of connections that pipeline: node-postgres', said without its types, which users have not installed. */
  constructor(private readonly openPool: () => object) {}

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
    const transaction = new EngineTransaction(connection, this.statements);
    let result: R;
    try {
      result = await fn(transaction);
      if (!transaction.givesWay) await transaction.commit();
      await transaction.begun;
    } catch (error) {
      const isClean = await transaction.rollBack();
      connection.release(!isClean || isConnectionLoss(error));
      throw error;
    }
    const committed = transaction.givesWay ? this.commitBehind(transaction) : undefined;
    connection.release(transaction.isCutOff);
    transaction.giveWay();
    await committed;
    return result;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.unanswered);
    await this.pool?.end();
  }

  /** Sends COMMIT; the connection is free for the next transaction while the disk is waited for. */
  private commitBehind(transaction: EngineTransaction): Promise<void> {
    const committed = transaction.commitWithNext();
    this.unanswered.add(committed);
    const forget = () => this.unanswered.delete(committed);
    committed.then(forget, forget);
    return committed;
  }

  private get connections(): pg.Pool {
    this.pool ??= this.openPool() as pg.Pool;
    return this.pool;
  }
}
