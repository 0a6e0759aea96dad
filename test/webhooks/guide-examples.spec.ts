import * as crypto from 'node:crypto';
import { createRequire } from 'node:module';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import * as common from '@nestjs/common';
import * as config from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import * as secrets from 'nestjs-integration/secrets';
import * as webhooks from 'nestjs-integration/webhooks';
import Stripe from 'stripe';
import twilio from 'twilio';
import { z } from 'zod';
import * as integration from '../../src/index.js';
import { examplesOf, runExample } from '../support/guide-code.js';
import { silenceLog } from '../support/log-lines.js';
import { GUIDE_PAGES, README } from '../support/pages.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { emptied, fromGithub, type SentRequest, send, startWebhookApp, storedEvents } from './webhook-app.js';

/**
 * Each example of the guide about webhooks, with a body as its sender publishes it. The code is that of
 * the guide's own text.
 */
const EXAMPLES = new Map([README, ...GUIDE_PAGES].flatMap(({ text }) => [...examplesOf(text)]));
const SECRETS = {
  GITHUB_WEBHOOK_SECRET: 'the secret of GitHub',
  BILLING_SECRET: 'the new secret of billing',
  BILLING_SECRET_BEFORE: 'the old secret of billing',
  GRAPH_CLIENT_STATE: 'secretClientValue',
  STRIPE_WEBHOOK_SECRET: 'whsec_the_secret_of_Stripe',
  NEW: 'the key of the scheme',
  OLD: 'the token of before',
  ZOOM_SECRET_TOKEN: 'the token of Zoom',
  /** By it Zendesk signs the requests of a webhook that is only tried. */
  ZENDESK_SIGNING_SECRET: 'dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ==',
  KLAVIYO_SECRET: 'the secret of Klaviyo',
  INTEGRATION_KEYS: `k1=${crypto.randomBytes(32).toString('base64')}`,
};
const MODULES = {
  'node:crypto': crypto,
  '@nestjs/common': common,
  '@nestjs/config': config,
  'nestjs-integration': integration,
  'nestjs-integration/webhooks': webhooks,
  'nestjs-integration/secrets': secrets,
  zod: { z },
};

let database: TestDatabase;
let close: (() => Promise<void>) | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  Object.assign(process.env, SECRETS, { DATABASE_URL: database.url });
});
afterEach(async () => {
  await close?.();
  close = undefined;
  silenceLog();
  jest.restoreAllMocks();
  await emptied(database);
});
afterAll(() => database.drop());

function example<Exports>(name: string): Exports {
  const text = EXAMPLES.get(name);
  if (text === undefined) throw new Error(`The guide has no example ${name}`);
  return runExample<Exports>(text, MODULES);
}

/** What stands between backticks in the text of the guide and matches, as an expression. */
function inProse<Value>(pattern: RegExp, imports: string): Value {
  const code = GUIDE_PAGES.flatMap(({ text }) => [...text.matchAll(pattern)]).map(([, found = '']) => found);
  expect(code).toHaveLength(1);
  const text = `import { ${imports} } from 'nestjs-integration/webhooks';\nexport const value = ${code[0]};`;
  return runExample<{ value: Value }>(text, MODULES).value;
}

/** An application with these sources, which takes requests at the address that is returned. */
async function withSources(...sources: webhooks.WebhookSource[]): Promise<string> {
  const app = await startWebhookApp(database, { webhooks: { incoming: { sources } } });
  close = app.close;
  return app.url;
}

/** The same with modules of the guide. */
async function withModules(...modules: (common.Type<unknown> | common.DynamicModule)[]) {
  class AppModule {}
  common.Module({ imports: modules })(AppModule);
  const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  close = () => app.close();
  await app.listen(0, '127.0.0.1');
  return { app, url: await app.getUrl() };
}

const hex = (secret: string, ...parts: string[]) =>
  crypto.createHmac('sha256', secret).update(parts.join('')).digest('hex');
