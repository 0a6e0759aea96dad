import { createHmac } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { VersioningType } from '@nestjs/common';
import { githubSource, hmacSource, hubspotSource, shopifySource } from 'nestjs-integration/webhooks';
import { until } from '../support/until.js';
import {
  type Answered,
  fromGithub,
  PLATFORMS,
  SECRET,
  storedEvents,
  storedRows,
  type WebhookApp,
  type WebhookAppSetup,
} from './webhook-app.js';
import { webhookStage } from './webhook-stage.js';

const BODY = JSON.stringify({ action: 'opened', repository: { id: 7 }, title: 'a "quoted" title: ü' });
const github = { incoming: { sources: [githubSource({ secrets: SECRET })] } };
const MEGABYTE = 1_048_576;

const stage = webhookStage();

const start = async (setup: Partial<WebhookAppSetup> = {}): Promise<WebhookApp> => {
  return stage.start({ webhooks: github, ...setup });
};

describe.each(PLATFORMS)('on %s, a delivery', (platform) => {
  it('is verified, published once, and answered with 2xx also when it is repeated', async () => {
    const { send } = await start({ platform });
    const first = await send('/webhooks/github', fromGithub(BODY, { event: 'pull_request' }));
    expect(first).toMatchObject({ status: 200, json: { status: 'accepted' } });
    expect(Object.keys(first.json)).toEqual(['status', 'outboxEventId']);
    const second = await send('/webhooks/github', fromGithub(BODY, { event: 'pull_request' }));
    expect(second).toMatchObject({
      status: 200,
      json: { status: 'repeated', outboxEventId: first.json.outboxEventId },
    });
    expect(await storedEvents(stage.database)).toEqual([
      {
        id: first.json.outboxEventId,
        name: 'webhook.github.pull_request.opened',
        aggregate: 'github_repository/7',
        payload: JSON.parse(BODY),
        metadata: expect.objectContaining({
          webhook: {
            source: 'github',
            deliveryId: 'd1',
            body: 'json',
            bytesKept: false,
            contentType: 'application/json',
            secret: 0,
          },
        }),
      },
    ]);
  });

  it.each([
    ['the host keeps raw bodies', { create: { rawBody: true } }],
    ['the host parses no bodies', { create: { bodyParser: false } }],
    [
      'there are a global prefix and versions in URLs',
      {
        path: '/api/v2/webhooks/github',
        prepare: (its) =>
          its.setGlobalPrefix('api/v2').enableVersioning({ type: VersioningType.URI, defaultVersion: '7' }),
      },
    ],
    [
      'the path is excluded from the global prefix',
      { prepare: (its) => its.setGlobalPrefix('api', { exclude: ['webhooks/*path'] }) },
    ],
    [
      'versions stand in a header',
      { prepare: (its) => its.enableVersioning({ type: VersioningType.HEADER, header: 'v' }) },
    ],
    [
      'the module has a path of its own',
      { path: '/in/hooks/github', webhooks: { ...github, path: '/in/hooks/' } },
    ],
  ] as [string, Partial<WebhookAppSetup> & { path?: string }][])(
    'is accepted where %s',
    async (_, { path = '/webhooks/github', ...setup }) => {
      const { send } = await start({ platform, ...setup });
      // The body is longer than the 100 kB that body parsers allow.
      const long = JSON.stringify({ repository: { id: 1 }, text: 'x'.repeat(200_000) });
      expect(await send(path, fromGithub(long))).toMatchObject({ status: 200 });
      expect(await storedEvents(stage.database)).toMatchObject([{ payload: JSON.parse(long) }]);
    },
  );

  it('of 25 MB is accepted if its source allows that, and the process reads no more than the limit', async () => {
    const source = githubSource({ secrets: SECRET, maxBodyBytes: 25 * MEGABYTE });
    const small = githubSource({ key: 'small', secrets: SECRET, maxBodyBytes: 1_000 });
    const { send } = await start({ platform, webhooks: { incoming: { sources: [source, small] } } });
    const large = JSON.stringify({ text: 'x'.repeat(25 * MEGABYTE - 20) });
    expect(await send('/webhooks/github', fromGithub(large))).toMatchObject({ status: 200 });
    const { rows } = await stage.database.pool.query(
      `SELECT length(payload->>'text') AS length FROM integration.outbox_event`,
    );
    expect(rows).toEqual([{ length: 25 * MEGABYTE - 20 }]);

    const over = fromGithub('x'.repeat(1_001));
    const refused = { status: 413, json: { code: 'INTEGRATION_WEBHOOK_TOO_LARGE', step: 'size' } };
    expect(await send('/webhooks/small', over)).toMatchObject(refused);
    // Without a length of its own, the body is refused when it becomes too long.
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(Buffer.alloc(512, 'x'));
      },
    });
    expect(await send('/webhooks/small', { ...over, body: stream })).toMatchObject(refused);
    expect(await storedRows(stage.database)).toEqual({ events: 1, receipts: 1, bodies: 0 });
  });

  it('leaves the other routes of the application as they are', async () => {
    const { send } = await start({ platform, create: { rawBody: true } });
    const headers = { 'content-type': 'application/json' };
    expect(await send('/shop', { headers, body: '{"a":1}' })).toMatchObject({
      status: 201,
      json: { body: { a: 1 }, rawBytes: 7 },
    });
    const tooLong = JSON.stringify('x'.repeat(2 * MEGABYTE));
    expect(await send('/shop', { headers, body: tooLong })).toMatchObject({ status: 413 });
  });

  it('of an unknown source, with a wrong signature or none is refused and leaves nothing', async () => {
    const { send } = await start({ platform });
    const signed = fromGithub(BODY);
    const { 'x-hub-signature-256': signature, ...unsigned } = signed.headers;
    const answers = [
      await send('/webhooks/nobody', signed),
      await send('/webhooks/github/00000000-0000-7000-8000-000000000001', signed),
      await send('/webhooks/github', { ...signed, headers: unsigned }),
      await send('/webhooks/github', {
        ...signed,
        headers: { ...signed.headers, 'x-hub-signature-256': 'sha1=00' },
      }),
      await send('/webhooks/github', fromGithub(BODY, { secret: 'another' })),
      await send('/webhooks/github', { ...signed, body: `${BODY} ` }),
      await send('/webhooks/github', { method: 'GET' }),
    ];
    expect(answers.map(({ status, json }) => [status, json.code, json.step])).toEqual([
      [404, 'INTEGRATION_WEBHOOK_SOURCE_UNKNOWN', 'source'],
      [404, 'INTEGRATION_WEBHOOK_SOURCE_UNKNOWN', 'source'],
      [400, 'INTEGRATION_WEBHOOK_HEADER', 'header'],
      [400, 'INTEGRATION_WEBHOOK_HEADER', 'header'],
      [401, 'INTEGRATION_WEBHOOK_SIGNATURE', 'signature'],
      [401, 'INTEGRATION_WEBHOOK_SIGNATURE', 'signature'],
      [404, 'INTEGRATION_WEBHOOK_SOURCE_UNKNOWN', 'source'],
    ]);
    const said = answers.map(({ text }) => text).join();
    expect(said).not.toContain(SECRET);
    expect(said).not.toContain(signature?.slice(7));
    expect(await storedRows(stage.database)).toEqual({ events: 0, receipts: 0, bodies: 0 });
  });
});

