import type pg from 'pg';
import { IntegrationError } from '../../errors.js';
import { isConnectionLoss } from '../connection/connection-loss.js';
import { answerLimit, SESSION_LIMIT_MS } from '../sql/session-settings.store.js';
import { TransactionGuard } from '../sql/transaction-ends.js';
import { ASK_TRANSACTION_START } from '../sql/transaction-start.store.js';
import { answerOrDestroy, LONGEST_TIMER_MS } from '../wire/answer-within.js';
import { type EngineStatement, queryOf } from '../wire/named-statement.js';
import { type OnAnswer, OpeningMessage, sendMessage } from '../wire/opening-message.js';
import { takesPlainWay } from '../wire/plain-way.js';
import { isPrepared, notePrepared } from '../wire/prepared-statements.js';
import type { RepeatedStatements } from '../wire/repeated-statements.js';
import { onCommandComplete, sendAtEndOfTurn } from '../wire/wire.js';
import { OwnSqlClient, type ValueStatement } from './own-sql-client.js';

const BEGIN: EngineStatement = {
  name: 'integration_begin',
  sql: 'BEGIN ISOLATION LEVEL READ COMMITTED',
  values: [],
};

interface Opening {
  /** Sends what begins the transaction, together with its first statement if there is one. */
  readonly send: (first: pg.QueryConfig | undefined, onAnswer: OnAnswer) => void;
  readonly refuse: (error: Error) => void;
}

interface Follower {
  readonly sql: string;
  readonly onEnd: (wasRun: boolean) => void;
}

/**
 * A transaction of an `EngineClient`. It begins when its first statement is sent, in one message with BEGIN.
 * A statement without values waits for the answer to BEGIN, because it may be several statements. So does the
 * first statement on a connection that has not prepared BEGIN yet.
 */
export class EngineTransaction extends OwnSqlClient {
  /** The answer to BEGIN. Undefined if nobody has asked for BEGIN yet. */
  begun: Promise<unknown> | undefined;
  /** Whether the transaction has committed and its connection was lost after that. */
  isCutOff = false;
  /** Tells whether one of its own statements has ended the transaction. */
  readonly guard = new TransactionGuard(() => this.askStart());
  /** The statements that begin the transaction, as long as they have not been sent. */
  private opening: Opening | undefined;
  private follower: Follower | undefined;
  private ended = false;
  private refusal: Error | undefined;
  /** Not counted, because it would cost every statement something. */
  readonly isBusy = undefined;
  private onGivingWay: (() => void) | undefined;
  private readonly connection: pg.PoolClient;

  constructor(
    connection: object,
    private readonly statements: RepeatedStatements,
    /** Milliseconds after which it is ended from outside, and not sooner by the server. 0: no timeout. */
    private readonly timeoutMs = 0,
    /** How long a statement is waited for at least; undefined for the engine's default. */
    private readonly answerMs?: number,
  ) {
    super();
    this.connection = connection as pg.PoolClient;
  }

  async $queryRawUnsafe<T>(sql: string, ...values: unknown[]): Promise<T> {
    return (await this.send({ text: sql, values })).rows as T;
  }

  async $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number> {
    const name = this.statements.nameOf(sql, values);
    return (await this.send({ name, text: sql, values })).rowCount ?? 0;
  }

  /** As `$queryRawUnsafe`. The statement is prepared under its name once per connection. */
  async queryEngine<Row>(statement: EngineStatement): Promise<Row[]> {
    return (await this.send(queryOf(statement))).rows as Row[];
  }

  override async queryValue({ name, sql, value }: ValueStatement, column: string): Promise<unknown> {
    return (await this.queryEngine<Record<string, unknown>>({ name, sql, values: [value] }))[0]?.[column];
  }

  /**
   * Begins the transaction with BEGIN, its timeouts (ms) and these statements. Resolves to the number of rows
   * that each statement wrote or found. All of it is one message, sent at the end of this turn of the event
   * loop, or earlier with the first statement. A connection that has not prepared these statements yet
   * prepares them first.
   */
  async beginWith(timeoutMs: number, statements: readonly EngineStatement[]): Promise<number[]> {
    const opening = [BEGIN, timeouts(timeoutMs), ...statements];
    const prepared = isPrepared(this.connection, opening);
    const begun = this.beginBy(prepared ? this.openWith(opening) : this.prepareAndOpen(opening));
    if (prepared) this.sendOpeningAfterTurn();
    return (await begun).slice(-statements.length);
  }