const seconds = () => String(Math.floor(Date.now() / 1_000));
const sent = (body: string, headers: Record<string, string> = {}): SentRequest => ({
  body,
  headers: { 'content-type': 'application/json', ...headers },
});
async function statuses(url: string, ...requests: SentRequest[]): Promise<unknown[]> {
  const answers = [];
  for (const each of requests) {
    const { status, json } = await send(url, each);
    answers.push(status === 200 ? json.status : status);
  }
  return answers;
}
const names = async () => (await storedEvents(database)).map(({ name, aggregate }) => `${name} ${aggregate}`);

/** A delivery of GitHub as @octokit/webhooks-examples has it. */
function ofGithub(event: string, action: string | undefined): Record<string, unknown> {
  const all = createRequire(import.meta.url)('@octokit/webhooks-examples') as {
    name: string;
    examples: Record<string, unknown>[];
  }[];
  const found = all
    .find(({ name }) => name === event)
    ?.examples.find((each) => action === undefined || each.action === action);
  if (found === undefined) throw new Error(`There is no example of ${event}`);
  return found;
}

const opened = ofGithub('pull_request', 'opened');
const OPENED = JSON.stringify(opened);
const repository = (opened.repository as { id: number }).id;
const github = (secret: string, id = 'd1', body = OPENED) =>
  fromGithub(body, { id, event: 'pull_request', secret });

/** Tried by guide-sending.spec.ts. */
const SENDING = [
  'portal.module.ts',
  'billing-receiver.module.ts',
  'invoices.module.ts',
  'network.ts',
  'take-along.ts',
  'webhooks.test.example.ts',
];

/** Those of connectors are tried by the tests of connectors. */
const OF_CONNECTORS = ['printing-app.module.ts', 'printing.connector.ts', 'printing.spec.ts'];

it('each example of webhooks is tried here', () => {
  const found = [...EXAMPLES].filter(
    ([name, text]) =>
      text.includes("'nestjs-integration/webhooks'") && ![...SENDING, ...OF_CONNECTORS].includes(name),
  );
  expect(found.map(([name]) => name).sort()).toEqual([
    'billing-source.ts',
    'calls.subscriber.ts',
    'configured-webhooks.module.ts',
    'github-payloads.ts',
    'github.module.ts',
    'klaviyo-source.ts',
    'payments.controller.ts',
    'tenant-webhooks.module.ts',
    'zendesk-source.ts',
    'zoom-source.ts',
  ]);
});

