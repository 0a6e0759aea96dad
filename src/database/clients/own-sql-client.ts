import type { TransactionEnds } from '../sql/transaction-ends.js';
import type { SqlClient } from './sql-client.js';

/** A statement of one value; prepared under its name where the connection is the engine's own. */
export interface ValueStatement {
  readonly name: string;
  readonly sql: string;
  readonly value: string;
}

/** A client of this package, which has shorter ways for the engine's own statements. */
export abstract class OwnSqlClient implements SqlClient {
  readonly #isOwn = true;

  /** Prisma's client is a proxy upon proxies: `instanceof` would ask all of them. */
  static is(client: object): client is OwnSqlClient {
    return #isOwn in client;
  }

  abstract $queryRawUnsafe<T = unknown>(sql: string, ...values: unknown[]): Promise<T>;
  abstract $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number>;

  /**
   * What the first row that a statement answers with has in this column, its first one; undefined if there is
   * no row.
   */
  abstract queryValue(statement: ValueStatement, column: string): Promise<unknown>;

  /**
   * Tells from now on whether the transaction is ended by one of its own statements; undefined where the
   * driver does not show that, or the client looks for itself.
   */
  watchEnds(): TransactionEnds | undefined {
    return undefined;
  }

  /**
   * Has a statement sent in one message with the COMMIT of this transaction, to run after it. Returns false
   * where the client cannot, and then `onEnd` is not called; else it is told once whether the statement was
   * run.
   */
  followCommitWith(_sql: string, _onEnd: (wasRun: boolean) => void): boolean {
    return false;
  }
}
