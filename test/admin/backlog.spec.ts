import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IntegrationDeveloperApiService } from '../../src/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { type AdminApp, type Answered, registerConsumer, startAdminApp } from './admin-app.js';

let database: TestDatabase;
let admin: AdminApp;

beforeEach(async () => {
  database = await createTestDatabase();
  await registerConsumer(database, 'billing');
  admin = await startAdminApp(database, {
    admin: { actor: () => 'ann', permission: (_, action) => action !== 'events.correct' || mayCorrect },
  });
});
afterEach(async () => {
  mayCorrect = true;
  await admin.close();
  await database.drop();
});

let mayCorrect = true;

/** Events of the log, and what became of each at `billing`: a status and a time when it is due. */
async function publish(
  ...rows: (readonly [status: string, availableAt: string] | undefined)[]
): Promise<string[]> {
  const published = await admin.app.get(IntegrationDeveloperApiService).publishEvents(
    rows.map((_, n) => ({
      eventName: 'order.placed',
      sourceModule: 'shop',
      aggregateType: 'order',
      aggregateId: `o${n % 2}`,
      payload: { n },
    })),
  );
  for (const [n, row] of rows.entries()) {
    if (row === undefined) continue;
    await database.pool.query(
      `WITH e AS (SELECT * FROM integration.outbox_event WHERE id = $1), taken AS (
         UPDATE integration.inbox_cursor c SET unread = unread - int8multirange(int8range(e.position, e.position, '[]')) FROM e
       )
       INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, available_at, last_error)
       SELECT id, position, 'billing', aggregate_type, aggregate_id, '${row[0]}', ${row[1]}, 'boom' FROM e`,
      [published[n]?.outboxEventId],
    );
  }
  return published.map(({ outboxEventId }) => outboxEventId);
}

const exactly = (count: number) => ({ count, atLeast: false });
const idsOf = ({ json }: Answered): string[] =>
  json.items.map(({ outboxEventId }: { outboxEventId: string }) => outboxEventId);

async function pagesOf(path: string): Promise<string[]> {
  const found: string[] = [];
  for (let next: string | null = ''; next !== null; ) {
    const answer = await admin.ask(`${path}&limit=2${next === '' ? '' : `&after=${next}`}`);
    expect(answer.status).toBe(200);
    found.push(...idsOf(answer));
    next = answer.json.next;
  }
  return found;
}

