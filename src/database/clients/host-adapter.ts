/** What `persistenceClient` and the like may be, as an adapter tells it. */
export type TransactionState =
  /** A transaction that runs now, of the data source that the adapter was made with. */
  | 'open'
  /** A transaction of that data source that has ended, or has not begun. */
  | 'ended'
  /** The data source itself, or what else of it belongs to no transaction. */
  | 'root'
  /** Anything else: of another library or data source, or no client at all. */
  | 'foreign';

/** How a library calls its things, for the errors. Each fits in the middle of a sentence. */
export interface AdapterWords {
  /** `TypeORM`. */
  readonly library: string;
  /** `the DataSource or its own manager`. */
  readonly root: string;
  /** `the EntityManager that dataSource.transaction(async (manager) => …) gives`. */
  readonly transaction: string;
}

/**
 * A library for Postgres as the engine uses it. `Tx` is the library's own transaction: what
 * `context.transaction` and the argument of `integrationApi.transaction` are, and what `persistenceClient`
 * takes. Ready-made ones are in subpaths: `fromTypeOrm` in `nestjs-integration/typeorm`, and so on.
 */
export interface HostAdapter<Tx extends object> {
  /**
   * Runs `fn` in a READ COMMITTED transaction of a session of its own. Resolves to what `fn` returned, after
   * the COMMIT was answered; rolls back and rejects where `fn` rejects, and rejects where the COMMIT fails.
   */
  transaction<R>(fn: (tx: Tx) => Promise<R>, options: { timeoutMs?: number; maxWaitMs?: number }): Promise<R>;
  /**
   * Runs one statement with `$1 …` parameters in a transaction, or in none. Rows are objects by the names of
   * their columns; `count` is how many rows the statement gave or touched.
   */
  query(tx: Tx | undefined, sql: string, values: unknown[]): Promise<{ rows: unknown[]; count: number }>;
  /** What a value is, told without asking the server. Never throws. */
  stateOf(value: unknown): TransactionState;
  /** For the errors about a client that does not fit. */
  readonly words?: AdapterWords | undefined;
}

/**
 * Makes the adapter of a client that the application's container provides; `fromTypeOrm` and the like are
 * it.
 */
export type AdapterFactory = (client: never) => HostAdapter<object>;

/** Whether a value has the three functions of an adapter. */
export function isHostAdapter(value: unknown): value is HostAdapter<object> {
  if (typeof value !== 'object' || value === null) return false;
  const { transaction, query, stateOf } = value as Partial<HostAdapter<object>>;
  return [transaction, query, stateOf].every((each) => typeof each === 'function');
}
