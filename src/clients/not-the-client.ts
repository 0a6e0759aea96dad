import { IntegrationError } from '../errors.js';

/** The error for what an adapter was given in place of its library's own. */
export function notTheClient(adapter: string, expected: string, pkg: string): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_CLIENT_INVALID',
    `${adapter}(…) needs ${expected}, and was given something else. If the library is not installed, install it: npm install ${pkg}`,
    { package: pkg },
  );
}

/**
 * A transaction that the library's transaction function gave, for libraries whose transactions do not tell.
 */
export class EndedTransactions {
  private readonly ended = new WeakSet<object>();

  has(transaction: object): boolean {
    return this.ended.has(transaction);
  }

  /** `fn`, whose transaction is known as ended once it has. */
  watching<Tx extends object, R>(fn: (tx: Tx) => Promise<R>): (tx: Tx) => Promise<R> {
    return async (tx) => {
      try {
        return await fn(tx);
      } finally {
        this.ended.add(tx);
      }
    };
  }
}

const heard = new WeakSet<object>();

/**
 * A pool of node-postgres listens to its idle clients only, and the end of a session that nobody hears of
 * ends the process. What fails because of it is told by the statements that fail.
 */
export function hearErrors(client: { on?(event: 'error', listener: () => void): unknown }): void {
  if (heard.has(client) || typeof client.on !== 'function') return;
  heard.add(client);
  client.on('error', () => {});
}
