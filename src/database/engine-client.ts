import type pg from 'pg';
import { IntegrationError } from '../errors.js';
import { isConnectionLoss } from './connection-loss.js';
import { wireOf } from './engine-connection.js';
import { RepeatedStatements } from './repeated-statements.js';
import type { SqlClient, TransactionalSqlClient } from './sql-client.js';

const MARK_SETTING = 'nestjs_integration.transaction';
let marks = 0;

/** Of the transaction in which the statement runs, as SQL. */
export const TRANSACTION_MARK = `current_setting('${MARK_SETTING}', true)`;

/**
 * The engine's connections in the shape of a host client, for applications that bring none. Its connections send a statement
 * without waiting for the answers to those before it (the server runs them in their order all the same), and it
 * knows whether a COMMIT committed.
 */
export class EngineClient implements TransactionalSqlClient {
  private readonly statements = new RepeatedStatements();
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
    const transaction = new EngineTransaction(connection, this.statements);
    try {
      const result = await fn(transaction);
      await transaction.commit();
      connection.release();
      return result;
    } catch (error) {
      const isClean = await transaction.rollBack();
      connection.release(!isClean || isConnectionLoss(error));
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

/** A transaction of an `EngineClient`. It begins with its first statement, which waits for BEGIN, unless it is sent ahead. */
export class EngineTransaction implements SqlClient {
  /** What a guarded statement asks for: set by this transaction's BEGIN, and in force nowhere else. */
  readonly mark = String(++marks);
  private begun: Promise<unknown> | undefined;
  private isSendingAhead = false;

  constructor(
    private readonly connection: pg.PoolClient,
    private readonly statements: RepeatedStatements,
  ) {}

  async $queryRawUnsafe<T>(sql: string, ...values: unknown[]): Promise<T> {
    return (await this.send({ text: sql, values })).rows as T;
  }

  async $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number> {
    const name = this.statements.nameOf(sql, values);
    return (await this.send({ name, text: sql, values })).rowCount ?? 0;
  }

  /** As `$queryRawUnsafe`; the statement is prepared under its name once per connection. */
  async queryNamed<T>(name: string, sql: string, ...values: unknown[]): Promise<T> {
    return (await this.send({ name, text: sql, values })).rows as T;
  }

  /**
   * Sends BEGIN and what `statements` asks for in one go. What is sent behind a BEGIN that fails runs and commits by itself: so these
   * may only read, or write on condition that `TRANSACTION_MARK` is `mark`. BEGIN and mark are one message, which is carried out
   * whole or not at all.
   */
  sendAhead<R>(statements: () => R): R {
    const { stream } = wireOf(this.connection);
    this.isSendingAhead = true;
    stream.cork();
    try {
      this.begin().catch(() => {});
      return statements();
    } finally {
      stream.uncork();
      this.isSendingAhead = false;
    }
  }

  async commit(): Promise<void> {
    if (this.begun === undefined) return;
    await this.begun;
    const { command } = await this.connection.query('COMMIT');
    if (command !== 'COMMIT') throw swallowedError();
  }

  /** False where it is not known what has become of it: the connection must not be used again. */
  async rollBack(): Promise<boolean> {
    if (this.begun === undefined) return true;
    return this.connection.query('ROLLBACK').then(
      () => true,
      () => false,
    );
  }

  private async send(statement: pg.QueryConfig): Promise<pg.QueryResult> {
    if (!this.isSendingAhead) await this.begin();
    return this.connection.query(statement);
  }

  private begin(): Promise<unknown> {
    this.begun ??= this.connection.query(
      `BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL ${MARK_SETTING} = '${this.mark}'`,
    );
    return this.begun;
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

function swallowedError(): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_TRANSACTION_ABORTED',
    'The transaction was rolled back: one of its statements had failed, and the error was caught. Let it pass, or put what may fail behind a SAVEPOINT.',
  );
}
