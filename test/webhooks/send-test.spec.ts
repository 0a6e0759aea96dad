import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { defineEvent, jsonSchema } from 'nestjs-integration/contracts';
import { type WebhookReceiver, webhookReceiver } from 'nestjs-integration/testing';
import { AuditService } from '../../src/index.js';
import { CONTRACTS, customerRenamed, invoiceChecked, type OutgoingApp } from './outgoing-app.js';
import { outgoingStage } from './outgoing-stage.js';

const PLANTED = 'what-receivers-never-see';

const orderPlaced = defineEvent({
  name: 'order.placed',
  schema: jsonSchema<{ total: number }>({ type: 'object' }),
  visibility: 'public',
  examples: [{ total: 7 }, { total: 8 }],
});

/** Its examples are payloads, of which receivers get only a part. */
const memberJoined = defineEvent({
  name: 'member.joined',
  schema: jsonSchema<{ name: string; note: string }>({ type: 'object' }),
  visibility: 'public',
  examples: [{ name: 'Ann', note: PLANTED }],
  webhook: { data: ({ payload }) => ({ name: (payload as { name: string }).name }) },
});

/** What is made of a payload needs more than the example has. */
const memberLeft = defineEvent({
  name: 'member.left',
  schema: jsonSchema<{ note: string }>({ type: 'object' }),
  visibility: 'public',
  examples: [{ note: PLANTED }],
  webhook: {
    data: ({ metadata }) => ({ of: (metadata.origin as string).toLowerCase() }),
  },
});

const stage = outgoingStage();
let receiver: WebhookReceiver;
beforeEach(async () => {
  receiver = await webhookReceiver();
});
afterEach(() => receiver.close());

const start = () =>
  stage.start({
    contracts: [...CONTRACTS, orderPlaced, memberJoined, memberLeft],
    outgoing: { network: receiver.network },
  });

async function created(app: OutgoingApp, given: object = {}) {
  const made = await app.of('acme').create({ url: receiver.url, eventTypes: ['order.*'], ...given });
  receiver.trust(made.secret ?? made.publicKey ?? '');
  return made.destination.id;
}

const rowsOf = async (table: string) =>
  (await stage.database.pool.query(`SELECT count(*)::int AS count FROM integration.${table}`)).rows[0].count;

