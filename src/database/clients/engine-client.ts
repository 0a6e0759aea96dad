import type pg from 'pg';
import { IntegrationError } from '../../errors.js';
import { isConnectionLoss, isStaleStatement } from '../connection/connection-loss.js';
import { answerLimit } from '../sql/session-settings.store.js';
import { answerOrDestroy, endWithin } from '../wire/answer-within.js';
import { type NamedStatement, queryOf } from '../wire/named-statement.js';
import { RepeatedStatements } from '../wire/repeated-statements.js';
import { EngineTransaction } from './engine-transaction.js';
import type { HostPool } from './host-adapter.js';
import type { TransactionalSqlClient } from './sql-client.js';

/**
 * The engine's connections in the shape of a host client, for applications that bring no client. Its
 * connections send a statement without waiting for the answers to earlier ones, and the server still runs
 * them in their order. The client knows whether a COMMIT committed.
 */
export class EngineClient implements TransactionalSqlClient {
  readonly #isEngineClient = true;

  /** The pool decides how long to wait for a connection. */
  readonly $transactionLimits = ['timeout'] as const;
  private readonly statements = new RepeatedStatements();
  /** The COMMITs that are not answered yet, although their connection was given back. */
  private readonly unanswered = new Set<Promise<void>>();
  private pool: pg.Pool | undefined;

  /**
   * @param openPool opens a pool of connections of node-postgres that pipeline. Its type is written without
   * the types of node-postgres, because users have not installed them.
   * @param answerMs the shortest wait for the answer to a statement. Undefined means the engine's default.
   * @param size the largest number of connections of that pool
   */
  constructor(
    private readonly openPool: () => object,
    private readonly answerMs?: number,
    private readonly size?: number,
  ) {}

  /** Prisma's client is a proxy upon proxies, and `instanceof` would ask all of them. */
  static is(client: object): client is EngineClient {
    return #isEngineClient in client;
  }

  /** The pool, as it is now. */
  get poolNow(): HostPool | undefined {
    const { size, pool } = this;
    if (size === undefined) return undefined;
    const inUse = pool === undefined ? 0 : pool.totalCount - pool.idleCount;
    return { size, inUse, waiting: pool?.waitingCount ?? 0 };
  }

  async $queryRawUnsafe<T>(sql: string, ...values: unknown[]): Promise<T> {
    return (await this.ask({ text: sql, values })).rows as T;
  }

  /** As `$queryRawUnsafe`. The statement is prepared under its name once per connection. */
  async queryEngine<Row>(statement: NamedStatement): Promise<Row[]> {
    return (await this.ask(queryOf(statement))).rows as Row[];
  }

  async $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number> {
    return (await this.ask({ text: sql, values })).rowCount ?? 0;
  }

  /**
   * The transaction is READ COMMITTED. It rejects with INTEGRATION_TRANSACTION_ABORTED if `fn` resolved
   * although one of its statements had failed, because Postgres answers such a COMMIT with a rollback and
   * without an error. It also rejects if `fn` has not ended after `timeout` milliseconds, so that `fn` does
   * not keep its connection for ever.
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
      // A pipelining client that is released would first wait for its answers.
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
   * A statement that fails says nothing about its connection. So this does not use `pool.query`, which would
   * end the connection. That would be reported as a loss.
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
      connection.release(isConnectionLoss(error) || isStaleStatement(error));
      throw error;
    }
  }

  /** Waits for the open transactions, and for what is being committed. */
  async close(): Promise<void> {
    await Promise.allSettled(this.unanswered);
    await this.pool?.end();
  }

  /** Sends COMMIT. The connection is free for the next transaction while the server waits for its disk. */
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
