import { afterAll, afterEach, beforeAll, jest } from '@jest/globals';
import { silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { emptied, startWebhookApp, type WebhookApp, type WebhookAppSetup } from './webhook-app.js';

/** What the tests of one file share: a database, and one application at a time. */
export interface WebhookStage {
  readonly database: TestDatabase;
  /** A test that closes its application may start another one. */
  start(setup: WebhookAppSetup): Promise<WebhookApp>;
}

/** After each test the application is closed, the time is the real one, and the tables of webhooks are empty. */
export function webhookStage(): WebhookStage {
  let database: TestDatabase;
  let running: WebhookApp | undefined;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    jest.useRealTimers();
    await running?.close();
    silenceLog();
    await emptied(database);
  });
  afterAll(() => database.drop());
  return {
    get database() {
      return database;
    },
    async start(setup) {
      const app = await startWebhookApp(database, setup);
      const close = async () => {
        running = undefined;
        await app.close();
      };
      running = { ...app, close };
      return running;
    },
  };
}
