import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from '../support/app.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
const apps: TestApp[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  silenceLog();
});
afterAll(() => database.drop());

const event = (eventName: string) => ({
  eventName,
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId: '1',
});
const start = async (...args: Parameters<typeof startApp>) => {
  const app = await startApp(...args);
  apps.push(app);
  return app;
};

describe('an event name that is published and that no consumer asks for', () => {
  it('is said once and at once, and no name that a consumer of any process asks for', async () => {
    const handler = async () => {};
    await start(database, [{ eventName: 'elsewhere.*', consumerName: 'elsewhere', handler }]);
    const { api } = await start(database, [{ eventName: 'here.a', consumerName: 'here', handler }], {
      role: 'publisher',
    });
    const lines = hearLog();
    await api.publishEvents([event('here.a'), event('elsewhere.a'), event('misspelt.a')]);
    await api.transaction((tx) => api.publishEvent(event('misspelt.b'), { persistenceClient: tx }));
    const isSaid = (name: string) => lines.find(({ text }) => text.startsWith(`Nobody consumes "${name}"`));
    await isSaid('misspelt.a');
    await isSaid('misspelt.b');
    await api.publishEvents([event('misspelt.a'), event('misspelt.c')]);
    await isSaid('misspelt.c');
    const said = lines.all.flatMap(({ text }) => /^Nobody consumes "([^"]+)"/.exec(text)?.[1] ?? []);
    expect(said.sort()).toEqual(['misspelt.a', 'misspelt.b', 'misspelt.c']);
  });
});
