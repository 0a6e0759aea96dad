import pg from 'pg';
import { IntegrationError } from '../errors.js';
import { isConnectionLoss } from './connection-loss.js';
import { type NamedStatement, queryOf } from './named-statement.js';
import { RepeatedStatements } from './repeated-statements.js';
import type { SqlClient, TransactionalSqlClient } from './sql-client.js';
import { wireOf } from './wire.js';

const BEGIN = 'BEGIN ISOLATION LEVEL READ COMMITTED';

/** One of the engine's own statements, prepared under its name where the client can do that. */
export interface EngineStatement extends NamedStatement {
  readonly values: readonly (string | number)[];
}

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

interface Follower {
  readonly sql: string;
  readonly onEnd: (wasRun: boolean) => void;
}

/** A transaction of an `EngineClient`. It begins with its first statement, which waits for BEGIN, unless it begins with several. */
export class EngineTransaction implements SqlClient {
  /** BEGIN's answer; undefined as long as it has not been sent. */
  begun: Promise<unknown> | undefined;
  /** It has committed, and its connection was lost behind that. */
  isCutOff = false;
  private follower: Follower | undefined;
  private ended = false;
  private onGivingWay: (() => void) | undefined;
  private readonly connection: pg.PoolClient;

  constructor(
    connection: object,
    private readonly statements: RepeatedStatements,
  ) {
    this.connection = connection as pg.PoolClient;
  }

  async $queryRawUnsafe<T>(sql: string, ...values: unknown[]): Promise<T> {
    return (await this.send({ text: sql, values })).rows as T;
  }

  async $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number> {
    const name = this.statements.nameOf(sql, values);
    return (await this.send({ name, text: sql, values })).rowCount ?? 0;
  }

  /** As `$queryRawUnsafe`; the statement is prepared under its name once per connection. */
  async queryEngine<Row>(statement: EngineStatement): Promise<Row[]> {
    return (await this.send(queryOf(statement))).rows as Row[];
  }

  /**
   * BEGIN, the transaction's timeouts (ms) and these statements as one message, with one answer: the server carries them out in turn, and
   * nothing after one that fails, so that nothing runs without the BEGIN. Resolves to the number of rows that each wrote or found. A
   * connection that has not prepared them yet does so first.
   */
  async beginWith(timeoutMs: number, statements: readonly EngineStatement[]): Promise<number[]> {
    const prepared = preparedOn(this.connection);
    const arePrepared = statements.every(({ name }) => prepared.has(name));
    const beginning = [BEGIN, ...timeoutsOf(timeoutMs)];
    const message = arePrepared ? [...beginning, ...statements.map(executionOf)] : beginning;
    const answered = this.connection.query(message.join('; '));
    this.begun = answered;
    const answers = (await answered) as unknown as pg.QueryResult[];
    if (arePrepared) return answers.slice(beginning.length).map(countOf);
    const counts: number[] = [];
    for (const statement of statements) {
      counts.push(countOf(await this.send(queryOf(statement))));
      prepared.add(statement.name);
    }
    return counts;
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

  /**
   * Once its function has resolved: a statement to be sent in one message with the COMMIT. The server runs it after the COMMIT, in a
   * transaction of its own, and answers both at once: whoever waits for the commit is not woken in between, and the statement should be
   * short. `onEnd` is told once whether it was run; where it fails, the transaction is committed all the same.
   */
  followCommitWith(sql: string, onEnd: (wasRun: boolean) => void): void {
    this.follower = { sql, onEnd };
  }

  async commit(): Promise<void> {
    if (this.begun === undefined) return this.dismissFollower();
    await this.begun;
    await this.sendCommit();
  }

  private async sendCommit(): Promise<void> {
    this.ended = true;
    const { follower } = this;
    this.follower = undefined;
    const command =
      follower === undefined
        ? (await this.connection.query('COMMIT')).command
        : await this.commitFollowedBy(follower);
    if (command !== 'COMMIT') throw swallowedError();
  }

  /** What the server made of the COMMIT. */
  private async commitFollowedBy({ sql, onEnd }: Follower): Promise<string | undefined> {
    const wire = wireOf(this.connection);
    let isCommitted = false;
    const note = ({ text }: { text: string }) => {
      isCommitted ||= text === 'COMMIT';
    };
    wire.on('commandComplete', note);
    try {
      const answers = (await this.connection.query(`COMMIT; ${sql}`)) as unknown as pg.QueryResult[];
      onEnd(true);
      return answers[0]?.command;
    } catch (error) {
      onEnd(false);
      this.isCutOff = isConnectionLoss(error);
      if (isCommitted) return 'COMMIT';
      throw error;
    } finally {
      wire.off('commandComplete', note);
    }
  }

  private dismissFollower(): void {
    this.follower?.onEnd(false);
    this.follower = undefined;
  }

  /** False where it is not known what has become of it: the connection must not be used again. */
  async rollBack(): Promise<boolean> {
    this.ended = true;
    this.dismissFollower();
    if (this.begun === undefined) return true;
    return this.connection.query('ROLLBACK').then(
      () => true,
      () => false,
    );
  }

  private async send(statement: pg.QueryConfig): Promise<pg.QueryResult> {
    await this.begin();
    // The connection may be another transaction's by now.
    if (this.ended) throw endedError();
    return this.connection.query(statement);
  }

  private begin(): Promise<unknown> {
    this.begun ??= this.connection.query(BEGIN);
    return this.begun;
  }
}

/** One of the engine's own statements in whatever transaction it is given. The host's client is asked as it asks itself. */
export function queryEngine<Row>(transaction: SqlClient, statement: EngineStatement): PromiseLike<Row[]> {
  return transaction instanceof EngineTransaction
    ? transaction.queryEngine(statement)
    : transaction.$queryRawUnsafe(statement.sql, ...statement.values);
}

/** A statement that waits for a lock waits no longer than that either. */
function timeoutsOf(ms: number): string[] {
  const limit = Math.ceil(ms);
  return [
    `SET LOCAL statement_timeout = ${limit}`,
    `SET LOCAL idle_in_transaction_session_timeout = ${limit}`,
  ];
}

function countOf({ rowCount }: pg.QueryResult): number {
  return rowCount ?? 0;
}

const preparedStatements = new WeakMap<pg.PoolClient, Set<string>>();

function preparedOn(connection: pg.PoolClient): Set<string> {
  const known = preparedStatements.get(connection) ?? new Set();
  preparedStatements.set(connection, known);
  return known;
}

/** Runs a prepared statement by text. The parameters have types, so that every value may be written as a text. */
function executionOf({ name, values }: EngineStatement): string {
  const literals = values.map((value) => pg.escapeLiteral(String(value)));
  return `EXECUTE ${pg.escapeIdentifier(name)}(${literals.join(', ')})`;
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
