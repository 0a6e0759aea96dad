import { describe, expect, it, jest } from '@jest/globals';
import { Injectable, type LoggerService, type Type } from '@nestjs/common';
import { githubSource, type WebhookSource, webhookSource } from 'nestjs-integration/webhooks';
import { z } from 'zod';
import { type DomainEvent, IntegrationSubscriber } from '../../src/index.js';
import { until } from '../support/until.js';
import { wireOf } from './mutations.js';
import { PUBLIC_URL, type SignedExample, signedExamples } from './signed-requests.js';
import {
  type Answered,
  fromGithub,
  PLATFORMS,
  SECRET,
  type SentRequest,
  storedEvents,
  storedRows,
  type WebhookApp,
  type WebhookAppSetup,
} from './webhook-app.js';
import { webhookStage } from './webhook-stage.js';

/** Only what shows the time of day is false. */
const NOT_DATES = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'cancelIdleCallback',
  'requestIdleCallback',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

const stage = webhookStage();

const start = async (sources: WebhookSource[], setup: Partial<WebhookAppSetup> = {}): Promise<WebhookApp> => {
  const webhooks = { publicUrl: PUBLIC_URL, incoming: { sources } };
  return stage.start({ webhooks, ...setup });
};

const nowInSeconds = () => Math.floor(Date.now() / 1_000) * 1_000;

function sendExample({ send }: WebhookApp, example: SignedExample, headers = {}): Promise<Answered> {
  const wire = wireOf(example);
  return send(wire.target, { headers: { ...Object.fromEntries(wire.headers), ...headers }, body: wire.body });
}

