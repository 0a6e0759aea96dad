import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { IntegrationModule } from '../src/integration.module.js';
import { IntegrationDeveloperApiService } from '../src/integration-developer-api.service.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';
let database: TestDatabase;
beforeAll(async () => { database = await createTestDatabase(); });
afterAll(async () => { await database.drop(); });
it('boots', async () => {
  const m = await Test.createTestingModule({ imports: [IntegrationModule.forRoot({ connectionString: database.url })] }).compile();
  const app = m.createNestApplication();
  await app.init();
  const api = app.get(IntegrationDeveloperApiService);
  const r = await api.transaction((tx) => api.publishEvent({ eventName: 'a', sourceModule: 's', aggregateType: 't', aggregateId: '1' }, { persistenceClient: tx }));
  expect(r.position).toBe(1);
  await app.close();
});
