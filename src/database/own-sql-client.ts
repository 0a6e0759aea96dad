import type { EngineStatement } from './named-statement.js';
import type { SqlClient } from './sql-client.js';

/** A client of this package, which has shorter ways for the engine's own statements. */
export abstract class OwnSqlClient implements SqlClient {
  readonly #isOwn = true;

  /** Prisma's client is a proxy upon proxies: `instanceof` would ask all of them. */
  static is(client: SqlClient): client is OwnSqlClient {
    return #isOwn in client;
  }

  abstract $queryRawUnsafe<T = unknown>(sql: string, ...values: unknown[]): Promise<T>;
  abstract $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number>;

  /** What the first row that a statement answers with has in this column, its first one; undefined if there is no row. */
  abstract queryValue(statement: EngineStatement, column: string): Promise<unknown>;
}