describe('what jsonb cannot hold', () => {
  it.each([
    ['NUL', 'application/json', Buffer.from('{"a":"\\u0000"}')],
    ['a lone surrogate', 'application/json', Buffer.from('{"a":"\\ud800"}')],
    ['invalid JSON', 'application/json', Buffer.from('{"a":')],
    ['a number beyond all numbers', 'application/json', Buffer.from('{"a":1e999}')],
    ['deep nesting', 'application/json', Buffer.from('['.repeat(900) + ']'.repeat(900))],
    ['bytes that are no UTF-8', 'application/json', Buffer.from([0x22, 0xff, 0x22])],
    ['a form', 'application/x-www-form-urlencoded', Buffer.from('a=1&b=%00')],
    ['XML', 'application/xml', Buffer.from('<a>1</a>')],
    ['nothing', 'application/json', Buffer.alloc(0)],
  ])('is kept as bytes and delivered marked: %s', async (_, type, body) => {
    const { send, webhooks } = await start();
    expect(await send('/webhooks/github', fromGithub(body, { type }))).toMatchObject({ status: 200 });
    const [event] = await storedEvents(stage.database);
    expect(event).toMatchObject({
      payload: {},
      metadata: { webhook: { body: 'bytes', bytesKept: true, contentType: type } },
    });
    expect(await webhooks.bodyOf({ outboxEventId: event?.id ?? '' })).toEqual({
      contentType: type,
      bytes: body,
    });
  });

  it('is kept beside the payload where JavaScript would round a number', async () => {
    const { send, webhooks } = await start();
    const body = Buffer.from('{"id":12345678901234567890}');
    await send('/webhooks/github', fromGithub(body));
    const [event] = await storedEvents(stage.database);
    expect(event).toMatchObject({ metadata: { webhook: { body: 'json', bytesKept: true } } });
    expect((await webhooks.bodyOf({ outboxEventId: event?.id ?? '' }))?.bytes).toEqual(body);
  });

  it('is no part of what identifies an event: ids and types with such characters are cleaned', async () => {
    const { send } = await start();
    const body = JSON.stringify({ action: 'a\0b\ud800 c/d', repository: { id: `\0${'x'.repeat(300)}` } });
    expect(await send('/webhooks/github', fromGithub(body))).toMatchObject({ status: 200 });
    expect(await storedEvents(stage.database)).toMatchObject([
      {
        name: 'webhook.github.push.ab\ufffd_c.d',
        aggregate: expect.stringMatching(/^github_repository\/sha256:/),
      },
    ]);
  });
});