describe.each(PLATFORMS)('on %s', (platform) => {
  it('during a rotation the old and the new secret are good, and each event says which one matched', async () => {
    const sources = [
      githubSource({ key: 'rotating', secrets: ['the new one', 'the old one'] }),
      githubSource({ key: 'rotated', secrets: ['the new one'] }),
    ];
    const { send } = await start(sources, { platform });
    const statuses: number[] = [];
    for (const [key, secret, id] of [
      ['rotating', 'the old one', 'a'],
      ['rotating', 'the new one', 'b'],
      ['rotating', 'another one', 'c'],
      ['rotated', 'the old one', 'd'],
      ['rotated', 'the new one', 'e'],
    ] as const) {
      const body = JSON.stringify({ id });
      statuses.push((await send(`/webhooks/${key}`, fromGithub(body, { id, secret }))).status);
    }
    expect(statuses).toEqual([200, 200, 401, 401, 200]);
    const events = await storedEvents(stage.database);
    expect(
      events.map(({ metadata: { webhook } }) => [webhook.source, webhook.deliveryId, webhook.secret]),
    ).toEqual([
      ['rotating', 'a', 1],
      ['rotating', 'b', 0],
      ['rotated', 'e', 0],
    ]);
  });

  it('a delivery of every source is accepted by a process whose clock is ten minutes off, and it says so', async () => {
    const examples = signedExamples(nowInSeconds());
    for (const minutes of [10, -10]) {
      const lines: string[] = [];
      const keep = (message: unknown) => lines.push(String(message));
      const logger: LoggerService = { log: () => {}, error: keep, warn: keep };
      jest.useFakeTimers({ now: Date.now() + minutes * 60_000, doNotFake: [...NOT_DATES] });
      const its = await start(
        examples.map(({ source }) => source),
        { platform, create: { logger } },
      );
      const refused: string[] = [];
      for (const example of examples) {
        const { status, text } = await sendExample(its, example);
        if (status !== 200) refused.push(`${example.name}: ${status} ${text}`);
      }
      expect(refused).toEqual([]);
      const said = lines.filter((line) => line.startsWith('The clock of this process is'));
      // The false clock stands still, so how far it is off depends on how long the boot took.
      expect(said).toEqual([expect.stringMatching(minutes > 0 ? /\d{3} s ahead of/ : /\d{3} s behind/)]);
      // What was signed ten minutes ago by the database's clock is refused, although the process takes it for new.
      jest.useRealTimers();
      const others = signedExamples(nowInSeconds() + minutes * 60_000);
      jest.useFakeTimers({ now: Date.now() + minutes * 60_000, doNotFake: [...NOT_DATES] });
      for (const [place, example] of others.entries()) {
        const { status } = await sendExample(its, example);
        const signsTime = examples[place]?.source.verify.every((scheme) => scheme.signsTime);
        expect([example.name, status]).toEqual([example.name, signsTime ? 401 : 200]);
      }
      jest.useRealTimers();
      await its.close();
    }
  });

  it('what jsonb cannot hold is delivered to handlers, marked, and they get its bytes', async () => {
    const bodies: Record<string, [type: string, body: Buffer]> = {
      nul: ['application/json', Buffer.from('{"a":"\\u0000"}')],
      surrogate: ['application/json', Buffer.from('{"a":"\\udc00"}')],
      invalid: ['application/json', Buffer.from('{"a":')],
      form: ['application/x-www-form-urlencoded', Buffer.from('a=1&b=%00')],
      xml: ['application/xml', Buffer.from('<?xml version="1.0"?><a>1</a>')],
      empty: ['application/json', Buffer.alloc(0)],
      binary: ['application/octet-stream', Buffer.from([0, 255, 254, 13, 10])],
      json: ['application/json', Buffer.from('{"a":1}')],
    };
    const delivered = new Map<string, DomainEvent>();
    const its = await start([githubSource({ secrets: SECRET })], {
      platform,
      engine: { role: 'all', settings: { pollingIntervalMs: 200 } },
      module: {
        providers: [subscriberOf((event) => delivered.set(event.metadata.webhook?.deliveryId ?? '', event))],
      },
    });
    for (const [id, [type, body]] of Object.entries(bodies))
      expect([id, (await its.send('/webhooks/github', fromGithub(body, { id, type }))).status]).toEqual([
        id,
        200,
      ]);
    await until('all are delivered', async () => delivered.size === Object.keys(bodies).length);

    for (const [id, [type, bytes]] of Object.entries(bodies)) {
      const event = delivered.get(id);
      const isJson = id === 'json';
      expect([id, event?.payload]).toEqual([id, isJson ? { a: 1 } : {}]);
      expect(event?.metadata.webhook).toMatchObject({
        body: isJson ? 'json' : 'bytes',
        bytesKept: !isJson,
        contentType: type,
      });
      const kept = await its.webhooks.bodyOf({ outboxEventId: event?.outboxEventId ?? '' });
      expect([id, kept]).toEqual([id, isJson ? undefined : { contentType: type, bytes }]);
    }
  });

  it('a compressed body is verified as it was sent, and is kept so', async () => {
    const { gzipSync } = await import('node:zlib');
    const { send, webhooks } = await start([githubSource({ secrets: SECRET })], { platform });
    const plain = Buffer.from('{"a":1}');
    const packed = gzipSync(plain);
    const compressed = (signedAs: Buffer): SentRequest => {
      const { headers } = fromGithub(signedAs);
      return { headers: { ...headers, 'content-encoding': 'gzip' }, body: packed };
    };
    expect(await send('/webhooks/github', compressed(plain))).toMatchObject({ status: 401 });
    const accepted = await send('/webhooks/github', compressed(packed));
    expect(accepted).toMatchObject({ status: 200, json: { status: 'accepted' } });
    expect((await webhooks.bodyOf(accepted.json))?.bytes).toEqual(packed);
  });

  it('a GET, a HEAD and other writings of the path are answered, and never with 500', async () => {
    const { url, send } = await start([githubSource({ secrets: SECRET })], { platform });
    const { headers, body } = fromGithub('{"a":1}');
    // A body of a GET is none. fetch sends none, so its length is only said where the server reads nothing.
    const head = await fetch(`${url}/webhooks/github`, { method: 'HEAD', headers });
    expect([head.status, await head.text()]).toEqual([404, '']);
    expect(await send('/webhooks/gith%75b', { headers, body })).toMatchObject({
      status: 200,
      json: { status: 'accepted' },
    });
    expect(await send('/webhooks/gith%75b', { headers, body: `${body} ` })).toMatchObject({ status: 401 });
  });
});

