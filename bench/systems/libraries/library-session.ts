import type { HostAdapter } from 'nestjs-integration';
import type { BenchEvent } from '../bench-event.js';

/** A library as an application has it: opened on a database, and in the adapter for the project. */
export interface LibrarySession {
  readonly adapter: HostAdapter<object>;
  /** Runs `write` in a transaction that the library opens, and resolves after its COMMIT. */
  transaction(write: (tx: object) => Promise<unknown>): Promise<unknown>;
  /** One row of the plain table in such a transaction, by the library's own way to send SQL with values. */
  insertPlain(tx: object, event: BenchEvent): PromiseLike<unknown>;
  close(): Promise<unknown>;
}

/** A writer needs one connection; the other is for what the engine asks outside of transactions. */
export const POOL_MAX = 2;
