import type { TransactionEnds } from '../sql/transaction-ends.js';
import type { SqlClient } from './sql-client.js';

/** A statement with one value. It is prepared under its name if the connection is the engine's own. */
export interface ValueStatement {
  readonly name: string;
  readonly sql: string;
  readonly value: string;
}

/** A client of this package. It has shorter ways for the engine's own statements. */
export abstract class OwnSqlClient implements SqlClient {
  readonly #isOwn = true;

  /** Prisma's client is a proxy upon proxies, and `instanceof` would ask all of them. */
  static is(client: object): client is OwnSqlClient {
    return #isOwn in client;
  }

  abstract $queryRawUnsafe<T = unknown>(sql: string, ...values: unknown[]): Promise<T>;
  abstract $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number>;

  /**
   * Returns the value of this column, which is the first one, in the first row of the answer. Undefined if
   * there is no row.
   */
  abstract queryValue(statement: ValueStatement, column: string): Promise<unknown>;

  /**
   * Begins to watch whether one of the transaction's own statements ends it. Undefined if the driver does not
   * show that, or if the client looks for itself.
   */
  watchEnds(): TransactionEnds | undefined {
    return undefined;
  }

  /**
   * Sends a statement in one message with the COMMIT of this transaction. It runs after the COMMIT. Returns
   * false if the client cannot do this, and then `onEnd` is not called. Otherwise `onEnd` is called once, and
   * is told whether the statement was run.
   */
  followCommitWith(_sql: string, _onEnd: (wasRun: boolean) => void): boolean {
    return false;
  }
}
