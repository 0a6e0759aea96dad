import type { ConnectionTarget } from './connection/engine-connection.js';
import { ADMIN_ANSWER_LIMIT_MS, ANSWER_LIMIT_MS } from './sql/session-settings.store.js';
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

/**
 * The limits in milliseconds for the ends of the pools and connections. Nothing of the engine runs any more
 * then, so a statement of it that is left will not be answered. Nobody waits for a server that is known to be
 * silent.
 */
export function closingLimits(
  { closeMs, silentMs }: WaitingLimits,
  use: EngineDatabaseOptions['use'],
  isSilent: boolean,
) {
  if (isSilent) return { ownMs: 0, closeMs: 0, silentMs: 0 };
  return { ownMs: use === 'admin' ? closeMs : silentMs, closeMs, silentMs };
}

/** The times in milliseconds for which the answer to a statement that only reads is waited for. */
export const READ_LIMITS = { engine: ANSWER_LIMIT_MS, admin: ADMIN_ANSWER_LIMIT_MS };
export const DEFAULT_POOL_SIZE = 4;
/** The names under which the server shows the sessions of the pool. */
export const NAMES = { engine: 'nestjs-integration', admin: 'nestjs-integration admin' };
/** This is the number of handlers of a consumer that run at once by default. */
export const DEFAULT_CLIENT_POOL_SIZE = 12;
