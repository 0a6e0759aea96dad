import { IntegrationError } from '../../errors.js';
import { UnusableConnection } from '../wire/unusable-connection.js';
import type { AdapterWords, HostAdapter, HostPool, TransactionState } from './host-adapter.js';
import { type SqlClient, standsFor, type TransactionalSqlClient } from './sql-client.js';

const NO_WORDS: AdapterWords = {
  library: 'the adapter',
  root: 'the data source itself',
  transaction: 'an open transaction of the data source that the adapter was made with',
};

/** A transaction of the host's library, in the shape that the engine's statements go through. */
export class AdaptedTransaction implements SqlClient {
  readonly #adapter: HostAdapter<object>;

  constructor(
    adapter: HostAdapter<object>,
    /** The library's own: what users see. */
    readonly native: object,
  ) {
    this.#adapter = adapter;
  }

  /** What users see of a transaction: the library's own behind an adapter, else the client itself. */
  static nativeOf(client: object): object {
    return #adapter in client ? client.native : client;
  }

  /**
   * Refuses what is sent through the transaction from now on. Resolves when nothing of it is in flight.
   * Returns undefined if the adapter cannot do this.
   */
  refuse(error: Error): Promise<void> | undefined {
    return this.#adapter.refuse?.(this.native, error);
  }

  /** Whether a statement is in flight. Undefined if the adapter does not tell. */
  get isBusy(): boolean | undefined {
    return this.#adapter.isBusy?.(this.native);
  }

  async $queryRawUnsafe<T = unknown>(sql: string, ...values: unknown[]): Promise<T> {
    return (await this.#adapter.query(this.native, sql, values)).rows as T;
  }

  async $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number> {
    return (await this.#adapter.query(this.native, sql, values)).count;
  }
}

/** The host's library behind its adapter, in the shape of a host's client. */
export class AdaptedClient implements TransactionalSqlClient<AdaptedTransaction> {
  /**
   * None of the libraries ends a transaction by itself whose function still runs. The engine does so for
   * transactional handlers (`HostAdapter.refuse`).
   */
  readonly $transactionLimits = ['maxWait'] as const;
  readonly #adapter: HostAdapter<object>;

  constructor(adapter: HostAdapter<object>) {
    this.#adapter = adapter;
  }

  /**
   * Marks this class, because `instanceof` would look at the properties of a host's client. Prisma's proxies
   * answer that slowly.
   */
  static of(client: object): AdaptedClient | undefined {
    return #adapter in client ? client : undefined;
  }

  async $queryRawUnsafe<T = unknown>(sql: string, ...values: unknown[]): Promise<T> {
    return (await this.#adapter.query(undefined, sql, values)).rows as T;
  }

  async $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number> {
    return (await this.#adapter.query(undefined, sql, values)).count;
  }

  $transaction<R>(
    fn: (tx: AdaptedTransaction) => Promise<R>,
    { maxWait, timeout }: { maxWait?: number; timeout?: number } = {},
  ): Promise<R> {
    const begin = (run: (tx: object) => Promise<R>) =>
      this.#adapter.transaction(run, {
        ...(timeout === undefined ? {} : { timeoutMs: timeout }),
        ...(maxWait === undefined ? {} : { maxWaitMs: maxWait }),
      });
    const run = (tx: object) => fn(new AdaptedTransaction(this.#adapter, tx));
    return maxWait === undefined ? begin(run) : beginWithin(maxWait, begin, run);
  }

  /** The pool of the library, if the library shows it. */
  get pool(): HostPool | undefined {
    return this.#adapter.pool?.();
  }

  stateOf(value: unknown): TransactionState {
    return this.#adapter.stateOf(meantBy(value));
  }

  /**
   * Returns a `persistenceClient` in the shape for statements. Undefined if it is not a transaction of this
   * library and data source.
   *
   * @throws IntegrationError INTEGRATION_CLIENT_IS_ROOT, or INTEGRATION_CLIENT_INVALID for one that has ended
   */
  open(value: unknown): AdaptedTransaction | undefined {
    const meant = meantBy(value);
    switch (this.#adapter.stateOf(meant)) {
      case 'open':
        return new AdaptedTransaction(this.#adapter, meant as object);
      case 'root':
        throw new IntegrationError(
          'INTEGRATION_CLIENT_IS_ROOT',
          `persistenceClient is ${this.words.root}, so the event would not be part of any transaction. Pass ${this.words.transaction}. To publish without a transaction, leave persistenceClient out`,
        );
      case 'ended':
        throw new IntegrationError(
          'INTEGRATION_CLIENT_INVALID',
          `persistenceClient is a transaction of ${this.words.library} that is not open: it has ended, or has not begun. Pass ${this.words.transaction}, and wait for the work in it before it ends`,
        );
      default:
        return undefined;
    }
  }

  /** The error for a `persistenceClient` that is neither of this library nor fit by itself. */
  refusal(): IntegrationError {
    const { library, transaction } = this.words;
    return new IntegrationError(
      'INTEGRATION_CLIENT_INVALID',
      `persistenceClient is not a transaction of ${library} and the data source that IntegrationModule was given: it belongs to another library or data source, or is not a client. Pass ${transaction}`,
    );
  }

  get words(): AdapterWords {
    return this.#adapter.words ?? NO_WORDS;
  }
}

/** A transaction proxy stands for the transaction that is current. */
function meantBy(value: unknown): unknown {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return isObject ? standsFor(value) : value;
}

/**
 * Rejects if the transaction has not begun after this time. A transaction that begins later is rolled back,
 * and its function is not called.
 */
function beginWithin<R>(
  ms: number,
  begin: (run: (tx: object) => Promise<R>) => Promise<R>,
  run: (tx: object) => Promise<R>,
): Promise<R> {
  return new Promise((resolve, reject) => {
    let late: Error | undefined;
    const timer = setTimeout(() => {
      late = new UnusableConnection(
        `connection timeout: the pool of the host's client gave no connection for ${ms} ms`,
      );
      reject(late);
    }, ms);
    const begun = begin(async (tx) => {
      clearTimeout(timer);
      if (late !== undefined) throw late;
      return run(tx);
    });
    begun.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