  private beginBy(begun: Promise<number[]>): Promise<number[]> {
    // The caller that sends a statement gets the failure too, so it need not be handled here.
    begun.catch(() => {});
    this.begun = begun;
    return begun;
  }

  private sendOpeningAfterTurn(): void {
    sendAtEndOfTurn(this.connection, () => this.opening?.send(undefined, () => {}));
  }

  /** Keeps these statements until the first statement of the transaction is sent with them. */
  private openWith(statements: readonly EngineStatement[]): Promise<number[]> {
    return new Promise((resolve, reject) => {
      const onOpened = (error: unknown, counts: number[]) => {
        if (error) return reject(error);
        this.guard.begun(this.connection);
        resolve(counts);
      };
      const send: Opening['send'] = (first, onAnswer) => {
        this.opening = undefined;
        sendMessage(this.connection, new OpeningMessage(statements, onOpened, first, onAnswer));
      };
      this.opening = { send, refuse: reject };
    });
  }

  private async prepareAndOpen(statements: readonly EngineStatement[]): Promise<number[]> {
    const counts: number[] = [];
    for (const statement of statements) counts.push(countOf(await this.connection.query(queryOf(statement))));
    notePrepared(this.connection, statements);
    if (!this.guard.begun(this.connection)) {
      const { rows } = await this.connection.query<{ start: string }>(ASK_TRANSACTION_START);
      this.guard.beganAt(rows[0]?.start);
    }
    return counts;
  }

  /**
   * Is called after the function has resolved. The connection is not kept until COMMIT is answered:
   * `onGivingWay` is called when another transaction may have it. The first statement of that one travels in
   * one message with the COMMIT, and the server answers both in turn.
   */
  giveWayToNext(onGivingWay: () => void = nobodyIsTold): void {
    this.onGivingWay ??= onGivingWay;
  }

  get givesWay(): boolean {
    return this.onGivingWay !== undefined && this.begun !== undefined;
  }

  giveWay(): void {
    this.onGivingWay?.();
  }

  /** Sends COMMIT at the end of this turn of the event loop, before anything that is sent from now on. */
  commitWithNext(): Promise<void> {
    sendAtEndOfTurn(this.connection);
    return this.sendCommit();
  }

  /**
   * Is called after the function has resolved. Keeps a statement that is sent in one message with the COMMIT.
   * The server runs it after the COMMIT, in a transaction of its own, and answers both at once. So the
   * statement must be short, because the code that waits for the commit also waits for it. `onEnd` is called
   * once and told whether the statement was run. If it fails, the transaction is committed all the same.
   */
  override followCommitWith(sql: string, onEnd: (wasRun: boolean) => void): boolean {
    // On the plain way, a failure of the statement would hide whether the COMMIT before it has worked.
    if (takesPlainWay(this.connection)) return false;
    this.follower = { sql, onEnd };
    return true;
  }

  async commit(): Promise<void> {
    if (this.begun === undefined) {
      this.ended = true;
      return this.dismissFollower();
    }
    await this.begun;
    await this.sendCommit();
  }

  private async sendCommit(): Promise<void> {
    this.ended = true;
    const { follower } = this;
    this.follower = undefined;
    const command =
      follower === undefined
        ? (await this.answered(this.connection.query('COMMIT'))).command
        : await this.commitFollowedBy(follower);
    if (command !== 'COMMIT') throw swallowedError();
  }

  /** The command with which the server answered the COMMIT. */
  private async commitFollowedBy({ sql, onEnd }: Follower): Promise<string | undefined> {
    let isCommitted = false;
    const stopListening = onCommandComplete(this.connection, (tag) => {
      isCommitted ||= tag === 'COMMIT';
    });
    try {
      const answers = (await this.answered(
        this.connection.query(`COMMIT; ${sql}`),
      )) as unknown as pg.QueryResult[];
      onEnd(true);
      return answers[0]?.command;
    } catch (error) {
      onEnd(false);
      this.isCutOff = isConnectionLoss(error);
      if (isCommitted) return 'COMMIT';
      throw error;
    } finally {
      stopListening?.();
    }
  }