function subscriberOf(handle: (event: DomainEvent) => void): Type<object> {
  @Injectable()
  class AllWebhooks {
    @IntegrationSubscriber('webhook.*', { consumerName: 'test.webhooks' })
    async on(event: DomainEvent): Promise<void> {
      handle(event);
    }
  }
  return AllWebhooks;
}

describe('a replay under another id, of a scheme that signs no time', () => {
  const timeless = () =>
    signedExamples(nowInSeconds()).filter(({ source }) => source.verify.some(({ signsTime }) => !signsTime));
  const withId = (id: string) => ({
    'x-github-delivery': id,
    'x-shopify-event-id': id,
    'i-twilio-idempotency-token': id,
    'x-delivery': id,
  });

  it('is marked, for each such source; the first one and true repetitions are not', async () => {
    const examples = timeless();
    expect(examples.map(({ source }) => source.key)).toEqual(
      expect.arrayContaining(['github', 'shopify', 'twilio', 'shared', 'basic']),
    );
    const its = await start(examples.map(({ source }) => source));
    for (const example of examples)
      for (const id of ['a', 'a', 'b', 'b'])
        expect([example.name, (await sendExample(its, example, withId(id))).status]).toEqual([
          example.name,
          200,
        ]);
    const events = await storedEvents(stage.database);
    expect(
      events.map(({ metadata: { webhook } }) => [webhook.source, webhook.deliveryId, webhook.repeatedBody]),
    ).toEqual(
      examples.flatMap(({ source: { key } }) => [
        [key, 'a', undefined],
        [key, 'b', true],
      ]),
    );
  });

  it('is refused for each such source that asks for that, and leaves nothing', async () => {
    const examples = timeless();
    const sources = examples.map(({ source }) => webhookSource({ ...source, repeatedBody: 'reject' }));
    const its = await start(sources);
    for (const example of examples) {
      const statuses: number[] = [];
      for (const id of ['a', 'a', 'b']) statuses.push((await sendExample(its, example, withId(id))).status);
      expect([example.name, ...statuses]).toEqual([example.name, 200, 200, 409]);
    }
    expect(await storedRows(stage.database)).toMatchObject({
      events: examples.length,
      receipts: examples.length,
    });
  });
});

