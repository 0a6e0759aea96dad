/** What an adapter says of a value that was given as `persistenceClient` or in a similar place. */
export type TransactionState =
  /** A transaction that runs now. It belongs to the data source with which the adapter was made. */
  | 'open'
  /** A transaction of that data source that has ended, or has not begun. */
  | 'ended'
  /** The data source itself, or another part of it that belongs to no transaction. */
  | 'root'
  /** Anything else: it belongs to another library or data source, or it is not a client at all. */
  | 'foreign';

/** The words of a library, for the errors. Each of them fits into the middle of a sentence. */
export interface AdapterWords {
  /** For example `TypeORM`. */
  readonly library: string;
  /** For example `the DataSource or its own manager`. */
  readonly root: string;
  /** For example `the EntityManager that dataSource.transaction(async (manager) => …) gives`. */
  readonly transaction: string;
  /** How a handler writes in its transaction. For example `use transaction.withRepository(repository)`. */
  readonly within?: string | undefined;
}

/**
 * The words by which an error names the pool that handlers have used up. `doctor` finds such errors by them.
 */
export const OF_THE_POOL = "of the host's pool";

/** The pool of a library, as far as the library shows it. */
export interface HostPool {
  /** The largest number of connections. */
  readonly size: number;
  /** How many of them are in use now. */
  readonly inUse?: number | undefined;
  /** How many wait for one now. */
  readonly waiting?: number | undefined;
}

/**
 * What the engine uses of a library for Postgres. `Tx` is the library's own transaction: the type of
 * `context.transaction`, of the argument of `integrationApi.transaction`, and of `persistenceClient`.
 * Subpaths hold ready-made adapters: `fromTypeOrm` is in `nestjs-integration/typeorm`, and so on.
 */
export interface HostAdapter<Tx extends object> {
  /**
   * Runs `fn` in a READ COMMITTED transaction, in a session of its own. Resolves to what `fn` returned, after
   * the COMMIT was answered. Rolls back and rejects if `fn` rejects. Rejects if the COMMIT fails.
   */
  transaction<R>(fn: (tx: Tx) => Promise<R>, options: { timeoutMs?: number; maxWaitMs?: number }): Promise<R>;
  /**
   * Runs one statement with the parameters `$1 …` in a transaction, or outside of one. A row is an object
   * whose keys are the names of the columns. `count` is the number of rows that the statement returned or
   * changed.
   */
  query(tx: Tx | undefined, sql: string, values: unknown[]): Promise<{ rows: unknown[]; count: number }>;
  /** Tells what a value is, without asking the server. Never throws. */
  stateOf(value: unknown): TransactionState;
  /**
   * Rejects with this error each statement that is sent through a transaction of `transaction` from now on,
   * except for the ROLLBACK of the library. Resolves when no statement of the transaction is in flight. The
   * engine calls it before it gives up a function that still runs, and rejects the function after that.
   */
  refuse?(tx: Tx, error: Error): Promise<void>;
  /**
   * Tells whether a statement of a transaction of `transaction` is in flight. Undefined if that is not known.
   */
  isBusy?(tx: Tx): boolean | undefined;
  /**
   * The pool from which the transactions get their connections. Undefined if the library does not show it.
   */
  pool?(): HostPool | undefined;
  /** The words for the errors about a client that does not fit. */
  readonly words?: AdapterWords | undefined;
}

/**
 * Makes the adapter of a client that the application's container provides. `fromTypeOrm` is one of these
 * functions.
 */
export type AdapterFactory = (client: never) => HostAdapter<object>;

/** Returns whether a value has the three functions of an adapter. */
export function isHostAdapter(value: unknown): value is HostAdapter<object> {
  if (typeof value !== 'object' || value === null) return false;
  const { transaction, query, stateOf } = value as Partial<HostAdapter<object>>;
  return [transaction, query, stateOf].every((each) => typeof each === 'function');
}
