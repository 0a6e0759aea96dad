import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { firstValueFrom, ReplaySubject, take, toArray } from 'rxjs';
import type { DomainEvent } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(async () => {
  await database.drop();
});

const invoice = (id: string, eventName = 'invoice.created') => ({
  eventName,
  sourceModule: 'finance',
  aggregateType: 'invoice',
  aggregateId: id,
  payload: { id },
});

describe('delivery', () => {
  it('hands a committed event to its subscriber, once, and moves the cursor past it', async () => {
    const seen = new ReplaySubject<DomainEvent>();
    const app: TestApp = await startApp(database, [
      {
        eventName: 'invoice.*',
        consumerName: 'operations',
        handler: async (event: DomainEvent) => seen.next(event),
      },
    ]);
    try {
      const published = await app.api.transaction(async (tx) => {
        await (tx as typeof app.prisma).invoice.create({ data: { id: 'i1' } });
        return app.api.publishEvent(invoice('i1'), { persistenceClient: tx });
      });
      const [event] = await firstValueFrom(seen.pipe(take(1), toArray()));
      expect(event).toMatchObject({ outboxEventId: published.outboxEventId, payload: { id: 'i1' } });
      await app.processor.drain();
      expect(await app.inbox.isProcessed(published.outboxEventId, 'operations')).toBe(true);
    } finally {
      await app.close();
    }
  });
});
