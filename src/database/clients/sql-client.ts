import type { IntegrationTypes } from '../../integration.types.js';

/**
 * The host's database client, which is known by its shape alone. A PrismaClient, a
 * `Prisma.TransactionClient` and the results of `$extends` fit as they are.
 */
export interface SqlClient {
  /** Runs one statement with the parameters `$1 …`. Resolves to its rows. */
  $queryRawUnsafe<T = unknown>(sql: string, ...values: unknown[]): PromiseLike<T>;
  /** Runs one statement with the parameters `$1 …`. Resolves to the number of rows that it changed. */
  $executeRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<number>;
}

/** The limits of a transaction: the wait for a connection, and its own time. */
export type TransactionLimit = 'maxWait' | 'timeout';

/** A client that can open an interactive transaction. Times are in milliseconds. */
export interface TransactionalSqlClient<Tx extends SqlClient = SqlClient> extends SqlClient {
  /**
   * The limits that `$transaction` obeys. If a client does not say, it obeys both. A call that asks for a
   * limit which the client ignores is refused.
   */
  readonly $transactionLimits?: readonly TransactionLimit[];
  $transaction<R>(
    fn: (tx: Tx) => Promise<R>,
    options?: { maxWait?: number; timeout?: number; isolationLevel?: 'ReadCommitted' },
  ): Promise<R>;
}

/** The type of a transaction in this application. It is the host's own type if the host declared one. */
export type Tx = IntegrationTypes extends { transaction: infer T } ? T : SqlClient;

/**
 * What `persistenceClient` takes: a client of this shape, or a transaction of the library whose adapter the
 * module was given. `IntegrationTypes` declares its type.
 */
export type PersistenceClient =
  | SqlClient
  | Tx
  | (IntegrationTypes extends { persistenceClient: infer P } ? P : never);

/**
 * A root client can connect and disconnect. The client of an open transaction cannot (Prisma ≥ 7.5). The
 * property is read, and `in` is not used: a transaction proxy (`@InjectTransaction()` of nestjs-cls) answers
 * for the transaction that is current, but it has the properties of the root client from which it was made.
 */
export function isRootClient(client: object): boolean {
  return (client as { $connect?: unknown }).$connect !== undefined;
}

/**
 * Returns what a transaction proxy stands for at this moment. Any other client stands for itself. Such a
 * proxy binds each function to what it stands for, so its `valueOf()` returns that. This is for comparisons
 * only, because statements go through the client that was given.
 */
export function standsFor(client: object): unknown {
  try {
    return client.valueOf();
  } catch {
    return client;
  }
}

/** Returns whether `value` has the two functions through which every statement goes. */
export function isSqlClient(value: unknown): value is SqlClient {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<SqlClient>).$queryRawUnsafe === 'function' &&
    typeof (value as Partial<SqlClient>).$executeRawUnsafe === 'function'
  );
}
