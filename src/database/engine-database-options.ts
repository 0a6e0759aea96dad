import type { ConnectionTarget } from './connection/engine-connection.js';
import { ANSWER_LIMIT_MS } from './connection/session-settings.store.js';
import { SILENT_AFTER_MS } from './wire/answer-within.js';

export interface EngineDatabaseOptions extends ConnectionTarget {
  /** The name of the schema of the tables. It must have been checked. */
  schema: string;
  /**
   * The number of connections of a pool. Default: 4 for the pool of the engine, and 12 for that of a client.
   */
  max?: number | undefined;
  /** Whose statements the pool is for. Default: `engine`. */
  use?: 'engine' | 'admin' | undefined;
  /** The limits for a server that does not answer. Default: `WAITING_LIMITS`. */
  limits?: Partial<WaitingLimits> | undefined;
  /** Runs each statement of the engine's own. Default: it is just called. */
  around?: Surrounding | undefined;
}

/** Calls `fn` in some surrounding, for example outside of all traces. */
export type Surrounding = <R>(fn: () => R) => R;

export const NOTHING_AROUND: Surrounding = (fn) => fn();

/** The times in milliseconds after which a server that does not answer is taken to be gone. */
export interface WaitingLimits {
  /** The limit for the answer to a statement that has no timeout of its own. */
  readonly answerMs: number;
  /** The limit for the answer to a statement that the server answers at once. */
  readonly silentMs: number;
  /** The limit within which `close` waits for transactions and connections to end. */
  readonly closeMs: number;
}

export const WAITING_LIMITS: WaitingLimits = {
  answerMs: ANSWER_LIMIT_MS,
  silentMs: SILENT_AFTER_MS,
  closeMs: 10_000,
};
