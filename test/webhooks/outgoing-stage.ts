import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { emptyOutgoing, type OutgoingApp, type OutgoingSetup, startOutgoingApp } from './outgoing-app.js';

/** What the tests of one file share: a database, and applications that are closed after each test. */
export interface OutgoingStage {
  readonly database: TestDatabase;
  start(setup?: OutgoingSetup): Promise<OutgoingApp>;
}

export function outgoingStage(): OutgoingStage {
  let database: TestDatabase;
  let running: OutgoingApp[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await Promise.all(running.map((app) => app.close()));
    running = [];
    silenceLog();
    await emptyOutgoing(database);
  });
  afterAll(() => database.drop());
  return {
    get database() {
      return database;
    },
    async start(setup) {
      const app = await startOutgoingApp(database, setup);
      running.push(app);
      return app;
    },
  };
}

/** A destination of everything, unless something else is given. Resolves to its id. */
export async function destinationOf(
  app: OutgoingApp,
  given: object = {},
  tenantId = 'acme',
): Promise<string> {
  const { destination } = await app
    .of(tenantId)
    .create({ url: 'https://receiver.example/hooks', eventTypes: ['*'], ...given });
  return destination.id;
}