describe('a test of a destination', () => {
  it('is signed like a delivery, has an id of its own, and says what was answered', async () => {
    const app = await start();
    const id = await created(app, { headers: { 'X-Api-Key': 'k' } });
    const attempt = await app
      .of('acme')
      .sendTest(id, { type: 'order.placed', by: 'ann', reason: 'they asked' });
    expect(attempt).toEqual({
      attempt: 1,
      at: expect.any(Date),
      durationMs: expect.any(Number),
      statusCode: 200,
      error: null,
      answer: 'ok',
    });
    const [request] = receiver.requests;
    expect(request).toMatchObject({
      isVerified: true,
      method: 'POST',
      headers: { 'x-api-key': 'k', 'content-type': 'application/json' },
      json: { type: 'order.placed', data: { total: 7 } },
    });
    expect(request?.id).toMatch(/^msg_test_[0-9a-f-]{36}$/);
    await app.of('acme').sendTest(id);
    expect(new Set(receiver.requests.map((each) => each.id)).size).toBe(2);
  });

  it('leaves a note in the audit, and no delivery, message or attempt', async () => {
    const app = await start();
    const id = await created(app);
    await app.of('acme').sendTest(id, { by: 'ann', reason: 'they asked' });
    for (const table of ['webhook_delivery', 'webhook_message', 'webhook_attempt', 'outbox_event'])
      expect([table, await rowsOf(table)]).toEqual([table, 0]);
    const { entries } = await app.context.get(AuditService).list({ target: `webhook-destination/${id}` });
    expect(entries[0]).toMatchObject({
      action: 'webhook-destinations.test',
      actor: 'ann',
      reason: 'they asked',
      after: { type: 'order.placed', webhookId: receiver.requests[0]?.id },
    });
  });

  it.each([
    ['the first that it asks for', undefined, 'order.placed', { total: 7 }],
    ['one without an example', 'invoice.created', 'invoice.created', { test: true }],
    ['one whose contract hides a part of its example', 'member.joined', 'member.joined', { name: 'Ann' }],
    ['one whose contract makes nothing of its example', 'member.left', 'member.left', { test: true }],
    ['one that receivers see under another name', 'customer.renamed', 'customer.renamed', { test: true }],
  ])('is of %s', async (_, type, sentType, data) => {
    const app = await start();
    const id = await created(app);
    await app.of('acme').sendTest(id, { type });
    expect(receiver.requests).toMatchObject([{ json: { type: sentType, data } }]);
    expect(receiver.requests[0]?.body).not.toContain(PLANTED);
  });

  it('has the format and the signature of the destination', async () => {
    const app = await start();
    const id = await created(app, { format: 'cloudevents', signing: 'v1a' });
    await app.of('acme').sendTest(id);
    const [request] = receiver.requests;
    expect(request).toMatchObject({
      isVerified: true,
      json: { specversion: '1.0', id: request?.id, type: 'order.placed', data: { total: 7 } },
    });
  });

  it('is signed by a secret at once that was rotated a moment ago', async () => {
    const app = await start();
    const id = await created(app);
    await app.of('acme').sendTest(id);
    const { secret } = await app.of('acme').rotateSecret(id, { overlapMs: 0 });
    await app.of('acme').sendTest(id);
    expect(receiver.requests.map(({ isVerified }) => isVerified)).toEqual([true, false]);
    receiver.trust(secret ?? '');
    await app.of('acme').sendTest(id);
    expect(receiver.requests.at(-1)?.isVerified).toBe(true);
  });

  it.each([
    ['refuse', 500, 'no', 'The receiver answered 500'],
    ['gone', 410, 'gone', 'The receiver answered 410'],
    ['retry-after', 503, 'later', 'The receiver answered 503'],
    ['redirect', 302, '', 'redirects are not followed'],
    ['reset', null, null, ''],
    ['garbage', null, null, ''],
  ] as const)(
    'that is answered with %s says so, once, and changes nothing',
    async (behaviour, status, answer, why) => {
      receiver.behave(behaviour);
      const app = await start();
      const id = await created(app);
      expect(await app.of('acme').sendTest(id)).toMatchObject({
        statusCode: status,
        answer,
        error: expect.stringContaining(why),
      });
      expect(receiver.requests).toHaveLength(1);
      expect(await app.of('acme').get(id)).toMatchObject({ status: 'active', reason: null });
      expect(await rowsOf('outbox_event')).toBe(0);
    },
  );

  it('keeps the first KiB of an endless answer', async () => {
    receiver.behave('endless');
    const app = await start();
    const id = await created(app);
    expect((await app.of('acme').sendTest(id)).answer).toHaveLength(1_024);
  });

  it('ends with an error when nobody answers in time', async () => {
    receiver.behave('hang');
    const app = await start();
    const id = await created(app, { timeoutMs: 300 });
    expect(await app.of('acme').sendTest(id)).toMatchObject({ statusCode: null, error: expect.any(String) });
  });

  it('reaches a destination that is paused', async () => {
    const app = await start();
    const id = await created(app);
    await app.of('acme').pause(id);
    expect(await app.of('acme').sendTest(id)).toMatchObject({ statusCode: 200 });
    expect(await app.of('acme').get(id)).toMatchObject({ status: 'paused' });
  });

  it('is refused for what is no public type, for a pattern, and for the destination of another', async () => {
    const app = await start();
    const id = await created(app);
    const refused = async (tenantId: string, of: string, given: object) =>
      app
        .of(tenantId)
        .sendTest(of, given)
        .catch((error: unknown) => error);
    const NOT_PUBLIC = 'INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC';
    const INVALID = 'INTEGRATION_ADMIN_INVALID';
    expect(await refused('acme', id, { type: 'order.place' })).toMatchObject({
      code: NOT_PUBLIC,
      details: { nearest: 'order.placed' },
    });
    expect(await refused('acme', id, { type: invoiceChecked.name })).toMatchObject({ code: NOT_PUBLIC });
    expect(await refused('acme', id, { type: customerRenamed.name })).toMatchObject({ code: NOT_PUBLIC });
    for (const type of ['order.*', '*', 7])
      expect(await refused('acme', id, { type })).toMatchObject({ code: INVALID });
    expect(await refused('acme', id, { typ: 'order.placed' })).toMatchObject({ code: INVALID });
    const UNKNOWN = { code: 'INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN' };
    expect(await refused('globex', id, {})).toMatchObject(UNKNOWN);
    expect(await refused('acme', randomUUID(), {})).toMatchObject(UNKNOWN);
    expect(receiver.requests).toEqual([]);
    const { entries } = await app.context.get(AuditService).list({ target: `webhook-destination/${id}` });
    expect(entries.map(({ action }) => action)).toEqual(['webhook-destinations.create']);
  });
});
