import type pg from 'pg';
import { OwnSqlClient, type ValueStatement } from './clients/own-sql-client.js';
import { isConnectionLoss } from './connection/connection-loss.js';
import { answerLimit, SESSION_LIMIT_MS } from './connection/session-settings.store.js';
import { TransactionGuard } from './sql/transaction-ends.js';
import { ASK_TRANSACTION_START } from './sql/transaction-start.store.js';
import { endedError, swallowedError } from './transaction-errors.js';
import { answerOrDestroy, LONGEST_TIMER_MS } from './wire/answer-within.js';
import { type EngineStatement, queryOf } from './wire/named-statement.js';
import { type OnAnswer, OpeningMessage, sendMessage } from './wire/opening-message.js';
import { takesPlainWay } from './wire/plain-way.js';
import { isPrepared, notePrepared } from './wire/prepared-statements.js';
import type { RepeatedStatements } from './wire/repeated-statements.js';
import { onCommandComplete, sendAtEndOfTurn } from './wire/wire.js';

const BEGIN: EngineStatement = {
  name: 'integration_begin',
  sql: 'BEGIN ISOLATION LEVEL READ COMMITTED',
  values: [],
};

interface Opening {
  /** Together with the transaction's first statement, if there is one. */
  readonly send: (first: pg.QueryConfig | undefined, onAnswer: OnAnswer) => void;
  readonly refuse: (error: Error) => void;
}

interface Follower {
  readonly sql: string;
  readonly onEnd: (wasRun: boolean) => void;
}

/**
 * A transaction of an `EngineClient`. It begins with its first statement, which travels in one message with
 * BEGIN. Where it may not (it has no values, so that it may be several; or the connection has not prepared
 * BEGIN yet), it waits for BEGIN's answer.
 */
export class EngineTransaction extends OwnSqlClient {
  /** BEGIN's answer; undefined as long as it has not been sent. */
  begun: Promise<unknown> | undefined;
  /** It has committed, and its connection was lost behind that. */
  isCutOff = false;
  /** Whether one of its own statements has ended it. */
  readonly guard = new TransactionGuard(() => this.askStart());
  /** What it begins with, as long as that has not been sent. */
  private opening: Opening | undefined;
  private follower: Follower | undefined;
  private ended = false;
  private onGivingWay: (() => void) | undefined;
  private readonly connection: pg.PoolClient;

  constructor(
    connection: object,
    private readonly statements: RepeatedStatements,
    /** Until it is ended from outside: the server must not do so before. */
    private readonly timeoutMs = 0,
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

  /** As `$queryRawUnsafe`; the statement is prepared under its name once per connection. */
  async queryEngine<Row>(statement: EngineStatement): Promise<Row[]> {
    return (await this.send(queryOf(statement))).rows as Row[];
  }

  override async queryValue({ name, sql, value }: ValueStatement, column: string): Promise<unknown> {
    return (await this.queryEngine<Record<string, unknown>>({ name, sql, values: [value] }))[0]?.[column];
  }

  /**
   * BEGIN, the transaction's timeouts (ms) and these statements. Resolves to the number of rows that each
   * wrote or found. They are one message, sent at the end of this turn of the event loop, or with the
   * transaction's first statement, if that is asked for sooner. A connection that has not prepared them yet
   * does so first.
   */
  async beginWith(timeoutMs: number, statements: readonly EngineStatement[]): Promise<number[]> {
    const opening = [BEGIN, timeouts(timeoutMs), ...statements];
    const prepared = isPrepared(this.connection, opening);
    const begun = this.beginBy(prepared ? this.openWith(opening) : this.prepareAndOpen(opening));
    if (prepared) this.sendOpeningAfterTurn();
    return (await begun).slice(-statements.length);
  }

  private beginBy(begun: Promise<number[]>): Promise<number[]> {
    // Whoever sends a statement is told of its failure as well.
    begun.catch(() => {});
    this.begun = begun;
    return begun;
  }

  private sendOpeningAfterTurn(): void {
    sendAtEndOfTurn(this.connection, () => this.opening?.send(undefined, () => {}));
  }

  /** Whoever sends the transaction's first statement sends these. */
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
   * Once its function has resolved: the connection is not kept until COMMIT is answered, and `onGivingWay` is
   * called when another transaction may have it. What that one sends first travels in one message with the
   * COMMIT, and the server answers both in turn.
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

  /**
   * Sends COMMIT at the end of this turn of the event loop, before anything else that is sent through its
   * connection from now on.
   */
  commitWithNext(): Promise<void> {
    sendAtEndOfTurn(this.connection);
    return this.sendCommit();
  }

  /**
   * Once its function has resolved: a statement to be sent in one message with the COMMIT. The server runs it
   * after the COMMIT, in a transaction of its own, and answers both at once: whoever waits for the commit is
   * not woken in between, and the statement should be short. `onEnd` is told once whether it was run; where
   * it fails, the transaction is committed all the same.
   */
  override followCommitWith(sql: string, onEnd: (wasRun: boolean) => void): boolean {
    // Where this fails, nothing would show that the COMMIT in front of it did not.
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

  /** What the server made of the COMMIT. */
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

  /** For what nobody else gives up: statements of a transaction without a timeout, and every COMMIT. */
  private answered<R>(answer: Promise<R>): Promise<R> {
    return answerOrDestroy(this.connection, answerLimit(this.timeoutMs), answer);
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
    if (this.opening !== undefined) {
      this.opening.refuse(endedError());
      this.opening = undefined;
      return true;
    }
    // Where it prepares what it begins with, that is sent piece by piece: none may come behind the ROLLBACK.
    await this.begun.catch(() => {});
    return this.connection.query('ROLLBACK').then(
      () => true,
      () => false,
    );
  }

  private send(statement: pg.QueryConfig): Promise<pg.QueryResult> {
    // Nor BEGIN: nobody would ever end it, and what others send through that connection would be part of it.
    if (this.ended) return Promise.reject(endedError());
    // It would be committed by itself.
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
    // The connection may be another transaction's by now.
    if (this.ended) throw endedError();
    return this.connection.query(statement);
  }
}

/** A statement that waits for a lock waits no longer than that either. */
function timeouts(ms: number): EngineStatement {
  return {
    name: 'integration_timeouts',
    sql: `SELECT set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $1, true)`,
    values: [Math.min(Math.ceil(ms), LONGEST_TIMER_MS)],
  };
}

/** Without any it may be several statements. */
function hasValues({ values }: pg.QueryConfig): boolean {
  return values !== undefined && values.length > 0;
}

function countOf({ rowCount }: pg.QueryResult): number {
  return rowCount ?? 0;
}

const nobodyIsTold = () => {};
