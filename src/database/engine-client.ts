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
  /** Transactions whose connection was given back with their COMMIT unanswered. */
  private readonly committing = new Set<Promise<void>>();
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
    connection.release();
    transaction.giveWay();
    await committed;
    return result;
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.committing);
    await this.pool?.end();
  }

  /** Sends COMMIT; the connection is free for the next transaction while the disk is waited for. */
  private async commitBehind(transaction: EngineTransaction): Promise<void> {
    const committed = transaction.commitWithNext();
    this.committing.add(committed);
    try {
      await committed;
    } finally {
      this.committing.delete(committed);
    }
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
  /** BEGIN's answer; undefined as long as it has not been sent. */
  begun: Promise<unknown> | undefined;
  private isSendingAhead = false;
  private ended = false;
  private onGivingWay: (() => void) | undefined;

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

  /**
   * Once its function has resolved: the connection is not kept until COMMIT is answered, and `onGivingWay` is called when another
   * transaction may have it. What that one sends first travels in one message with the COMMIT, and the server answers both in turn.
   */
  giveWayToNext(onGivingWay: () => void): void {
    this.onGivingWay = onGivingWay;
  }

  get givesWay(): boolean {
    return this.onGivingWay !== undefined && this.begun !== undefined;
  }

  giveWay(): void {
    this.onGivingWay?.();
  }

  /** Sends COMMIT at the end of this turn of the event loop, before anything else that is sent through its connection from now on. */
  commitWithNext(): Promise<void> {
    const { stream } = wireOf(this.connection);
    stream.cork();
    setImmediate(() => stream.uncork());
    return this.sendCommit();
  }

  async commit(): Promise<void> {
    if (this.begun === undefined) return;
    await this.begun;
    await this.sendCommit();
  }

  private async sendCommit(): Promise<void> {
    this.ended = true;
    const { command } = await this.connection.query('COMMIT');
    if (command !== 'COMMIT') throw swallowedError();
  }

  /** False where it is not known what has become of it: the connection must not be used again. */
  async rollBack(): Promise<boolean> {
    this.ended = true;
    if (this.begun === undefined) return true;
    return this.connection.query('ROLLBACK').then(
      () => true,
      () => false,
    );
  }

  private async send(statement: pg.QueryConfig): Promise<pg.QueryResult> {
    if (!this.isSendingAhead) await this.begin();
    // The connection may be another transaction's by now.
    if (this.ended) throw endedError();
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

function endedError(): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    'The transaction has ended: this statement came after its function had resolved. Await every statement inside it.',
  );
}
