import { afterAll, afterEach } from '@jest/globals';
import pg from 'pg';

/** The part of a client that tells when node-postgres 8 says that node-postgres 9 refuses the statement. */
interface Queueing {
  readonly _queryQueue: readonly unknown[];
  readonly pipeline?: boolean;
}

/**
 * Fails a test that sends a statement through a client of node-postgres while another one waits there: such
 * statements print a deprecation, and `--throw-deprecation` ends the process with it. Node prints it once in a
 * process, so nobody would see which test did it.
 */
const sentTooEarly: Error[] = [];
const { query } = pg.Client.prototype as { query: (...args: unknown[]) => unknown };

pg.Client.prototype.query = function (this: pg.Client & Queueing, ...args: unknown[]) {
  if (this._queryQueue.length > 0 && !this.pipeline) {
    const error = new Error('a statement was sent while another one waits for its client');
    // Prisma itself ends a transaction whose time is over, also while a statement of its handler waits.
    if (!isRollbackOfPrisma(error.stack)) sentTooEarly.push(error);
  }
  return query.apply(this, args);
} as typeof pg.Client.prototype.query;

function isRollbackOfPrisma(stack = ''): boolean {
  return stack.includes('rollbackTransaction') && stack.includes('@prisma/client-engine-runtime');
}

function failIfSentTooEarly(): void {
  const [first] = sentTooEarly.splice(0);
  if (first !== undefined) throw first;
}

afterEach(failIfSentTooEarly);
afterAll(failIfSentTooEarly);
