import type { IntegrationTypes } from '../../integration.types.js';

/**
 * The host's database client, known by its shape alone: a PrismaClient, a `Prisma.TransactionClient` and the
 * results of `$extends` fit as they are.
 */
export interface SqlClient {
  /** Runs one statement with `$1 …` parameters; resolves to its rows. */
  $queryRawUnsafe<T = unknown>(sql: string, ...values: unknown[]): PromiseLike<T>;
  /** Runs one statement with `$1 …` parameters; resolves to the number of rows it touched. */
  $executeRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<number>;
}

/** What a transaction may be limited by: the wait for a connection, and its own time. */
export type TransactionLimit = 'maxWait' | 'timeout';

/** A client that can open an interactive transaction. Times in milliseconds. */
export interface TransactionalSqlClient<Tx extends SqlClient = SqlClient> extends SqlClient {
  /**
   * Which limits `$transaction` heeds; both, where a client does not say. One that it ignores is refused
   * where it is asked for.
   */
  readonly $transactionLimits?: readonly TransactionLimit[];
  $transaction<R>(
    fn: (tx: Tx) => Promise<R>,
    options?: { maxWait?: number; timeout?: number; isolationLevel?: 'ReadCommitted' },
  ): Promise<R>;
}

/** The type of a transaction in this application: the host's own where it declared one. */
export type Tx = IntegrationTypes extends { transaction: infer T } ? T : SqlClient;

/**
 * What `persistenceClient` takes: a client of this shape, or a transaction of the library whose adapter the
 * module was given, as `IntegrationTypes` declares it.
 */
export type PersistenceClient =
  | SqlClient
  | Tx
  | (IntegrationTypes extends { persistenceClient: infer P } ? P : never);

/**
 * A root client can connect and disconnect; the client of an open transaction cannot (Prisma ≥ 7.5). The
 * property is read, not looked for: a transaction proxy (`@InjectTransaction()` of nestjs-cls) answers for
 * the transaction that is current, but has the properties of the root client that it was made from.
 */
export function isRootClient(client: object): boolean {
  return (client as { $connect?: unknown }).$connect !== undefined;
}

/**
 * What a transaction proxy stands for at this moment; any other client stands for itself. Such a proxy binds
 * each function to what it stands for, so its `valueOf()` returns that. For comparisons only: statements go
 * through the client that was given.
 */
export function standsFor(client: object): unknown {
  try {
    return client.valueOf();
  } catch {
    return client;
  }
}

/** Whether `value` has the two functions that every statement goes through. */
export function isSqlClient(value: unknown): value is SqlClient {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<SqlClient>).$queryRawUnsafe === 'function' &&
    typeof (value as Partial<SqlClient>).$executeRawUnsafe === 'function'
  );
}
