import type { TransactionalSqlClient } from './sql-client.js';

/**
 * The host's client inside the container. Held in a wrapper, never as a provider value of its own: Nest would run
 * the host client's lifecycle hooks a second time.
 */
export class HostClient {
  constructor(readonly client: TransactionalSqlClient) {}
}