describe('equal deliveries', () => {
  it('that come at once, fifty of them, are one event', async () => {
    const { send } = await start();
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => send('/webhooks/github', fromGithub(BODY))),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(200));
    const statuses = answers.map(({ json }) => json.status).sort();
    expect(statuses).toEqual(['accepted', ...Array(49).fill('repeated')]);
    expect(new Set(answers.map(({ json }) => json.outboxEventId)).size).toBe(1);
    expect(await storedRows(stage.database)).toEqual({ events: 1, receipts: 1, bodies: 0 });
  });

  it('draw no position in vain', async () => {
    const { send } = await start();
    for (let n = 0; n < 5; n++) await send('/webhooks/github', fromGithub(BODY));
    await send('/webhooks/github', fromGithub(BODY, { id: 'd2' }));
    const { rows } = await stage.database.pool.query(
      'SELECT position FROM integration.outbox_event ORDER BY 1',
    );
    expect(Number(rows[1].position) - Number(rows[0].position)).toBe(1);
  });
});

describe('what identifies a delivery', () => {
  const json = { 'content-type': 'application/json' };
  const signed = (header: string, body: string, encoding: 'hex' | 'base64' = 'hex') => ({
    ...json,
    [header]: createHmac('sha256', SECRET).update(body).digest(encoding),
  });
  const nameless = (key: string, deliveryId: 'none' | (() => null)) =>
    hmacSource({ key, secrets: SECRET, signature: { header: 'X-Sig' }, deliveryId, type: () => 'changed' });
  const statuses = (answers: readonly { json: { status: string } }[]) =>
    answers.map(({ json }) => json.status);

  it('of Shopify is the webhook, because one action of a merchant makes several', async () => {
    const { send } = await start({
      webhooks: { incoming: { sources: [shopifySource({ secrets: SECRET })] } },
    });
    const of = (topic: string, body: string, ids: Record<string, string>) =>
      send('/webhooks/shopify', {
        body,
        headers: { ...signed('x-shopify-hmac-sha256', body, 'base64'), 'x-shopify-topic': topic, ...ids },
      });
    const event = { 'x-shopify-event-id': 'e1' };
    const answers = [
      await of('orders/create', '{"id":1}', { ...event, 'x-shopify-webhook-id': 'w1' }),
      await of('orders/paid', '{"id":1,"paid":true}', { ...event, 'x-shopify-webhook-id': 'w2' }),
      await of('orders/paid', '{"id":1,"paid":true}', { ...event, 'x-shopify-webhook-id': 'w2' }),
      await of('orders/create', '{"id":2}', event),
      await of('orders/paid', '{"id":2,"paid":true}', event),
    ];
    expect(statuses(answers)).toEqual(['accepted', 'accepted', 'repeated', 'accepted', 'accepted']);
  });

  it('of HubSpot is the list without the number of the attempt', async () => {
    const sources = [hubspotSource({ secrets: SECRET })];
    const publicUrl = 'https://example.com';
    const { send } = await start({ webhooks: { publicUrl, incoming: { sources } } });
    const of = (eventId: number, attemptNumber: number) => {
      const body = JSON.stringify([{ eventId, attemptNumber, subscriptionType: 'contact.creation' }]);
      const time = String(Date.now());
      const text = `POST${publicUrl}/webhooks/hubspot${body}${time}`;
      const headers = {
        ...json,
        'x-hubspot-request-timestamp': time,
        'x-hubspot-signature-v3': createHmac('sha256', SECRET).update(text).digest('base64'),
      };
      return send('/webhooks/hubspot', { body, headers });
    };
    expect(statuses([await of(1, 0), await of(1, 1), await of(2, 0)])).toEqual([
      'accepted',
      'repeated',
      'accepted',
    ]);
  });

  it('may be nothing: each request is an event then, also with an equal or empty body, and none is marked', async () => {
    const sources = [nameless('word', 'none'), nameless('function', () => null)];
    const { send } = await start({ webhooks: { incoming: { sources } } });
    for (const key of ['word', 'function'])
      for (const body of ['{"list_folder":["a"]}', '{"list_folder":["a"]}', '', ''])
        expect(await send(`/webhooks/${key}`, { body, headers: signed('x-sig', body) })).toMatchObject({
          json: { status: 'accepted' },
        });
    const events = await storedEvents(stage.database);
    expect(events).toHaveLength(8);
    expect(new Set(events.map(({ metadata }) => metadata.webhook.deliveryId)).size).toBe(8);
    expect(events.some(({ metadata }) => metadata.webhook.repeatedBody)).toBe(false);
  });

  it('is a function or the word, and the word does not go with the refusal of equal bodies', () => {
    expect(() =>
      hmacSource({ ...nameless('a', 'none'), signature: { header: 'X' }, deliveryId: 'nothing' as 'none' }),
    ).toThrow(/deliveryId must be a function, or 'none'/);
    const reject = { repeatedBody: 'reject', signature: { header: 'X' }, deliveryId: 'none' } as const;
    expect(() => hmacSource({ ...nameless('a', 'none'), ...reject })).toThrow(/choose one of them/);
  });
});

