import type pg from 'pg';
import { IntegrationError } from '../../errors.js';
import { isConnectionLoss, isStaleStatement } from '../connection/connection-loss.js';
import { answerLimit } from '../connection/session-settings.store.js';
import { EngineTransaction } from '../engine-transaction.js';
import { answerOrDestroy, endWithin } from '../wire/answer-within.js';
import { RepeatedStatements } from '../wire/repeated-statements.js';
import type { TransactionalSqlClient } from './sql-client.js';

/**
 * The engine's connections in the shape of a host client, for applications that bring none. Its connections
 * send a statement without waiting for the answers to those before it (the server runs them in their order
 * all the same), and it knows whether a COMMIT committed.
 */
export class EngineClient implements TransactionalSqlClient {
  /** How long a connection is waited for is its pool's business. */
  readonly $transactionLimits = ['timeout'] as const;
  private readonly statements = new RepeatedStatements();
  /** COMMITs whose connection was given back before they were answered. */
  private readonly unanswered = new Set<Promise<void>>();
  private pool: pg.Pool | undefined;

  /**
   * @param openPool opens a pool of connections that pipeline: node-postgres', said without its types, which
   * users have not installed.
   * @param answerMs how long a statement is waited for at least; undefined for the engine's default.
   */
  constructor(
    private readonly openPool: () => object,
    private readonly answerMs?: number,
  ) {}

  async $queryRawUnsafe<T>(sql: string, ...values: unknown[]): Promise<T> {
    return (await this.ask({ text: sql, values })).rows as T;
  }

  async $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number> {
    return (await this.ask({ text: sql, values })).rowCount ?? 0;
  }

  /**
   * READ COMMITTED. Rejects with INTEGRATION_TRANSACTION_ABORTED where `fn` resolved although a statement of
   * its had failed: Postgres answers such a COMMIT with a rollback, and with no error. And where `fn` has not
   * ended after `timeout` milliseconds, so that it does not keep its connection for ever.
   */
  async $transaction<R>(
    fn: (tx: EngineTransaction) => Promise<R>,
    { timeout }: { timeout?: number } = {},
  ): Promise<R> {
    const connection = await this.connections.connect();
    const transaction = new EngineTransaction(connection, this.statements, timeout, this.answerMs);
    let result: R;
    try {
      const work = fn(transaction);
      result = await (timeout === undefined ? work : endWithin(timeout, work, () => lateError(timeout)));
      await transaction.begun;
      if (transaction.guard.mayHaveEnded) await transaction.guard.verify();
      if (this.connections.waitingCount > 0) transaction.giveWayToNext();
      if (!transaction.givesWay) await transaction.commit();
    } catch (error) {
      // A pipelining client that is released would wait for its answers.
      const isClean = await answerOrDestroy(
        connection,
        answerLimit(0, this.answerMs),
        transaction.rollBack(),
      ).catch(() => false);
      connection.release(!isClean || isStaleStatement(error));
      throw error;
    }
    const committed = transaction.givesWay ? this.commitBehind(transaction) : undefined;
    connection.release(transaction.isCutOff);
    transaction.giveWay();
    await committed;
    return result;
  }

  /**
   * A statement that fails says nothing about its connection: `pool.query` would end it, which is announced
   * as a loss.
   */
  private async ask(statement: pg.QueryConfig): Promise<pg.QueryResult> {
    const connection = await this.connections.connect();
    try {
      const answer = await answerOrDestroy(
        connection,
        answerLimit(0, this.answerMs),
        connection.query(statement),
      );
      connection.release();
      return answer;
    } catch (error) {
      connection.release(isConnectionLoss(error));
      throw error;
    }
  }

  /** Waits for transactions, and for what is being committed. */
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

function lateError(timeoutMs: number): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_TRANSACTION_ABORTED',
    `The transaction did not end within its timeout of ${timeoutMs} ms, and was rolled back`,
    { timeoutMs },
  );
}
