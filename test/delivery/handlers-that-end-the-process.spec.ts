import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { BY_HANDLER, workUntilSettled } from '../support/until-settled.js';

const MAX_ATTEMPTS = 3;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
});

describe('an event whose handler ends the process', () => {
  it('is a dead letter after at most 2 + maxAttempts ends, and takes no other event with it', async () => {
    const publisher = await startApp(database, [], { role: 'publisher' });
    await publisher.api.publishEvents(
      Array.from({ length: 200 }, (_, n) => ({
        eventName: 'job.wanted',
        sourceModule: 'test',
        aggregateType: 'job',
        aggregateId: `j${n % 50}`,
        payload: { n, exit: n === 77 },
      })),
    );
    await publisher.close();
    const ends = await workUntilSettled(database, {
      consumers: [{ consumerName: 'plain', eventName: 'job.*', startFrom: 'earliest' }],
      endedBy: BY_HANDLER,
    });
    expect(ends).toBeLessThanOrEqual(2 + MAX_ATTEMPTS);
    const { rows } = await database.pool.query(
      `SELECT status, attempt_count, o.payload->>'n' AS n FROM integration.inbox_event i
       JOIN integration.outbox_event o ON o.position = i.position WHERE status <> 'processed'`,
    );
    expect(rows).toEqual([{ status: 'dead_letter', attempt_count: MAX_ATTEMPTS, n: '77' }]);
  }, 120_000);

  it('is one as well where the handler puts it off between two ends', async () => {
    const publisher = await startApp(database, [], { role: 'publisher' });
    const published = await publisher.api.publishEvent({
      eventName: 'job.wanted',
      sourceModule: 'test',
      aggregateType: 'job',
      aggregateId: 'late',
      payload: { n: 1, exit: true, putOff: true },
    });
    await publisher.close();
    const ends = await workUntilSettled(database, {
      consumers: [{ consumerName: 'plain', eventName: 'job.*', startFrom: 'earliest' }],
      endedBy: BY_HANDLER,
    });
    expect(ends).toBeLessThanOrEqual(2 + MAX_ATTEMPTS);
    const { rows } = await database.pool.query(
      `SELECT status, attempt_count FROM integration.inbox_event WHERE outbox_event_id = $1`,
      [published.outboxEventId],
    );
    expect(rows).toEqual([{ status: 'dead_letter', attempt_count: MAX_ATTEMPTS }]);
  }, 120_000);
});