describe('fields that are redacted', () => {
  const redact = ['customer.email', 'lines.card.number', 'tokens', 'none.such', 'id.of.text'];
  const source = (more = {}) => githubSource({ secrets: SECRET, redact, ...more });

  it('are in no payload, on nested paths and through lists; all else is as it came', async () => {
    const { send } = await start([source()]);
    const body = {
      id: 'x',
      customer: { email: 'planted@example.com', name: 'Ada' },
      lines: [
        { card: { number: 'planted', brand: 'x' } },
        { card: [{ number: 7 }, 'text'] },
        null,
        5,
        [{ card: {} }],
      ],
      tokens: ['planted'],
      email: 'stays',
    };
    expect(await send('/webhooks/github', fromGithub(JSON.stringify(body)))).toMatchObject({ status: 200 });
    const [event] = await storedEvents(stage.database);
    expect(event?.payload).toEqual({
      ...body,
      customer: { email: '[redacted]', name: 'Ada' },
      lines: [
        { card: { number: '[redacted]', brand: 'x' } },
        { card: [{ number: '[redacted]' }, 'text'] },
        null,
        5,
        [{ card: {} }],
      ],
      tokens: '[redacted]',
    });
  });

  it('are stored nowhere where a schema gives them another name, or a byte order mark stands before the body', async () => {
    const push = z
      .object({ customer: z.object({ email: z.email() }), ref: z.string() })
      .transform(({ customer, ref }) => ({ contact: customer.email.toLowerCase(), ref }));
    const { send } = await start([source(), source({ key: 'renaming', schemas: { push } })]);
    const body = '{"customer":{"email":"Planted@example.com"},"ref":"main"}';
    for (const [key, text, id] of [
      ['github', `\ufeff${body}`, 'a'],
      ['renaming', body, 'b'],
      ['renaming', `\ufeff${body}`, 'c'],
    ] as const)
      expect(await send(`/webhooks/${key}`, fromGithub(text, { id }))).toMatchObject({ status: 200 });
    const events = await storedEvents(stage.database);
    expect(events.map(({ name, payload }) => [name, payload])).toEqual([
      ['webhook.github.push', { customer: { email: '[redacted]' }, ref: 'main' }],
      ['webhook.renaming.push', { contact: '[redacted]', ref: 'main' }],
      ['webhook.renaming.push', { contact: '[redacted]', ref: 'main' }],
    ]);
    expect(await storedRows(stage.database)).toMatchObject({ bodies: 0 });
  });

  it('of a list of events are redacted in each', async () => {
    const { send } = await start([source()]);
    const body = [{ customer: { email: 'planted' } }, { customer: { email: 'planted' } }];
    await send('/webhooks/github', fromGithub(JSON.stringify(body)));
    const redacted = { customer: { email: '[redacted]' } };
    expect(await storedEvents(stage.database)).toMatchObject([{ payload: [redacted, redacted] }]);
  });

  it('are in the hash of the body: bodies that differ in them alone are different', async () => {
    const { send } = await start([source({ repeatedBody: 'reject' })]);
    const statuses: number[] = [];
    for (const [id, email] of [
      ['a', 'one'],
      ['b', 'two'],
      ['c', 'one'],
    ] as const)
      statuses.push(
        (await send('/webhooks/github', fromGithub(JSON.stringify({ customer: { email } }), { id }))).status,
      );
    expect(statuses).toEqual([200, 200, 409]);
    const events = await storedEvents(stage.database);
    expect(events.map(({ payload }) => payload)).toEqual(
      Array(2).fill({ customer: { email: '[redacted]' } }),
    );
  });

  it('are not in the bytes of JSON that jsonb cannot hold, and numbers of many digits keep no bytes', async () => {
    const { send, webhooks } = await start([source()]);
    const nul = '{"customer":{"email":"planted"},"text":"\\u0000"}';
    const digits = '{"customer":{"email":"planted"},"number":12345678901234567890}';
    const deep = `{"customer":{"email":"planted"},"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`;
    for (const [id, body] of [nul, digits, deep].entries())
      expect(await send('/webhooks/github', fromGithub(body, { id: String(id) }))).toMatchObject({
        status: 200,
      });
    const { rows } = await stage.database.pool.query(
      `SELECT (SELECT count(*)::int FROM integration.webhook_body WHERE position('planted'::bytea IN bytes) > 0) AS bodies,
         (SELECT count(*)::int FROM integration.outbox_event WHERE payload::text LIKE '%planted%') AS payloads`,
    );
    expect(rows).toEqual([{ bodies: 0, payloads: 0 }]);
    const [first] = await storedEvents(stage.database);
    expect(
      JSON.parse((await webhooks.bodyOf({ outboxEventId: first?.id ?? '' }))?.bytes.toString() ?? ''),
    ).toEqual({
      customer: { email: '[redacted]' },
      text: '\0',
    });
  });

  it('are named by a list of paths; anything else is refused when the source is made', () => {
    for (const wrong of ['customer.email', [''], ['a..b'], [7]])
      expect(() => source({ redact: wrong })).toThrow(/redact must be a list of paths/);
  });
});
