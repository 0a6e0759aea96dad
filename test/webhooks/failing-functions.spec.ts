import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { hmacSource, type RawWebhookRequest, type WebhookSourceOptions } from 'nestjs-integration/webhooks';
import { runJsonCommand } from '../support/command.js';
import { hearLog, TEST_LOGGER } from '../support/log-lines.js';
import { storedEvents, storedRows, type WebhookApp } from './webhook-app.js';
import { webhookStage } from './webhook-stage.js';

const BODY = '{"id":"7","kind":"paid","secret":"planted"}';
const SIGNATURE = createHmac('sha256', 'a good secret').update(BODY).digest('hex');
const GENUINE = { body: BODY, headers: { 'content-type': 'application/json', 'x-sig': SIGNATURE } };
const FORGED = { ...GENUINE, headers: { ...GENUINE.headers, 'x-sig': SIGNATURE.replace(/./g, '0') } };

const stage = webhookStage();

/** The message repeats what was sent, as those of parsers do. */
function throwing({ body }: RawWebhookRequest): never {
  throw new TypeError(`cannot read ${body}\n    at planted (/planted/file.js:1:1)`);
}

async function start(functions: Partial<WebhookSourceOptions>): Promise<WebhookApp> {
  const shop = hmacSource({
    key: 'shop',
    secrets: 'a good secret',
    signature: { header: 'X-Sig' },
    deliveryId: () => 'd7',
    type: () => 'paid',
    aggregate: () => ({ type: 'order', id: '7' }),
    occurredAt: () => new Date(0),
    ...functions,
  });
  return stage.start({
    webhooks: { incoming: { sources: [shop] } },
    create: { logger: TEST_LOGGER },
  });
}

/** What stands in the place of the answer that is missing. */
const APART = { name: 'webhook.shop.invalid.paid', aggregate: 'order/7', id: 'd7' };
const BY_BODY = expect.stringMatching(/^sha256:[0-9a-f]{64}$/);

