import type { TransactionalSqlClient } from './sql-client.js';

/**
 * The host's client inside the container. Held in a wrapper, never as a provider value of its own: Nest would
 * run the host client's lifecycle hooks a second time.
 */
export class HostClient {
  private readonly find: () => TransactionalSqlClient;

  /** @param source the client, or how to find it where it may not have been made yet. */
  constructor(source: TransactionalSqlClient | (() => TransactionalSqlClient)) {
    this.find = typeof source === 'function' ? source : () => source;
  }

  get client(): TransactionalSqlClient {
    return this.find();
  }
}
