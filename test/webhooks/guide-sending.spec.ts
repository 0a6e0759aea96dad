import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import * as common from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import * as contracts from 'nestjs-integration/contracts';
import * as secrets from 'nestjs-integration/secrets';
import * as testing from 'nestjs-integration/testing';
import * as webhooks from 'nestjs-integration/webhooks';
import { z } from 'zod';
import * as integration from '../../src/index.js';
import { webhookBody } from '../../src/webhooks/outgoing/sending/webhook-body.js';
import { webhookHeaders } from '../../src/webhooks/outgoing/sending/webhook-headers.js';
import { makeCertificates } from '../support/certificates.js';
import { examplesOf, runExample } from '../support/guide-code.js';
import { GUIDE_PAGES } from '../support/pages.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { startOutgoingApp } from './outgoing-app.js';
import { startPortalApp } from './portal-app.js';
import { send } from './webhook-app.js';

/** Examples of the guide about sending webhooks. The code is that of the guide's own text. */
const EXAMPLES = new Map(GUIDE_PAGES.flatMap(({ text }) => [...examplesOf(text)]));
const SECRET = `whsec_${randomBytes(32).toString('base64')}`;

let database: TestDatabase;
let close: () => Promise<void>;
let certificate = '';

const modules = () => ({
  'node:fs': { readFileSync: () => certificate },
  '@nestjs/common': common,
  'nestjs-integration': integration,
  'nestjs-integration/contracts': contracts,
  'nestjs-integration/secrets': secrets,
  'nestjs-integration/testing': testing,
  'nestjs-integration/webhooks': webhooks,
  zod: { z },
});
const example = <Exports>(name: string): Exports =>
  runExample<Exports>(EXAMPLES.get(name) ?? `throw new Error('There is no ${name}')`, modules());

beforeEach(async () => {
  database = await createTestDatabase();
  close = async () => {};
  Object.assign(process.env, {
    DATABASE_URL: database.url,
    INTEGRATION_KEYS: `k1=${randomBytes(32).toString('base64')}`,
    BILLING_WEBHOOK_SECRET: SECRET,
  });
});
afterEach(async () => {
  await close();
  jest.restoreAllMocks();
  for (const name of ['DATABASE_URL', 'INTEGRATION_KEYS', 'BILLING_WEBHOOK_SECRET'])
    Reflect.deleteProperty(process.env, name);
  await database.drop();
});

async function start(module: common.Type<unknown>): Promise<common.INestApplication> {
  const app = await NestFactory.create(module, { logger: false, abortOnError: false });
  close = () => app.close();
  await app.listen(0, '127.0.0.1');
  return app;
}

interface InvoicesModule {
  readonly AppModule: common.Type<unknown>;
  readonly WebhookSettingsPage: common.Type<{
    add(tenantId: string, url: string, userName: string): Promise<{ id: string; secret: string }>;
  }>;
  readonly invoicePaid: contracts.AnyEventContract;
}

it('adds a destination, and takes those of another sender along with their secrets', async () => {
  const { AppModule, WebhookSettingsPage } = example<InvoicesModule>('invoices.module.ts');
  const app = await start(AppModule);
  const added = await app.get(WebhookSettingsPage).add('acme', 'https://receiver.example/hooks', 'ann');
  expect(added.secret).toMatch(/^whsec_/);
  const destinations = app.get(webhooks.WebhookDestinationsService);
  const { takeAlong } = example<{
    takeAlong(of: webhooks.WebhookDestinationsService, old: object, from: Date): Promise<void>;
  }>('take-along.ts');
  const old = {
    tenant: 'acme',
    url: 'https://old.example/hooks',
    eventTypes: ['invoice.paid'],
    secret: SECRET,
  };
  await takeAlong(destinations, { ...old, enabled: false }, new Date(0));
  expect((await destinations.forTenant('acme').list()).destinations).toMatchObject([
    { id: added.id, status: 'active', eventTypes: ['invoice.*'] },
    { url: old.url, status: 'paused' },
  ]);
});

it('tells a receiver of an invoice, without what the contract leaves out', async () => {
  const { invoicePaid } = example<InvoicesModule>('invoices.module.ts');
  const app = await startOutgoingApp(database, {
    contracts: [invoicePaid],
    outgoing: { network: { allow: ['127.0.0.1'], http: true } },
  });
  close = app.close;
  const printed = new Promise<unknown[]>((resolve) => {
    jest.spyOn(console, 'log').mockImplementation((...words: unknown[]) => resolve(words));
  });
  const { isToldOfInvoices } = example<{
    isToldOfInvoices(app: object, payInvoice: () => Promise<unknown>): Promise<void>;
  }>('webhooks.test.example.ts');
  await isToldOfInvoices(app.context, () =>
    app.publish({
      eventName: 'billing.invoice-paid',
      payload: { number: '2026-7', cents: 4_200, margin: 0.3 },
    }),
  );
  expect(await printed).toEqual([
    true,
    expect.objectContaining({ type: 'invoice.paid', data: { number: '2026-7', cents: 4_200 } }),
  ]);
});

it('is verified by an application with this package', async () => {
  const { AppModule } = example<{ AppModule: common.Type<unknown> }>('billing-receiver.module.ts');
  const app = await start(AppModule);
  const printed = new Promise<unknown>((resolve) => {
    jest.spyOn(console, 'log').mockImplementation((word: unknown) => resolve(word));
  });
  const at = new Date();
  const event = { id: 'e1', type: 'invoice.paid', at, data: '{"number":"2026-7","cents":4200}' };
  const body = webhookBody('standard', event, 'urn:billing');
  const headers = (secret: string) => webhookHeaders({ id: 'e1', at, body, secrets: [secret] });
  const url = `${await app.getUrl()}/webhooks/billing`;
  const forged = `whsec_${randomBytes(32).toString('base64')}`;
  expect((await send(url, { body: body.text, headers: headers(forged) })).status).toBe(401);
  expect((await send(url, { body: body.text, headers: headers(SECRET) })).status).toBe(200);
  expect(await printed).toBe('2026-7');
});

it('has rules of the network that a boot takes', async () => {
  certificate = (await makeCertificates()).authority.cert;
  expect(example<{ webhooks: object }>('network.ts').webhooks).toMatchObject({
    module: webhooks.WebhooksModule,
  });
});

it('has a portal, which shows each tenant its own destinations', async () => {
  const { webhooks: module, Sessions } = example<{
    webhooks: common.DynamicModule;
    Sessions: common.Type<{ open(token: string, session: { tenantId: string; userName: string }): void }>;
  }>('portal.module.ts');
  const app = await startPortalApp(database, { webhooks: module });
  close = app.close;
  const sessions = app.app.get(Sessions, { strict: false });
  sessions.open('Bearer a', { tenantId: 'acme', userName: 'ann' });
  sessions.open('Bearer b', { tenantId: 'other', userName: 'bob' });
  const json = { url: 'https://receiver.example/hooks', eventTypes: ['invoice.created'] };
  const added = await app.ask('a', 'my/webhooks/destinations', { method: 'POST', json });
  expect(added).toMatchObject({ status: 200, json: { secret: expect.stringMatching(/^whsec_/) } });
  expect((await app.ask('a', 'my/webhooks/destinations')).json.items).toHaveLength(1);
  expect((await app.ask('b', 'my/webhooks/destinations')).json.items).toEqual([]);
  expect(await app.ask(undefined, 'my/webhooks/destinations')).toMatchObject({ status: 401 });
});