describe('the example of', () => {
  it('GitHub: the handler gets the pull request', async () => {
    const printed = new Promise<string>((resolve) => {
      jest.spyOn(console, 'log').mockImplementation((line: string) => resolve(line));
    });
    const { url } = await withModules(
      example<{ AppModule: common.Type<unknown> }>('github.module.ts').AppModule,
    );
    const path = `${url}/webhooks/github`;
    const requests = [
      github('forged'),
      github(SECRETS.GITHUB_WEBHOOK_SECRET),
      github(SECRETS.GITHUB_WEBHOOK_SECRET),
    ];
    expect(await statuses(path, ...requests)).toEqual([401, 'accepted', 'repeated']);
    expect(await printed).toBe(`pull request ${(opened as { number?: number }).number}`);
  });

  it('GitHub with secrets out of the configuration', async () => {
    const { ConfiguredWebhooksModule } = example<{ ConfiguredWebhooksModule: common.Type<unknown> }>(
      'configured-webhooks.module.ts',
    );
    const engine = integration.IntegrationModule.forRoot({ role: 'publisher' });
    const { url } = await withModules(engine, ConfiguredWebhooksModule);
    const requests = [github('forged'), github(SECRETS.GITHUB_WEBHOOK_SECRET)];
    expect(await statuses(`${url}/webhooks/github`, ...requests)).toEqual([401, 'accepted']);
    expect(await names()).toEqual([`webhook.github.pull_request.opened github_repository/${repository}`]);
  });

  it('GitHub with schemas: what fits is taken, and what does not is kept apart', async () => {
    const url = await withSources(example<{ github: webhooks.WebhookSource }>('github-payloads.ts').github);
    const secret = SECRETS.GITHUB_WEBHOOK_SECRET;
    const push = JSON.stringify(ofGithub('push', undefined));
    const closed = JSON.stringify({ ...opened, action: 'closed', number: 'seven' });
    const requests = [
      fromGithub(push, { secret: 'forged' }),
      fromGithub(push, { secret }),
      github(secret, 'd2', closed),
    ];
    expect(await statuses(`${url}/webhooks/github`, ...requests)).toEqual([401, 'accepted', 'accepted']);
    const events = await storedEvents(database);
    expect(events.map(({ name }) => name)).toEqual([
      'webhook.github.push',
      'webhook.github.invalid.pull_request.closed',
    ]);
    expect(Object.keys(events[0]?.payload).sort()).toEqual(['ref', 'repository']);
  });

  it('endpoints of tenants: the URL and the secret that a tenant is shown, and those after a rotation', async () => {
    interface Connections {
      connect(tenantId: string, organization: string, by: string): Promise<{ url: string; secret: string }>;
      rotate(tenantId: string, endpointId: string, by: string): Promise<string>;
    }
    const made = example<{
      TenantWebhooksModule: common.Type<unknown>;
      GithubConnections: common.Type<Connections>;
    }>('tenant-webhooks.module.ts');
    const { app, url } = await withModules(made.TenantWebhooksModule);
    const connections = app.get(made.GithubConnections);
    const endpoint = await connections.connect('acme', 'acme-org', 'ann');
    expect(endpoint.url).toMatch(/^https:\/\/example\.com\/webhooks\/github\//);
    const path = url + new URL(endpoint.url).pathname;
    const next = await connections.rotate('acme', path.split('/').at(-1) ?? '', 'ann');
    const requests = [github('forged'), github(endpoint.secret, 'd1'), github(next, 'd2', OPENED)];
    expect(await statuses(path, ...requests)).toEqual([401, 'accepted', 'accepted']);
    const [event] = await storedEvents(database);
    expect(event?.metadata).toMatchObject({ tenantId: 'acme', webhook: { secretVersion: 1 } });
  });

  it('a source of one’s own, which has the form that the guide gives it', async () => {
    const { billing } = example<{ billing: webhooks.WebhookSource }>('billing-source.ts');
    const url = `${await withSources(billing)}/webhooks/billing`;
    const body = (id: string) => `{"id":${id},"kind":"invoice.paid","account":"a1"}`;
    const signed = (secret: string, id: string, time = seconds()) =>
      sent(body(id), {
        'x-billing-time': time,
        'x-billing-signature': `sha256=${hex(secret, time, '.', body(id))}`,
      });
    const { BILLING_SECRET: now, BILLING_SECRET_BEFORE: before } = SECRETS;
    // The two ids are one number for JavaScript.
    const [first, second] = ['9007199254740992', '9007199254740993'];
    const requests = [
      signed('forged', first),
      signed(now, first),
      signed(before, second),
      signed(now, second),
      signed(now, '3', String(Number(seconds()) - 3_600)),
    ];
    expect(await statuses(url, ...requests)).toEqual([401, 'accepted', 'accepted', 'repeated', 401]);
    const name = 'webhook.billing.invoice.paid billing_account/a1';
    expect(await names()).toEqual([name, name]);
  });

  /** https://learn.microsoft.com/graph/change-notifications-delivery-webhooks */
  it('Microsoft Graph: the token of a new address, and notifications without ids, of which each is an event', async () => {
    const { graph } = example<{ graph: webhooks.WebhookSource }>('billing-source.ts');
    const url = `${await withSources(graph)}/webhooks/graph`;
    const token = 'Validation: Testing client application reachability for subscription Request-Id: 1+2 <b>';
    const asked = await send(`${url}?validationToken=${encodeURIComponent(token)}`, {
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: '',
    });
    expect([asked.status, asked.text, asked.headers.get('content-type')]).toEqual([
      200,
      token,
      expect.stringMatching(/^text\/plain/),
    ]);
    const notification = (clientState: string | undefined) =>
      sent(
        JSON.stringify({
          value: [
            {
              subscriptionId: '76222963-cc7b-42d2-882d-8aaa69cb2ba3',
              subscriptionExpirationDateTime: '2026-12-19T22:11:09.952Z',
              ...(clientState === undefined ? {} : { clientState }),
              changeType: 'created',
              resource: 'users/ddfcd489-628b-7d04-b48b-20075df800e5/messages/AAMkAGUw',
              tenantId: '84bd8158-6d4d-4958-8b9f-9d6445542f95',
              resourceData: {
                '@odata.type': '#Microsoft.Graph.Message',
                '@odata.id': 'Users/ddfcd489-628b-7d04-b48b-20075df800e5/Messages/AAMkAGUw',
                '@odata.etag': 'W/"CQAAABYAAADkrWGo7bouTKlsgTZMr9KwAAAUWRHf"',
                id: 'AAMkAGUw',
              },
            },
          ],
        }),
      );
    const genuine = notification(SECRETS.GRAPH_CLIENT_STATE);
    const requests = [notification('guessed'), notification(undefined), genuine, genuine];
    expect(await statuses(url, ...requests)).toEqual([401, 400, 'accepted', 'accepted']);
    const events = await storedEvents(database);
    expect(events.map(({ name, metadata }) => [name, metadata.webhook.repeatedBody])).toEqual([
      ['webhook.graph.change', undefined],
      ['webhook.graph.change', undefined],
    ]);
    expect(new Set(events.map(({ metadata }) => metadata.webhook.deliveryId)).size).toBe(2);
  });

  /** https://developers.zoom.us/docs/api/webhooks and the sample application zoom/webhook-sample */
  it('Zoom: the validation of the address, and the start of a meeting', async () => {
    const { zoom } = example<{ zoom: webhooks.WebhookSource }>('zoom-source.ts');
    const url = `${await withSources(zoom)}/webhooks/zoom`;
    const signed = (secret: string, body: string, time = seconds()) =>
      sent(body, {
        'x-zm-request-timestamp': time,
        'x-zm-signature': `v0=${hex(secret, `v0:${time}:${body}`)}`,
      });
    const validation = JSON.stringify({
      payload: { plainToken: 'qgg8vlvZRS6UYooatFL8Aw' },
      event_ts: 1_654_503_849_680,
      event: 'endpoint.url_validation',
    });
    const secret = SECRETS.ZOOM_SECRET_TOKEN;
    expect((await send(url, signed(secret, validation))).json).toEqual({
      plainToken: 'qgg8vlvZRS6UYooatFL8Aw',
      encryptedToken: hex(secret, 'qgg8vlvZRS6UYooatFL8Aw'),
    });
    const started = JSON.stringify({
      event: 'meeting.started',
      payload: {
        account_id: 'AAAAAABBBB',
        object: {
          duration: 0,
          start_time: '2021-11-02T20:43:19Z',
          timezone: 'America/Denver',
          topic: 'A meeting',
          id: '1234567890',
          type: 4,
          uuid: '4444AAAiAAAAAiAiAiiAii==',
          host_id: 'x1yCzABCDEfg23HiJKl4mN',
        },
      },
      event_ts: 1_635_885_799_302,
    });
    const requests = [
      signed('forged', validation),
      signed('forged', started),
      signed(secret, started),
      signed(secret, started, String(Number(seconds()) - 1)),
      signed(secret, started, String(Number(seconds()) - 3_600)),
    ];
    expect(await statuses(url, ...requests)).toEqual([401, 401, 'accepted', 'repeated', 401]);
    expect(await names()).toEqual(['webhook.zoom.meeting.started zoom/4444AAAiAAAAAiAiAiiAii==']);
  });

  /** https://developer.zendesk.com/documentation/webhooks/verifying and .../api-reference/webhooks/event-types */
  it('Zendesk: an event, and what a trigger sends', async () => {
    const { zendesk } = example<{ zendesk: webhooks.WebhookSource }>('zendesk-source.ts');
    const url = `${await withSources(zendesk)}/webhooks/zendesk`;
    const signed = (secret: string, body: string, time = new Date().toISOString().replace(/\.\d+/, '')) =>
      sent(body, {
        'x-zendesk-webhook-signature': crypto
          .createHmac('sha256', secret)
          .update(time + body)
          .digest('base64'),
        'x-zendesk-webhook-signature-timestamp': time,
      });
    const secret = SECRETS.ZENDESK_SIGNING_SECRET;
    const created = JSON.stringify({
      account_id: 22_129_848,
      detail: { id: '5158', subject: 'Help', status: 'OPEN', type: 'TASK', via: { channel: 'web_service' } },
      event: {},
      id: '2b24ef10-19d5-4740-93cf-5f98ec4776c0',
      subject: 'zen:ticket:5158',
      time: '2099-07-04T05:33:18Z',
      type: 'zen:event-type:ticket.created',
      zendesk_event_version: '2022-11-06',
    });
    const requests = [
      signed('forged', created),
      signed(secret, created),
      signed(secret, created, new Date().toISOString()),
      signed(secret, created, '2021-03-25T05:09:27Z'),
      signed(secret, '{"ticket_id":"5158"}'),
    ];
    expect(await statuses(url, ...requests)).toEqual([401, 'accepted', 'repeated', 401, 'accepted']);
    expect(await names()).toEqual([
      'webhook.zendesk.ticket.created zendesk/zen:ticket:5158',
      'webhook.zendesk.trigger zendesk/unknown',
    ]);
  });

  /** https://developers.klaviyo.com/en/docs/working_with_system_webhooks */
  it('Klaviyo: a scheme of one’s own takes a list of events, and no time that has another form', async () => {
    const { klaviyo } = example<{ klaviyo: webhooks.WebhookSource }>('klaviyo-source.ts');
    const url = `${await withSources(klaviyo)}/webhooks/klaviyo`;
    const body = JSON.stringify({
      data: [
        {
          external_id: '5mFGPYkyv2s',
          topic: 'event:klaviyo.sent_sms',
          payload: { data: { type: 'event', id: '5mFGPYkyv2s', attributes: { timestamp: 1_776_118_606 } } },
        },
      ],
      meta: {
        klaviyo_account_id: 'XVTP5Q',
        klaviyo_webhook_id: '01KP4928STE8FKCWB6WDHZ4ZB7',
        timestamp: '2026-04-13T22:50:12.101159+00:00',
      },
    });
    const signed = (secret: string, time = new Date().toUTCString(), change = (text: string) => text) =>
      sent(body, {
        'klaviyo-webhook-id': '01KP4928STE8FKCWB6WDHZ4ZB7',
        'klaviyo-timestamp': time,
        'klaviyo-signature': change(hex(secret, body, time)),
      });
    const secret = SECRETS.KLAVIYO_SECRET;
    const hourAgo = new Date(Date.now() - 3_600_000);
    const requests = [
      signed('forged'),
      signed(secret),
      signed(secret, undefined, (text) => text.toUpperCase()),
      signed(secret, hourAgo.toUTCString()),
      signed(secret, new Date().toISOString()),
      sent(body),
    ];
    expect(await statuses(url, ...requests)).toEqual([401, 'accepted', 'repeated', 401, 400, 400]);
    const [event] = await storedEvents(database);
    expect([event?.name, event?.payload]).toEqual(['webhook.klaviyo.events', JSON.parse(body)]);
  });

  it('two schemes in the text: each has a secret of its own', async () => {
    const verify = inProse<webhooks.WebhookSourceOptions['verify']>(
      /`verify: (\[\{ scheme: hmacScheme[^`]*\])`/g,
      'hmacScheme, sharedSecretScheme',
    );
    const two = webhooks.webhookSource({
      key: 'two',
      secrets: [],
      verify,
      deliveryId: 'none',
      type: () => 'x',
    });
    const url = `${await withSources(two)}/webhooks/two`;
    const requests = [
      sent('{}', { 'x-sig': hex(SECRETS.NEW, '{}') }),
      sent('{}', { 'x-token': SECRETS.OLD }),
      sent('{}', { 'x-sig': hex(SECRETS.OLD, '{}') }),
      sent('{}', { 'x-token': SECRETS.NEW }),
    ];
    expect(await statuses(url, ...requests)).toEqual(['accepted', 'accepted', 401, 401]);
  });

  /** https://docs.stripe.com/api/events/object; the library of Stripe signs */
  it('Stripe, and a route of one’s own that does a payment once', async () => {
    const stripe = inProse<webhooks.WebhookSource>(/`(stripeSource\([^`]*\))`/g, 'stripeSource');
    const { PaymentsController } = example<{ PaymentsController: common.Type<unknown> }>(
      'payments.controller.ts',
    );
    const app = await startWebhookApp(database, {
      webhooks: { incoming: { sources: [stripe] } },
      module: { controllers: [PaymentsController] },
      create: { rawBody: true },
    });
    close = app.close;
    await database.pool.query('CREATE TABLE IF NOT EXISTS payment (id text PRIMARY KEY)');
    const payload = JSON.stringify({
      id: 'evt_1NG8Du2eZvKYlo2CUI79vXWy',
      object: 'event',
      api_version: '2019-02-19',
      created: 1_686_089_970,
      data: { object: { id: 'pi_3NG8Du2eZvKYlo2C1FLxKJzy', object: 'payment_intent', status: 'succeeded' } },
      type: 'payment_intent.succeeded',
    });
    const signed = (secret: string) =>
      sent(payload, { 'stripe-signature': Stripe.webhooks.generateTestHeaderString({ payload, secret }) });
    const genuine = signed(SECRETS.STRIPE_WEBHOOK_SECRET);
    const answers = [];
    for (const each of [signed('forged'), genuine, genuine]) {
      const { status, json } = await app.send('/payments', each);
      answers.push([status, json.status]);
    }
    expect(answers).toEqual([
      [401, undefined],
      [201, 'processed'],
      [201, 'duplicate'],
    ]);
    const { rows } = await database.pool.query('SELECT id FROM payment');
    expect(rows).toEqual([{ id: 'evt_1NG8Du2eZvKYlo2CUI79vXWy' }]);
    expect(await names()).toEqual(['payment.received payment/evt_1NG8Du2eZvKYlo2CUI79vXWy']);
  });

  /** https://www.twilio.com/docs/voice/api/call-resource#statuscallback; the library of Twilio signs */
  it('a body that is a form: the handler reads the call of Twilio out of its bytes', async () => {
    const printed = new Promise<unknown[]>((resolve) => {
      jest.spyOn(console, 'log').mockImplementation((...words: unknown[]) => resolve(words));
    });
    const { CallsSubscriber } = example<{ CallsSubscriber: common.Type<unknown> }>('calls.subscriber.ts');
    const app = await startWebhookApp(database, {
      webhooks: {
        publicUrl: 'https://example.com',
        incoming: { sources: [webhooks.twilioSource({ secrets: 'the token of Twilio' })] },
      },
      engine: { role: 'all' },
      module: { providers: [CallsSubscriber] },
    });
    close = app.close;
    const call = {
      CallSid: 'CA12345678901234567890123456789012',
      CallStatus: 'completed',
      CallDuration: '12',
    };
    const url = 'https://example.com/webhooks/twilio';
    const signed = (secret: string): SentRequest => ({
      body: new URLSearchParams(call).toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        'x-twilio-signature': twilio.getExpectedTwilioSignature(secret, url, call),
      },
    });
    expect((await app.send('/webhooks/twilio', signed('forged'))).status).toBe(401);
    expect((await app.send('/webhooks/twilio', signed('the token of Twilio'))).status).toBe(200);
    expect(await printed).toEqual([call.CallSid, call.CallStatus]);
  });
});
