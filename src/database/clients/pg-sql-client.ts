import { IntegrationError } from '../../errors.js';
import { TransactionEnds } from '../sql/transaction-ends.js';
import { HOST_CLIENT_TYPES } from '../wire/engine-types.js';
import { askValue, hasWire } from '../wire/value-query.js';
import { OwnSqlClient, type ValueStatement } from './own-sql-client.js';
import { StatementGate } from './statement-gate.js';

/**
 * What is used of a client of node-postgres. It comes from `new pg.Client(…)` or from
 * `await pool.connect()`.
 */
export interface PgClient {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[]; rowCount: number | null }>;
}

type PgAnswer = Awaited<ReturnType<PgClient['query']>>;

/** Other properties of such a client. */
interface DriverClient extends PgClient {
  on?(event: 'error', listener: () => void): unknown;
  off?(event: 'error', listener: () => void): unknown;
  /** Only a pool has it. */
  readonly totalCount?: number;
  query(text: string, values: unknown[]): Promise<PgAnswer>;
  query(statement: { text: string; values: unknown[]; types: object }): Promise<PgAnswer>;
}

/**
 * A transaction of node-postgres, in the shape that `persistenceClient` takes. The code that began it ends
 * it:
 *
 * ```ts
 * await client.query('BEGIN');
 * await publisher.publishEvent(event, { persistenceClient: new PgSqlClient(client) });
 * await client.query('COMMIT');
 * ```
 *
 * Throws INTEGRATION_CLIENT_IS_ROOT for a pool. Throws INTEGRATION_CLIENT_INVALID for a value that is no
 * client of node-postgres.
 */
export class PgSqlClient extends OwnSqlClient {
  private readonly given: DriverClient;
  private readonly gate = new StatementGate();

  constructor(client: PgClient) {
    super();
    if (typeof (client as Partial<PgClient> | undefined)?.query !== 'function') throw noClient();
    this.given = client as DriverClient;
    refusePool(this.given);
  }

  /**
   * This is asked each time, because a transaction proxy stands for the pool once its transaction has ended.
   */
  private get client(): DriverClient {
    refusePool(this.given);
    return this.given;
  }

  async $queryRawUnsafe<T = unknown>(sql: string, ...values: unknown[]): Promise<T> {
    return (await this.ask(sql, values)).rows as T;
  }

  async $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number> {
    return (await this.ask(sql, values)).rowCount ?? 0;
  }

  override queryValue({ sql, value }: ValueStatement, column: string): Promise<unknown> {
    const refusal = this.gate.refuses(sql);
    if (refusal !== undefined) return Promise.reject(refusal);
    return askValue(this.client, sql, value) ?? this.askAsOthersDo(sql, value, column);
  }

  override watchEnds(): TransactionEnds | undefined {
    return TransactionEnds.from(this.client);
  }

  /**
   * Listens to errors of the connection until the function that it returns is called. A pool listens to its
   * idle clients only. If the session of a client that is checked out ends while it waits for no answer,
   * nobody would hear the 'error' event, and the process would end.
   *
   * @internal
   */
  listenForErrors(): () => void {
    const ignore = () => {};
    this.client.on?.('error', ignore);
    return () => this.client.off?.('error', ignore);
  }

  /**
   * Refuses what is sent through this object from now on. Resolves when nothing of it is in flight.
   *
   * @internal
   */
  refuse(error: Error): Promise<void> {
    return this.gate.close(error);
  }

  /**
   * Whether a statement of this object is in flight.
   *
   * @internal
   */
  get isBusy(): boolean {
    return this.gate.isBusy;
  }

  /** Reads texts as they are, whatever type parsers the host has set. */
  private ask(text: string, values: unknown[]): Promise<PgAnswer> {
    const { client } = this;
    return this.gate.pass(text, () =>
      hasWire(client) ? client.query({ text, values, types: HOST_CLIENT_TYPES }) : client.query(text, values),
    );
  }

  private async askAsOthersDo(sql: string, value: string, column: string): Promise<unknown> {
    const [row] = (await this.ask(sql, [value])).rows;
    return (row as Record<string, unknown> | undefined)?.[column];
  }
}

function noClient(): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    'new PgSqlClient(…) needs a client of node-postgres: that of `await pool.connect()`, or a pg.Client',
  );
}

/**
 * The property is read, and `in` is not used, because a transaction proxy that was made from a pool answers
 * for the client that is current.
 */
function refusePool(client: DriverClient): void {
  if (client.totalCount === undefined) return;
  throw new IntegrationError(
    'INTEGRATION_CLIENT_IS_ROOT',
    'new PgSqlClient(…) was given a pool, which sends each statement through another connection, so the event would not be part of any transaction. Pass the client of `await pool.connect()` that BEGIN went through',
  );
}