describe('the backlog of a consumer over REST', () => {
  it('has counts, and pages of the events in each state', async () => {
    const soon = `now() + interval '1 hour'`;
    const ids = await publish(
      ['dead_letter', 'NULL'],
      undefined,
      ['failed', soon],
      ['failed', 'NULL'],
      ['received', `'infinity'`],
      ['received', soon],
      ['processing', 'NULL'],
      undefined,
      undefined,
      ['dead_letter', 'NULL'],
      ['dead_letter', 'NULL'],
      ['failed', soon],
      ['failed', 'NULL'],
    );
    const { json } = await admin.ask('consumers/billing/backlog');
    expect(json).toMatchObject({
      backlog: {
        consumerName: 'billing',
        pending: exactly(3),
        running: exactly(1),
        retrying: exactly(2),
        waiting: exactly(1),
        delayed: exactly(1),
        failedForGood: exactly(2),
        deadLetters: exactly(3),
      },
      items: [],
      next: null,
    });
    const at = (...places: number[]) => places.map((place) => ids[place]);
    const inState = (state: string) => pagesOf(`consumers/billing/backlog?state=${state}`);
    expect(await inState('dead')).toEqual(at(0, 9, 10));
    expect(await inState('pending')).toEqual(at(1, 7, 8));
    expect(await inState('retrying')).toEqual(at(2, 11));
    expect(await inState('failed-for-good')).toEqual(at(3, 12));
    expect(await inState('waiting')).toEqual(at(4));
    expect(await inState('delayed')).toEqual(at(5));
    expect(await inState('running')).toEqual(at(6));
    const [first] = (await admin.ask('consumers/billing/backlog?state=retrying')).json.items;
    expect(first).toMatchObject({ eventName: 'order.placed', lastError: 'boom', dueAt: expect.any(String) });
  });

  it('loses no event where positions tie, and does not ask a page for more than there is to look at', async () => {
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
       SELECT gen_random_uuid(), 7, 'billing', 'order', 'o', 'dead_letter' FROM generate_series(1, 7)`,
    );
    const found = await pagesOf('consumers/billing/backlog?state=dead');
    expect(found).toHaveLength(7);
    expect(new Set(found).size).toBe(7);
  });

  it('of a state that shares its rows with another looks at 100,000 of them at a time', async () => {
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, available_at)
       SELECT gen_random_uuid(), p, 'billing', 'order', 'o' || p, 'failed', CASE WHEN p <= 100001 THEN now() END FROM generate_series(1, 100003) AS p`,
    );
    const answer = await admin.ask('consumers/billing/backlog?state=failed-for-good');
    expect(answer.json.items).toEqual([]);
    const behind = await admin.ask(
      `consumers/billing/backlog?state=failed-for-good&after=${answer.json.next}`,
    );
    expect(behind.json.items.map(({ position }: { position: number }) => position)).toEqual([
      100_002, 100_003,
    ]);
    expect(behind.json.next).toBeNull();
  });

  it('of pending events looks at 100,000 positions at a time, from the first unsettled one on', async () => {
    await database.pool.query(
      `INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload)
       SELECT gen_random_uuid(), CASE WHEN p = 100005 THEN 'order.placed' ELSE 'other' END, 's', 'order', 'o', '{}' FROM generate_series(1, 100005) AS p`,
    );
    await database.pool.query(`UPDATE integration.inbox_cursor SET unread = '{[4,)}'`);
    const answer = await admin.ask('consumers/billing/backlog?state=pending');
    expect(answer.json.items).toEqual([]);
    const behind = await admin.ask(`consumers/billing/backlog?state=pending&after=${answer.json.next}`);
    expect(behind.json.items).toMatchObject([{ position: 100_005, partition: 0, attemptCount: 0 }]);
    expect(behind.json.next).toBeNull();
  });

  it('is refused for a consumer that is not there, and for a state that is none', async () => {
    expect(await admin.ask('consumers/nobody/backlog')).toMatchObject({
      status: 404,
      json: { code: 'INTEGRATION_CONSUMER_UNKNOWN' },
    });
    expect(await admin.ask('consumers/billing/backlog?state=late')).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/state' }] },
    });
  });

  it('shows what holds up others, and what runs', async () => {
    const [blocking] = await publish(
      ['failed', `now() + interval '1 hour'`],
      ['dead_letter', 'NULL'],
      ['received', `'infinity'`],
    );
    const blocked = await admin.ask('consumers/billing/blocked');
    expect(blocked.json.items).toMatchObject([{ outboxEventId: blocking, behind: exactly(1) }]);
    await database.pool.query(
      `INSERT INTO integration.integration_process (id, host, pid, role, seen_at, working)
       SELECT gen_random_uuid(), 'there', n, 'worker', now() - n * interval '1 day', '[
         {"consumerName": "billing", "partition": 0, "position": 3, "eventName": "order.placed", "events": 1, "attempt": 2, "since": "2026-11-25T20:00:00Z"},
         {"consumerName": "other", "partition": 0, "position": 3, "eventName": "x", "events": 1, "attempt": 1, "since": "2026-11-25T20:00:00Z"}]'
       FROM generate_series(0, 1) AS n`,
    );
    const running = await admin.ask('consumers/billing/running');
    // The process that was not seen for a day runs nothing.
    expect(running.json.items).toMatchObject([
      { host: 'there', pid: 0, consumerName: 'billing', attempt: 2, since: '2026-11-25T20:00:00.000Z' },
    ]);
  });
});