describe('a captured body under another id, where the scheme signs no time', () => {
  it('is marked', async () => {
    const { send } = await start();
    await send('/webhooks/github', fromGithub(BODY, { id: 'd1' }));
    await send('/webhooks/github', fromGithub(BODY, { id: 'd2' }));
    const events = await storedEvents(stage.database);
    expect(events.map(({ metadata }) => metadata.webhook.repeatedBody)).toEqual([undefined, true]);
  });

  it('is refused if the source says so, also when many come at once; the true repetition is not', async () => {
    const sources = [githubSource({ secrets: SECRET, repeatedBody: 'reject' })];
    const { send } = await start({ webhooks: { incoming: { sources } } });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => send('/webhooks/github', fromGithub(BODY, { id: `d${n}` }))),
    );
    const accepted = answers.findIndex(({ status }) => status === 200);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(19).fill(409)]);
    expect(answers.find(({ status }) => status === 409)).toMatchObject({
      json: { code: 'INTEGRATION_WEBHOOK_REPEATED', step: 'repeated-body' },
    });
    expect(await send('/webhooks/github', fromGithub(BODY, { id: `d${accepted}` }))).toMatchObject({
      status: 200,
      json: { status: 'repeated' },
    });
    expect(await storedRows(stage.database)).toEqual({ events: 1, receipts: 1, bodies: 0 });
  });
});

describe('a session that is killed before its commit', () => {
  /** Sends a delivery whose statement waits for what `hold` has taken, and ends its session there. */
  async function killedBehind({ send }: WebhookApp, hold: string): Promise<Answered> {
    const holder = await stage.database.pool.connect();
    try {
      await holder.query('BEGIN');
      await holder.query(hold);
      const sent = send('/webhooks/github', fromGithub(BODY));
      const waiting = `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%receive_webhook%'
        AND datname = current_database()`;
      await until(
        'the delivery waits',
        async () => (await stage.database.pool.query(waiting)).rowCount === 1,
      );
      await stage.database.pool.query(`SELECT pg_terminate_backend(pid) FROM (${waiting}) AS w`);
      return await sent;
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
    }
  }

  it('leaves nothing, the sender is asked to repeat, and the repetition is accepted', async () => {
    const started = await start();
    const sameKey = `INSERT INTO integration.webhook_receipt (source, key_hash) VALUES ('github', sha256('d1'::bytea))`;
    const answer = await killedBehind(started, sameKey);
    expect(answer).toMatchObject({ status: 503 });
    expect(answer.headers.get('retry-after')).toBe('30');
    expect(await storedRows(stage.database)).toEqual({ events: 0, receipts: 0, bodies: 0 });
    expect(await started.send('/webhooks/github', fromGithub(BODY))).toMatchObject({
      json: { status: 'accepted' },
    });
    expect(await storedRows(stage.database)).toEqual({ events: 1, receipts: 1, bodies: 0 });
  });

  it('leaves no receipt where it ends between the receipt and the event', async () => {
    const started = await start();
    // An event can be read while this lock is held, and none can be written.
    const noEvents = 'LOCK TABLE integration.outbox_event IN SHARE MODE';
    expect(await killedBehind(started, noEvents)).toMatchObject({ status: 503 });
    expect(await storedRows(stage.database)).toEqual({ events: 0, receipts: 0, bodies: 0 });
    expect(await started.send('/webhooks/github', fromGithub(BODY))).toMatchObject({
      json: { status: 'accepted' },
    });
  });
});
