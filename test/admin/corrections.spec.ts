import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CorrectionService, IntegrationDeveloperApiService } from '../../src/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, PLATFORMS, registerConsumer, startAdminApp } from './admin-app.js';

/* Corrections by a patch: of payloads that no request could carry, and of those that are masked. */

const BIG = 900_000;
const SECRET = '4111-1111';

describe.each(PLATFORMS)('on %s, a correction by a patch', (platform) => {
  let database: TestDatabase;
  let admin: AdminApp;
  /** Another process, whose mask hides cards. */
  let masked: AdminApp;
  const denied = new Set<string>();

  beforeAll(async () => {
    database = await createTestDatabase();
    await registerConsumer(database, 'billing');
    admin = await startAdminApp(database, {
      platform,
      admin: {
        actor: () => 'ann',
        permission: (_, action) => !denied.has(action),
      },
    });
    masked = await startAdminApp(database, {
      platform,
      admin: { mask: (payload) => ({ ...(payload as object), card: '****' }) },
    });
  });
  afterAll(async () => {
    await masked.close();
    await admin.close();
    await database.drop();
  });
  afterEach(() => denied.clear());

  /** A dead letter of `billing`. */
  async function deadLetter(payload: object): Promise<string> {
    const { outboxEventId: id } = await admin.app.get(IntegrationDeveloperApiService).publishEvent({
      eventName: 'order.placed',
      sourceModule: 'shop',
      aggregateType: 'order',
      aggregateId: 'o1',
      payload,
    });
    await database.pool.query(
      `WITH e AS (SELECT * FROM integration.outbox_event WHERE id = $1), taken AS (
         UPDATE integration.inbox_cursor c SET unread = unread - int8multirange(int8range(e.position, e.position, '[]')) FROM e
       )
       INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error)
       SELECT id, position, 'billing', aggregate_type, aggregate_id, 'dead_letter', 'boom' FROM e`,
      [id],
    );
    return id;
  }
  const correct = (id: string, patch: unknown, more: object = {}, headers = {}, app = admin) =>
    app.ask(`events/${id}/correct`, {
      method: 'POST',
      json: { consumer: 'billing', patch, reason: 'a typo', ...more },
      headers,
    });
  const payloadOf = async (id: string) =>
    (
      await database.pool.query('SELECT payload::text AS text FROM integration.outbox_event WHERE id = $1', [
        id,
      ])
    ).rows[0]?.text as string;
  const counts = async () =>
    (
      await database.pool.query(
        `SELECT (SELECT count(*)::int FROM integration.outbox_event) AS events,
           (SELECT count(*)::int FROM integration.integration_audit WHERE outcome = 'done') AS changes`,
      )
    ).rows[0];

  it('is made of a payload that no request could carry', async () => {
    const text = 'x'.repeat(BIG);
    const id = await deadLetter({ text, lines: [{ price: 12 }] });
    expect((await correct(id, undefined, { payload: { text } })).status).toBe(413);
    const { status, json } = await correct(id, [{ op: 'replace', path: '/lines/0/price', value: 13 }]);
    expect(status).toBe(200);
    expect(JSON.parse(await payloadOf(json.outboxEventId))).toEqual({ text, lines: [{ price: 13 }] });
    const { rows } = await database.pool.query(
      `SELECT action, after FROM integration.integration_audit WHERE target = $1`,
      [`consumer/billing/event/${id}`],
    );
    expect(rows).toEqual([
      {
        action: 'events.correct',
        after: { publishedAs: json.outboxEventId, position: json.position, eventName: 'order.placed' },
      },
    ]);
  });

  it('is refused with the place of what does not apply, and changes nothing', async () => {
    const id = await deadLetter({ total: 12, list: [] });
    const before = await counts();
    const operation = { op: 'replace', path: '/total', value: 13 };
    for (const [patch, pointer] of [
      [[operation, { op: 'remove', path: '/none' }], '/patch/1/path'],
      [[operation, { op: 'test', path: '/total', value: 12 }], '/patch/1/value'],
      [[{ op: 'add', path: '/list/1', value: 1 }], '/patch/0/path'],
      [[{ op: 'add', path: '/__proto__/x', value: 1 }], '/patch/0/path'],
      [[{ op: 'put', path: '/total', value: 1 }], '/patch/0/op'],
      [operation, '/patch'],
      [[{ ...operation, value: 2 ** 60 }], '/patch/0/value'],
    ] as const)
      expect(await correct(id, patch)).toMatchObject({
        status: 400,
        json: {
          code: 'INTEGRATION_ADMIN_INVALID',
          errors: [{ in: 'body', pointer, message: expect.any(String) }],
        },
      });
    for (const both of [{ payload: {}, patch: [] }, {}])
      expect(await correct(id, undefined, both)).toMatchObject({
        status: 400,
        json: { errors: [{ pointer: '/payload' }, { pointer: '/patch' }] },
      });
    const large = { op: 'add', path: '/text', value: 'x'.repeat(50_000) };
    const many = Array.from({ length: 200 }, (_, n) => ({ op: 'copy', from: '/text', path: `/text${n}` }));
    expect(await correct(id, [large, ...many])).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: expect.stringMatching(/^\/patch\/\d+\/from$/) }] },
    });
    expect(await correct(id, [large, ...many.slice(0, 30)])).toMatchObject({
      status: 400,
      json: { code: 'INTEGRATION_PAYLOAD_TOO_LARGE' },
    });
    expect(await counts()).toEqual(before);
  });

  it('keeps what is masked, and never shows it', async () => {
    const id = await deadLetter({ total: 12, card: SECRET });
    const answers = [];
    for (const patch of [
      [{ op: 'copy', from: '/card', path: '/note' }],
      [{ op: 'move', from: '/card', path: '/note' }],
      [{ op: 'test', path: '/card', value: SECRET }],
      [{ op: 'test', path: '/card', value: 'another' }],
      [{ op: 'add', path: '/note', value: '****' }],
      [{ op: 'remove', path: '/card/0' }],
    ]) {
      const answer = await correct(id, patch, {}, {}, masked);
      expect(answer).toMatchObject({
        status: 400,
        json: { errors: [{ pointer: expect.stringContaining('/patch/0/') }] },
      });
      answers.push(answer);
    }
    // The value that is right is answered as one that is wrong.
    expect(answers[2]?.text).toBe(answers[3]?.text);
    const change = [{ op: 'replace', path: '/total', value: 13 }];
    const { status, json, text } = await correct(id, change, {}, {}, masked);
    expect(status).toBe(200);
    expect(JSON.parse(await payloadOf(json.outboxEventId))).toEqual({ total: 13, card: SECRET });
    const shown = await masked.ask(`events/${json.outboxEventId}/payload`);
    expect(shown.json.payload).toEqual({ total: 13, card: '****' });
    expect([...answers.map((each) => each.text), text, shown.text].join()).not.toContain(SECRET);
  });

  it('needs the right to see payloads', async () => {
    const id = await deadLetter({ total: 12 });
    denied.add('payloads.read');
    const test = [{ op: 'test', path: '/total', value: 12 }];
    expect(await correct(id, test)).toMatchObject({
      status: 403,
      json: { code: 'INTEGRATION_ADMIN_DENIED' },
    });
    expect(await correct(id, undefined, { payload: { total: 13 } })).toMatchObject({ status: 200 });
  });

  it('is made once for one key', async () => {
    const id = await deadLetter({ total: 12 });
    const patch = [{ op: 'replace', path: '/total', value: 13 }];
    const key = { 'idempotency-key': 'once' };
    const { json } = await correct(id, patch, {}, key);
    expect((await correct(id, patch, {}, key)).json).toEqual(json);
    expect(await correct(id, [...patch, ...patch], {}, key)).toMatchObject({ status: 422 });
  });

  it('is made by code as well, with every digit that JavaScript has', async () => {
    const id = await deadLetter({ total: 12 });
    await database.pool.query(
      `UPDATE integration.outbox_event SET payload = '{"total": 12, "rate": 0.0000001, "id": 12345678901234567890}' WHERE id = $1`,
      [id],
    );
    const service = admin.app.get(CorrectionService);
    const by = { reason: 'a typo' };
    await expect(
      service.correct(id, 'billing', { patch: [{ op: 'replace', path: '/total', value: 13 }] }, by),
    ).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
      message: expect.stringMatching(/^payload\.id is/),
    });
    const { outboxEventId } = await service.correct(
      id,
      'billing',
      { patch: [{ op: 'replace', path: '/id', value: 'x' }], eventVersion: 2 },
      by,
    );
    expect(await payloadOf(outboxEventId)).toBe('{"id": "x", "rate": 0.0000001, "total": 12}');
    await expect(service.correct(id, 'billing', {}, by)).rejects.toMatchObject({
      details: { fields: ['payload', 'patch'] },
    });
  });
});