describe('rates over REST', () => {
  it('come in steps for one consumer, and of the last minute with the consumers and the overview', async () => {
    const { json: before } = await admin.ask('consumers/billing');
    expect(before.settledPerSecond).toBeNull();
    await database.pool.query(
      `INSERT INTO integration.integration_sample (at, consumer_name, partition, head, backlog, dead)
       SELECT now() - n * interval '10 seconds', 'billing', 0, 1000 - 30 * n, 100 - 10 * n, 0 FROM generate_series(0, 4) AS n`,
    );
    const { json } = await admin.ask('consumers/billing/rates?step=60');
    expect(json).toMatchObject({ consumerName: 'billing', step: 60 });
    expect(json.points).toHaveLength(60);
    expect(json.points[0]).toMatchObject({ publishedPerSecond: null, settledPerSecond: null, backlog: null });
    expect(json.points.at(-1)).toMatchObject({
      publishedPerSecond: expect.closeTo(3, 6),
      settledPerSecond: expect.closeTo(2, 6),
      backlog: 100,
    });
    const rates = { settledPerSecond: expect.closeTo(2, 6) };
    expect((await admin.ask('consumers/billing')).json).toMatchObject(rates);
    expect((await admin.ask('consumers')).json.items).toMatchObject([rates]);
    expect((await admin.ask('overview')).json).toMatchObject({
      ...rates,
      publishedPerSecond: expect.closeTo(3, 6),
    });
    expect(await admin.ask('consumers/billing/rates?from=2020-01-01T00:00:00Z&step=10')).toMatchObject({
      status: 400,
    });
  });
});

