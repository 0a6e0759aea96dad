import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DomainEvent } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let app: TestApp;
let handled: DomainEvent[];

beforeEach(async () => {
  database = await createTestDatabase();
  handled = [];
  app = await startApp(
    database,
    [
      {
        consumerName: 'all',
        eventName: '*',
        startFrom: 'earliest',
        handler: async (event: DomainEvent) => {
          handled.push(event);
          if (event.eventName !== 'odd') return;
          await app.api.publishEvent(
            {
              eventName: 'even',
              sourceModule: 'test',
              aggregateType: 'thing',
              aggregateId: event.aggregateId,
            },
            { outsideTransaction: true },
          );
        },
      },
    ],
    { settings: { 'processor.enabled': false } },
  );
});
afterEach(async () => {
  await app.close();
  await database.drop();
});

async function insert(column: string, value: string): Promise<string> {
  const { rows } = await database.pool.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload, ${column})
     VALUES ('odd', 'sql', 'thing', 'a', '{}', $1) RETURNING id`,
    [value],
  );
  return rows[0].id;
}

describe('an event that plain SQL wrote', () => {
  it.each(['null', '[]', '"text"', '7'])(
    'with %s as its metadata begins a correlation of its own',
    async (metadata) => {
      const id = await insert('metadata', metadata);
      await app.processor.drain();
      expect(handled.map((event) => event.metadata.correlationId)).toEqual([id, id]);
      expect((await app.outbox.findById(id))?.metadata).toEqual({});
    },
  );

  it.each([
    ['infinity', '9999-12-31T23:59:59.000Z'],
    ['-infinity', '0001-01-01T00:00:00.000Z'],
    ['200000-01-01', '9999-12-31T23:59:59.000Z'],
  ])(
    'at %s is handled, listed and counted with the nearest time of which there is a date',
    async (time, expected) => {
      const id = await insert('created_at', time);
      const [consumer] = await app.consumers.list();
      expect(Number.isFinite(consumer?.lagSeconds)).toBe(true);
      expect(consumer?.lagSeconds).toBeGreaterThanOrEqual(0);
      await app.processor.drain();
      expect(handled[0]?.timestamp.toISOString()).toBe(expected);
      expect((await app.outbox.findById(id))?.timestamp.toISOString()).toBe(expected);
      const [entry] = (await app.outbox.timeline('thing', 'a')).items;
      expect(entry).toMatchObject({ outboxEventId: id });
    },
  );

  it.each(['infinity', '-infinity'])('to be handled at %s is listed without a time', async (time) => {
    const id = await insert('available_at', time);
    await app.processor.drain();
    expect((await app.outbox.findById(id))?.availableAt).toBeNull();
    const [delivery] = (await app.outbox.statusOf(id))?.consumers ?? [];
    expect(delivery?.status).toBe(time === 'infinity' ? 'pending' : 'processed');
    expect(delivery?.availableAt === null || delivery?.availableAt instanceof Date).toBe(true);
  });
});