describe('a genuine delivery is stored, and its sender is answered 2xx, where', () => {
  it.each<[keyof WebhookSourceOptions, object]>([
    ['deliveryId', { ...APART, id: BY_BODY }],
    ['type', { ...APART, name: 'webhook.shop.invalid.unknown' }],
    ['aggregate', { ...APART, aggregate: 'webhook_shop/d7' }],
  ])('%s throws: apart from those of its type, once', async (name, wanted) => {
    const said = hearLog();
    const { send, close } = await start({ [name]: throwing });
    expect(await send('/webhooks/shop', FORGED)).toMatchObject({ status: 401 });
    const answers = [await send('/webhooks/shop', GENUINE), await send('/webhooks/shop', GENUINE)];
    expect(answers.map(({ status, json }) => [status, json.status])).toEqual([
      [200, 'accepted'],
      [200, 'repeated'],
    ]);
    const [event, ...others] = await storedEvents(stage.database);
    expect(others).toEqual([]);
    const { webhook } = event?.metadata ?? {};
    expect({ name: event?.name, aggregate: event?.aggregate, id: webhook.deliveryId }).toEqual(wanted);
    expect(webhook.violations).toEqual([{ path: name, reason: 'the function throws a TypeError' }]);
    expect(event?.payload).toEqual(JSON.parse(BODY));
    const lines = said.texts('warn', 'error').filter((line) => line.includes(`${name} of source "shop"`));
    expect(lines).toEqual([
      expect.stringMatching(/throws a TypeError \(at .*failing-functions\.spec\.ts:\d+\)/),
    ]);
    expect(said.texts('warn', 'error').join() + answers.map(({ text }) => text).join()).not.toContain(
      'planted',
    );
    await close();
    const { result } = await runJsonCommand(['webhooks', 'sources'], stage.database);
    expect(result).toMatchObject({
      sources: [{ accepted: 1, invalid: 1, repeated: 1, refused: { signature: 1 } }],
    });
  });

  it('occurredAt throws: as an event of its type without a time', async () => {
    const said = hearLog();
    const { send } = await start({ occurredAt: throwing });
    expect(await send('/webhooks/shop', GENUINE)).toMatchObject({ status: 200 });
    const [event] = await storedEvents(stage.database);
    expect(event).toMatchObject({ name: 'webhook.shop.paid', aggregate: 'order/7' });
    expect(event?.metadata.webhook).not.toHaveProperty('occurredAt');
    expect(await said.saying('occurredAt of source "shop"')).not.toContain('planted');
  });

  it.each<[string, (request: RawWebhookRequest, state: { verified: boolean }) => undefined]>([
    ['before it is verified', throwing],
    ['once it is verified', (request, { verified }) => (verified ? throwing(request) : undefined)],
    ['later', (async (request: RawWebhookRequest) => throwing(request)) as never],
  ])('handshake throws %s: as a delivery', async (_, handshake) => {
    const said = hearLog();
    const { send } = await start({ handshake });
    expect(await send('/webhooks/shop', FORGED)).toMatchObject({ status: 401 });
    expect(await send('/webhooks/shop', GENUINE)).toMatchObject({
      status: 200,
      json: { status: 'accepted' },
    });
    expect((await storedEvents(stage.database)).map(({ name }) => name)).toEqual(['webhook.shop.paid']);
    expect(await said.saying('handshake of source "shop" throws a TypeError')).not.toContain('planted');
  });

  it.each<[string, keyof WebhookSourceOptions, unknown, RegExp]>([
    ['an object', 'deliveryId', { id: 'planted' }, /no text/],
    ['a promise', 'deliveryId', Promise.resolve('d7'), /a promise/],
    ['a promise', 'type', Promise.resolve('paid'), /a promise/],
    ['a list', 'type', ['paid'], /no text/],
    ['a promise', 'aggregate', Promise.resolve({ type: 'order', id: '7' }), /a promise/],
    ['an object as id', 'aggregate', { type: 'order', id: {} }, /no text/],
  ])('a function answers with %s (%s)', async (_, name, answer, reason) => {
    const { send } = await start({ [name]: () => answer });
    expect(await send('/webhooks/shop', GENUINE)).toMatchObject({ status: 200 });
    const [event] = await storedEvents(stage.database);
    expect(event?.name).toMatch(/^webhook\.shop\.invalid\./);
    expect(event?.metadata.webhook.violations).toEqual([
      { path: name, reason: expect.stringMatching(reason) },
    ]);
  });

  it('a function answers with a promise that rejects, and the process lives on', async () => {
    const { send } = await start({
      type: (async (request: RawWebhookRequest) => throwing(request)) as never,
    });
    expect(await send('/webhooks/shop', GENUINE)).toMatchObject({ status: 200 });
    expect(await storedEvents(stage.database)).toMatchObject([{ name: 'webhook.shop.invalid.unknown' }]);
  });

  it('a function answers with a number or with nothing: as an event of its type', async () => {
    const { send } = await start({ deliveryId: () => 7 as never, type: () => undefined as never });
    expect(await send('/webhooks/shop', GENUINE)).toMatchObject({ status: 200 });
    const [event] = await storedEvents(stage.database);
    expect([event?.name, event?.metadata.webhook.deliveryId]).toEqual(['webhook.shop.unknown', '7']);
  });
});

it('where the source refuses what is invalid, such a delivery is refused, and nothing is stored', async () => {
  const { send } = await start({ type: throwing, invalid: 'reject' });
  const answer = await send('/webhooks/shop', GENUINE);
  expect(answer).toMatchObject({ status: 422, json: { step: 'payload' } });
  expect(answer.text).not.toContain('planted');
  expect(await storedRows(stage.database)).toEqual({ events: 0, receipts: 0, bodies: 0 });
});

it('a GET that makes the handshake throw is no delivery, and is answered 500', async () => {
  const { send } = await start({ handshake: throwing });
  expect(await send('/webhooks/shop', { method: 'GET' })).toMatchObject({ status: 500 });
});