describe('a correction', () => {
  const correct = (id: string, json: object = {}, headers = {}) =>
    admin.ask(`events/${id}/correct`, {
      method: 'POST',
      json: { consumer: 'billing', payload: { total: 7 }, reason: 'a typo', ...json },
      headers,
    });
  const rowOf = async (id: string) =>
    (
      await database.pool.query(
        'SELECT status, resolution FROM integration.inbox_event WHERE outbox_event_id = $1',
        [id],
      )
    ).rows[0];
  const logged = async () =>
    (await database.pool.query('SELECT * FROM integration.outbox_event ORDER BY position')).rows;
  const audited = async () =>
    (await database.pool.query(`SELECT * FROM integration.integration_audit WHERE outcome = 'done'`)).rows;

  it('publishes another event and discards the failed one, with one row in the audit', async () => {
    const [dead = ''] = await publish(['dead_letter', 'NULL']);
    const { status, json } = await correct(dead);
    expect(status).toBe(200);
    const [before, corrected, ...others] = await logged();
    expect(others).toEqual([]);
    expect(before).toMatchObject({ id: dead, payload: { n: 0 } });
    expect(corrected).toMatchObject({
      id: json.outboxEventId,
      event_name: 'order.placed',
      source_module: 'shop',
      aggregate_type: 'order',
      aggregate_id: 'o0',
      payload: { total: 7 },
      metadata: { correlationId: before.metadata.correlationId, causationId: dead },
    });
    expect(await rowOf(dead)).toMatchObject({
      status: 'skipped',
      resolution: { action: 'discard', by: 'ann', reason: 'a typo' },
    });
    expect(await audited()).toEqual([
      expect.objectContaining({
        actor: 'ann',
        via: 'rest',
        action: 'events.correct',
        target: `consumer/billing/event/${dead}`,
        after: { publishedAs: json.outboxEventId, position: json.position, eventName: 'order.placed' },
        reason: 'a typo',
        affected: '1',
      }),
    ]);
  });

  it('of an event that is tried again takes the place of the retry', async () => {
    const [failed = ''] = await publish(['failed', `now() + interval '1 hour'`]);
    expect((await correct(failed)).status).toBe(200);
    expect(await rowOf(failed)).toMatchObject({ status: 'skipped' });
  });

  it('is refused where the event has not failed, is not there, or nobody is named', async () => {
    const [waiting = '', runs = '', pending = ''] = await publish(
      ['received', `'infinity'`],
      ['processing', 'NULL'],
      undefined,
    );
    for (const id of [waiting, runs, pending, '00000000-0000-7000-8000-00000000000f']) {
      expect(await correct(id)).toMatchObject({
        status: 409,
        json: { code: 'INTEGRATION_CORRECTION_REFUSED' },
      });
    }
    expect(await correct(waiting, { consumer: undefined })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/consumer', message: 'is missing' }] },
    });
    expect(await correct(waiting, { reason: undefined })).toMatchObject({ status: 400 });
    expect(await logged()).toHaveLength(3);
    expect(await audited()).toEqual([]);
  });

  it('changes nothing if its payload cannot be published, or would lose digits', async () => {
    const [dead = ''] = await publish(['dead_letter', 'NULL']);
    expect(await correct(dead, { payload: { text: '\0' } })).toMatchObject({
      status: 400,
      json: { code: 'INTEGRATION_PAYLOAD_INVALID' },
    });
    const answer = await admin.ask(`events/${dead}/correct`, {
      method: 'POST',
      body: `{"consumer": "billing", "reason": "x", "payload": {"lines": [{"id": 12345678901234567890}]}}`,
      headers: { 'content-type': 'application/json', 'x-integration-admin': 'test' },
    });
    expect(answer).toMatchObject({ status: 400, json: { errors: [{ pointer: '/payload/lines/0/id' }] } });
    expect(await logged()).toHaveLength(1);
    expect(await rowOf(dead)).toMatchObject({ status: 'dead_letter' });
    expect(await audited()).toEqual([]);
  });

  it('is made once of two at the same time, and once for one key', async () => {
    const [dead = '', other = ''] = await publish(['dead_letter', 'NULL'], ['dead_letter', 'NULL']);
    const both = await Promise.all([correct(dead), correct(dead)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    const key = { 'idempotency-key': 'once' };
    expect((await correct(other, {}, key)).json).toEqual((await correct(other, {}, key)).json);
    expect(await logged()).toHaveLength(4);
    expect(await audited()).toHaveLength(2);
  });

  it('has a permission of its own', async () => {
    const [dead = ''] = await publish(['dead_letter', 'NULL']);
    mayCorrect = false;
    expect(await correct(dead)).toMatchObject({ status: 403 });
    await until('nothing was published', async () => (await logged()).length === 1);
  });
});

describe('the dead letters of a consumer over REST', () => {
  it('are counted up to 10,000, and it is said where there are more', async () => {
    const { pool } = database;
    await pool.query(`UPDATE integration.inbox_cursor SET partitions = 2;
      INSERT INTO integration.inbox_cursor (consumer_name, partition, partitions, event_names, unread)
      SELECT consumer_name, 1, 2, event_names, unread FROM integration.inbox_cursor;
      INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, partition, aggregate_type, aggregate_id, status)
      SELECT gen_random_uuid(), n, 'billing', n % 2, 'order', n::text, 'dead_letter' FROM generate_series(1, 10000) AS n`);
    const counts = async () => {
      const { json } = await admin.ask('consumers/billing');
      return [json, ...json.partitions].map(({ deadLetters, deadLettersAtLeast }) => [
        deadLetters,
        deadLettersAtLeast,
      ]);
    };
    expect(await counts()).toEqual([
      [10_000, false],
      [5_000, false],
      [5_000, false],
    ]);
    await pool.query(`INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, partition, aggregate_type, aggregate_id, status)
      VALUES (gen_random_uuid(), 10001, 'billing', 1, 'order', 'one more', 'dead_letter')`);
    expect(await counts()).toEqual([
      [10_000, true],
      [5_000, true],
      [5_001, true],
    ]);
  });
});
