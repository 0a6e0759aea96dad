import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { IntegrationModuleOptions } from '../../src/index.js';
import { hostClientOver, type PgHostClient } from '../support/host-clients.js';
import { silenceLog } from '../support/log-lines.js';
import type { TestDatabase } from '../support/test-database.js';
import { createGrantedDatabase, type GrantedDatabase, nameOf, type Role } from './granted-roles.js';

/** What the tests of a part share in which each role has the printed grants and no others. */
export interface GrantedPart<App, Options> {
  readonly database: TestDatabase;
  /** The ways in which an application may have a client, for `it.each`. */
  readonly clients: readonly (readonly [words: string, clientOf: () => PgHostClient | undefined])[];
  /** Starts the application as a worker. It is closed after the test. */
  start(options?: Options): Promise<App>;
  /** Takes a right away from a role. */
  revoke(right: string, role: Role): Promise<void>;
}

export function grantedPart<App extends { close(): Promise<void> }, Options extends IntegrationModuleOptions>(
  startApp: (database: TestDatabase, options: Options & IntegrationModuleOptions) => Promise<App>,
): GrantedPart<App, Options> {
  let granted: GrantedDatabase;
  let client: PgHostClient;
  let app: App | undefined;
  beforeAll(async () => {
    granted = await createGrantedDatabase();
    client = hostClientOver(granted.urlOf('handlers'));
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    silenceLog();
  });
  afterAll(async () => {
    await client?.close();
    await granted?.drop();
  });
  return {
    get database() {
      return granted.database;
    },
    clients: [
      ['a client of the application', () => client],
      ['the client of the engine', () => undefined],
    ],
    async start(options) {
      const own = { connectionString: granted.urlOf('worker'), migrations: 'verify' } as const;
      app = await startApp(granted.database, { ...own, ...options } as Options & IntegrationModuleOptions);
      return app;
    },
    revoke: (right, role) => granted.run('migrator', `REVOKE ${right} FROM ${nameOf(role)}`),
  };
}