  /** Limits what nobody else limits: statements of a transaction without a timeout, and every COMMIT. */
  private answered<R>(answer: Promise<R>): Promise<R> {
    return answerOrDestroy(this.connection, answerLimit(this.timeoutMs, this.answerMs), answer);
  }

  private dismissFollower(): void {
    this.follower?.onEnd(false);
    this.follower = undefined;
  }

  /** Refuses what is sent from now on, except for what ends the transaction. */
  async refuse(error: Error): Promise<void> {
    this.refusal ??= error;
  }

  /** Resolves to false if the outcome is not known. Then the connection must not be used again. */
  async rollBack(): Promise<boolean> {
    this.ended = true;
    this.dismissFollower();
    if (this.begun === undefined) return true;
    if (this.opening !== undefined) {
      this.opening.refuse(endedError());
      this.opening = undefined;
      return true;
    }
    // Statements that are still being prepared are sent one by one: none may follow the ROLLBACK.
    await this.begun.catch(() => {});
    return this.connection.query('ROLLBACK').then(
      () => true,
      () => false,
    );
  }

  private send(statement: pg.QueryConfig): Promise<pg.QueryResult> {
    // BEGIN must not be sent either: nobody would end it, and statements of others would be part of it.
    if (this.refusal !== undefined) return Promise.reject(this.refusal);
    if (this.ended) return Promise.reject(endedError());
    // Outside the transaction, the statement would be committed by itself.
    if (this.guard.hasEnded) return Promise.reject(this.guard.error);
    const opens = hasValues(statement);
    if (this.begun === undefined) {
      const opening = this.timeoutMs > SESSION_LIMIT_MS ? [BEGIN, timeouts(this.timeoutMs)] : [BEGIN];
      const travelsWithFirst = opens && isPrepared(this.connection, opening);
      this.beginBy(travelsWithFirst ? this.openWith(opening) : this.prepareAndOpen(opening));
    }
    if (!opens) this.guard.sends(statement.text ?? '');
    const { opening } = this;
    const answer =
      opening !== undefined && opens
        ? new Promise<pg.QueryResult>((resolve, reject) => {
            opening.send(statement, (error, answer) => (error ? reject(error) : resolve(answer)));
          })
        : this.sendOnceBegun(statement);
    return this.timeoutMs > 0 ? answer : this.answered(answer);
  }

  private async askStart(): Promise<string | undefined> {
    const answer = this.sendOnceBegun({ text: ASK_TRANSACTION_START });
    return ((await this.answered(answer)).rows as { start: string }[])[0]?.start;
  }

  private async sendOnceBegun(statement: pg.QueryConfig): Promise<pg.QueryResult> {
    await this.begun;
    // Another transaction may have the connection by now.
    if (this.ended) throw this.refusal ?? endedError();
    return this.connection.query(statement);
  }
}

/** The timeouts of the transaction. A statement that waits for a lock does not wait longer either. */
function timeouts(ms: number): EngineStatement {
  return {
    name: 'integration_timeouts',
    sql: `SELECT set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $1, true)`,
    values: [Math.min(Math.ceil(ms), LONGEST_TIMER_MS)],
  };
}

/** A statement without values may be several statements. */
function hasValues({ values }: pg.QueryConfig): boolean {
  return values !== undefined && values.length > 0;
}

function countOf({ rowCount }: pg.QueryResult): number {
  return rowCount ?? 0;
}

const nobodyIsTold = () => {};

/** The error for a COMMIT that the server answered with a rollback. */
function swallowedError(): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_TRANSACTION_ABORTED',
    'The transaction was rolled back: one of its statements had failed, and the error was caught. Let it pass, or put what may fail behind a SAVEPOINT',
  );
}

/** The error for a statement that was sent after the end of its transaction. */
function endedError(): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    'The transaction has ended: this statement came after its function had resolved. Await every statement inside it',
  );
}
