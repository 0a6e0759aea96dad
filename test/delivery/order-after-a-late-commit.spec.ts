import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { DomainEvent } from '../../src/index.js';
import { startApp } from '../support/app.js';
import { append } from '../support/append.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const event = (n: number) => ({
  eventName: 'thing.changed',
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId: 'one',
  payload: { n },
});

describe('an event that commits after a later one of its aggregate has failed', () => {
  it('is delivered before the retry, and neither is stuck', async () => {
    const late = new pg.Client({ connectionString: database.url });
    await late.connect();
    await late.query('BEGIN');
    await append(late, [event(1)]);
    const handled: number[] = [];
    const handler = async ({ payload }: DomainEvent) => {
      const { n } = payload as { n: number };
      handled.push(n);
      if (handled.length > 1) return;
      await late.query('COMMIT');
      throw new Error('the first try fails');
    };
    const subscriber = { eventName: 'thing.*', consumerName: 'worker', handler };
    const app = await startApp(database, [{ ...subscriber, startFrom: 'earliest' }], {
      settings: { retryBaseDelayMs: 600_000, retryMaxDelayMs: 600_000 },
    });
    try {
      await app.api.publishEvent(event(2));
      const untilHandled = (count: number) =>
        until(`${count} were handled`, async () => {
          await app.processor.drain({ timeoutMs: 1_000 });
          return handled.length >= count;
        });
      await untilHandled(2);
      await database.pool.query(
        `UPDATE integration.inbox_event SET available_at = clock_timestamp() WHERE status = 'failed'`,
      );
      await untilHandled(3);
      expect(handled).toEqual([2, 1, 2]);
    } finally {
      await app.close();
      await late.end();
    }
  });
});
