import type { HostAdapter } from '../../src/index.js';

/** One library, as its users would set it up, for the cases that all of them go through. */
export interface TriedLibrary {
  readonly adapter: HostAdapter<object>;
  /** What belongs to no transaction. */
  readonly root: object;
  /** A transaction of the library's own, which the engine knows nothing of. */
  transaction<R>(fn: (tx: object) => Promise<R>): Promise<R>;
  /** A statement that needs a connection of the pool. */
  ask(): PromiseLike<unknown>;
  /** A savepoint, or a nested transaction, of that one; rolled back where `fn` rejects. */
  savepoint(tx: object, fn: (tx: object) => Promise<unknown>): Promise<unknown>;
  close(): Promise<unknown>;
}

/**
 * Opens the library on a database, with a pool of `max` connections, and has it wait `waitMs` for one of them
 * where it knows such a limit.
 */
export type OpenLibrary = (url: string, max?: number, waitMs?: number) => Promise<TriedLibrary>;

/** For libraries without a call for savepoints. */
export async function savepointBySql(run: (sql: string) => Promise<unknown>, fn: () => Promise<unknown>) {
  await run('SAVEPOINT part');
  try {
    return await fn();
  } catch (error) {
    await run('ROLLBACK TO SAVEPOINT part');
    throw error;
  }
}
