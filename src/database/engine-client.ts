import type pg from 'pg';
import { IntegrationError } from '../errors.js';
import { answerWithin, endWithin } from './answer-within.js';
import { isConnectionLoss, isStaleStatement } from './connection-loss.js';
import { EngineTransaction } from './engine-transaction.js';
import { RepeatedStatements } from './repeated-statements.js';
import type { TransactionalSqlClient } from './sql-client.js';
import { wireOf } from './wire.js';

/** A statement of it may still be running, as long as sessions of ours let one. */
const ROLLBACK_TIMEOUT_MS = 20_000;
/** How long `close` waits for transactions that have not ended. */
const CLOSE_WITHIN_MS = 10_000;

/**
 * The engine's connections in the shape of a host client, for applications that bring none. Its connections send a statement
 * without waiting for the answers to those before it (the server runs them in their order all the same), and it
 * knows whether a COMMIT committed.
 */
export class EngineClient implements TransactionalSqlClient {
  private readonly statements = new RepeatedStatements();
  /** COMMITs whose connection was given back before they were answered. */
  private readonly unanswered = new Set<Promise<void>>();
  /** Connections of transactions that have not ended. */
  private readonly open = new Set<pg.PoolClient>();
  private pool: pg.Pool | undefined;

  /** @param openPool opens a pool of connections that pipeline: node-postgres', said without its types, which users have not installed. */
  constructor(private readonly openPool: () => object) {}

  async $queryRawUnsafe<T>(sql: string, ...values: unknown[]): Promise<T> {
    return (await this.ask({ text: sql, values })).rows as T;
  }

  async $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number> {
    return (await this.ask({ text: sql, values })).rowCount ?? 0;
  }

  /**
   * READ COMMITTED. Rejects with INTEGRATION_TRANSACTION_ABORTED where `fn` resolved although a statement of its had failed:
   * Postgres answers such a COMMIT with a rollback, and with no error. And where `fn` has not ended after `timeout` milliseconds, so
   * that it does not keep its connection for ever.
   */
  async $transaction<R>(
    fn: (tx: EngineTransaction) => Promise<R>,
    { timeout }: { timeout?: number } = {},
  ): Promise<R> {
    const connection = await this.connections.connect();
    const transaction = new EngineTransaction(connection, this.statements, timeout);
    this.open.add(connection);
    let result: R;
    try {
      const work = fn(transaction);
      result = await (timeout === undefined ? work : endWithin(timeout, work, () => lateError(timeout)));
      await transaction.begun;
      if (this.connections.waitingCount > 0) transaction.giveWayToNext();
      if (!transaction.givesWay) await transaction.commit();
    } catch (error) {
      const isClean = await answerWithin(ROLLBACK_TIMEOUT_MS, transaction.rollBack()).catch(() => {
        // A pipelining client that is released would wait for its answers.
        wireOf(connection).stream.destroy();
        return false;
      });
      this.open.delete(connection);
      connection.release(!isClean || isStaleStatement(error));
      throw error;
    }
    const committed = transaction.givesWay ? this.commitBehind(transaction) : undefined;
    this.open.delete(connection);
    connection.release(transaction.isCutOff);
    transaction.giveWay();
    await committed;
    return result;
  }

  /** A statement that fails says nothing about its connection: `pool.query` would end it, which is announced as a loss. */
  private async ask(statement: pg.QueryConfig): Promise<pg.QueryResult> {
    const connection = await this.connections.connect();
    try {
      const answer = await connection.query(statement);
      connection.release();
      return answer;
    } catch (error) {
      connection.release(isConnectionLoss(error));
      throw error;
    }
  }

  /** Waits for what is being committed; a transaction whose function has still not ended is cut off, and the server rolls it back. */
  async close(): Promise<void> {
    const ended = Promise.allSettled(this.unanswered).then(() => this.pool?.end());
    await answerWithin(CLOSE_WITHIN_MS, ended).catch(() => {
      for (const connection of this.open) wireOf(connection).stream.destroy();
    });
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

function lateError(timeoutMs: number): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_TRANSACTION_ABORTED',
    `The transaction did not end within its timeout of ${timeoutMs} ms, and was rolled back`,
    { timeoutMs },
  );
}
