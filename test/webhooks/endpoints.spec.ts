import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  type DynamicModule,
  type INestApplication,
  Injectable,
  Post,
  type Provider,
} from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { type SecretKeys, SecretsModule, staticKeys } from 'nestjs-integration/secrets';
import {
  githubSource,
  hmacSource,
  IncomingEndpointsService,
  IncomingWebhookService,
  type RawWebhookRequest,
  standardSource,
  stripeSource,
  VerifiedWebhook,
  type VerifiedWebhookRequest,
  WebhookEvent,
  WebhooksModule,
} from 'nestjs-integration/webhooks';
import { AuditService, DoctorService, IntegrationSubscriber } from '../../src/index.js';
import { EndpointReader } from '../../src/webhooks/incoming/endpoints/endpoint-reader.js';
import type { EndpointOfRequest } from '../../src/webhooks/incoming/endpoints/incoming-endpoint.store.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { emptyTables } from '../support/empty-tables.js';
import { gate } from '../support/gate.js';
import { hearLog, TEST_LOGGER } from '../support/log-lines.js';
import {
  fromGithub,
  PLATFORMS,
  startWebhookApp,
  storedEvents,
  storedRows,
  type WebhookAppSetup,
} from './webhook-app.js';
import { webhookStage } from './webhook-stage.js';

const KEYS = staticKeys({ k1: randomBytes(32) });
const BODY = JSON.stringify({ action: 'opened', repository: { id: 7 } });
const SOURCES = [
  githubSource({ secrets: 'endpoint' }),
  stripeSource({ secrets: 'endpoint' }),
  standardSource({ key: 'partner', secrets: 'endpoint' }),
  githubSource({ key: 'own', secrets: 'of the application' }),
];
const NOT_FOUND = {
  status: 404,
  json: {
    code: 'INTEGRATION_WEBHOOK_SOURCE_UNKNOWN',
    step: 'source',
    message: 'There is no webhook source at this address',
  },
};

@Controller('tenants')
class TenantController {
  @Post(':endpointId')
  @VerifiedWebhook('github')
  taken(@WebhookEvent() { tenantId, endpointId, type }: VerifiedWebhookRequest): object {
    return { tenantId, endpointId, type };
  }
}

@Injectable()
class WantedTypes {
  @IntegrationSubscriber(['webhook.github.e102', 'webhook.github.e10*'], { consumerName: 'wanted' })
  async onWanted(): Promise<void> {}
}

const stage = webhookStage();
afterEach(async () => {
  await emptyTables(
    stage.database.pool,
    'integration.webhook_inbound',
    'integration.integration_data_key',
    'integration.integration_secret',
    'integration.integration_audit',
  );
});

interface Setup extends Partial<WebhookAppSetup> {
  readonly keys?: SecretKeys;
  readonly imports?: DynamicModule[];
  readonly providers?: Provider[];
}

async function start({ keys = KEYS, imports = [], providers = [], ...setup }: Setup = {}) {
  const app = await stage.start({
    webhooks: { publicUrl: 'https://hooks.example/', incoming: { sources: SOURCES } },
    ...setup,
    module: {
      imports: [SecretsModule.forRoot({ keys }), ...imports],
      controllers: [TenantController],
      providers,
    },
  });
  const endpoints = app.app.get(IncomingEndpointsService);
  return { ...app, endpoints, of: (tenantId: string) => endpoints.forTenant(tenantId) };
}

const by = { by: 'ann', reason: 'because' };
const secretsStored = async () =>
  (await stage.database.pool.query('SELECT FROM integration.integration_secret')).rowCount;

describe.each(PLATFORMS)('on %s, the address of an endpoint', (platform) => {
  const routes = [{ path: 'inner', children: [{ path: 'v9', module: WebhooksModule }] }];
  const prepare = (its: INestApplication) => its.setGlobalPrefix('api');

  it('has the paths of RouterModule, and long deliveries are taken there', async () => {
    const { send, of } = await start({ platform, prepare, imports: [RouterModule.register(routes)] });
    const { endpoint, secret } = await of('acme').create({ source: 'github' });
    expect(endpoint.url).toBe(`https://hooks.example/api/inner/v9/webhooks/github/${endpoint.id}`);
    const long = JSON.stringify({ text: 'x'.repeat(200_000) });
    const delivery = fromGithub(long, { secret: secret ?? '' });
    const { pathname } = new URL(endpoint.url ?? '');
    expect(await send(pathname, delivery)).toMatchObject({ status: 200, json: { status: 'accepted' } });
  });

  it('is not known where a parameter stands before it, and deliveries are taken with any value of it', async () => {
    const { send, of } = await start({ platform, prepare: (its) => its.setGlobalPrefix(':region') });
    const { endpoint, secret } = await of('acme').create({ source: 'github' });
    expect(endpoint).toMatchObject({ path: `/:region/webhooks/github/${endpoint.id}`, url: null });
    const delivery = fromGithub(BODY, { secret: secret ?? '' });
    expect(await send(endpoint.path.replace(':region', 'eu'), delivery)).toMatchObject({ status: 200 });
  });
});

describe.each(PLATFORMS)('on %s, a delivery to the endpoint of a tenant', (platform) => {
  it('is verified with its secret, and the receipt and the event carry the tenant', async () => {
    const { send, of } = await start({ platform });
    const { endpoint, secret } = await of('acme').create({ source: 'github', externalId: 'acme-inc', ...by });
    expect(endpoint).toMatchObject({
      tenantId: 'acme',
      source: 'github',
      externalId: 'acme-inc',
      connectionId: null,
      status: 'active',
      path: `/webhooks/github/${endpoint.id}`,
      url: `https://hooks.example/webhooks/github/${endpoint.id}`,
      secrets: [{ version: 1, last4: secret?.slice(-4) }],
    });
    const delivery = fromGithub(BODY, { secret: secret ?? '' });
    const first = await send(endpoint.path, delivery);
    expect(first).toMatchObject({ status: 200, json: { status: 'accepted' } });
    expect(
      await send(endpoint.path.toUpperCase().replace('/WEBHOOKS/GITHUB', '/webhooks/github'), delivery),
    ).toMatchObject({ status: 200, json: { status: 'repeated', outboxEventId: first.json.outboxEventId } });
    expect(await storedEvents(stage.database)).toMatchObject([
      {
        name: 'webhook.github.push.opened',
        aggregate: `github_repository/${endpoint.id}/7`,
        metadata: {
          tenantId: 'acme',
          webhook: { endpointId: endpoint.id, secret: 0, secretVersion: 1, deliveryId: 'd1' },
        },
      },
    ]);
    const { rows } = await stage.database.pool.query(
      'SELECT tenant_id, endpoint_id FROM integration.webhook_receipt',
    );
    expect(rows).toEqual([{ tenant_id: 'acme', endpoint_id: endpoint.id }]);
  });

  it('is answered 404 without telling more where there is no such endpoint, and is counted', async () => {
    const { send, of, close } = await start({ platform });
    const { endpoint, secret } = await of('acme').create({ source: 'github' });
    const delivery = fromGithub(BODY, { secret: secret ?? '' });
    const paths = [
      '/webhooks/github',
      '/webhooks/github/1',
      "/webhooks/github/'%20OR%201=1",
      `/webhooks/github/${randomUUID()}`,
      `/webhooks/partner/${endpoint.id}`,
      `/webhooks/own/${endpoint.id}`,
      `/webhooks/nobody/${endpoint.id}`,
    ];
    for (const path of paths)
      expect([path, await send(path, delivery)]).toEqual([path, expect.objectContaining(NOT_FOUND)]);
    expect(await storedRows(stage.database)).toEqual({ events: 0, receipts: 0, bodies: 0 });
    await close();
    const shown = await runJsonCommand(['webhooks', 'sources'], stage.database);
    expect(shown.result).toMatchObject({
      sources: [
        { source: null, refused: { source: 1 } },
        { source: 'github', accepted: 0, refused: { source: 1, endpoint: 3 } },
        { source: 'own', refused: { source: 1 } },
        { source: 'partner', refused: { endpoint: 1 } },
      ],
    });
  });

  it('is told apart from others by no GET and no other method without a signature', async () => {
    const handshake = ({ method }: RawWebhookRequest) => (method === 'GET' ? { body: 'hello' } : undefined);
    const sources = [...SOURCES, githubSource({ key: 'trying', secrets: 'endpoint', handshake })];
    const { url, of } = await start({ platform, webhooks: { incoming: { sources } } });
    for (const source of ['github', 'trying']) {
      const add = async () => (await of('acme').create({ source })).endpoint.id;
      const [known, paused, unreadable, removed] = [await add(), await add(), await add(), await add()];
      await of('acme').pause(paused);
      await of('acme').remove(removed);
      await stage.database.pool.query('DELETE FROM integration.integration_secret WHERE owner_id = $1', [
        unreadable,
      ]);
      for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'PATCH', 'DELETE']) {
        const shown: unknown[] = [];
        for (const id of [known, paused, unreadable, removed, randomUUID()])
          shown.push(await everythingOf(`${url}/webhooks/${source}/${id}`, method));
        expect([source, method, ...shown]).toEqual([source, method, ...Array(5).fill(shown[0])]);
      }
    }
  });

  it('of another tenant is refused, and equal ids, bodies and things of two tenants never meet', async () => {
    const { send, of } = await start({ platform });
    const one = await of('a').create({ source: 'github', secret: 'secret of a' });
    const two = await of('b').create({ source: 'github', secret: 'secret of b' });
    expect(one.secret).toBeNull();
    const ofA = fromGithub(BODY, { secret: 'secret of a' });
    expect(await send(two.endpoint.path, ofA)).toMatchObject({ status: 401, json: { step: 'signature' } });
    for (const [path, secret] of [
      [one.endpoint.path, 'secret of a'],
      [two.endpoint.path, 'secret of b'],
    ] as const)
      expect(await send(path, fromGithub(BODY, { secret }))).toMatchObject({ json: { status: 'accepted' } });
    const events = await storedEvents(stage.database);
    expect(events.map(({ metadata }) => metadata.tenantId)).toEqual(['a', 'b']);
    expect(events.map(({ metadata }) => metadata.webhook.repeatedBody)).toEqual([undefined, undefined]);
    expect(new Set(events.map(({ aggregate }) => aggregate)).size).toBe(2);
  });

  it('to a paused one is verified and answered 503, and taken when it is resumed', async () => {
    const { send, of } = await start({ platform });
    const { endpoint, secret } = await of('acme').create({ source: 'github' });
    const genuine = fromGithub(BODY, { secret: secret ?? '' });
    expect(await of('acme').pause(endpoint.id, by)).toMatchObject({ status: 'paused' });
    const refused = await send(endpoint.path, genuine);
    expect(refused).toMatchObject({
      status: 503,
      json: { code: 'INTEGRATION_WEBHOOK_ENDPOINT_PAUSED', step: 'paused' },
    });
    expect(refused.headers.get('retry-after')).toBe('300');
    expect(await send(endpoint.path, fromGithub(BODY, { secret: 'x' }))).toMatchObject({ status: 401 });
    expect(await storedRows(stage.database)).toEqual({ events: 0, receipts: 0, bodies: 0 });
    await of('acme').resume(endpoint.id, by);
    expect(await send(endpoint.path, genuine)).toMatchObject({ json: { status: 'accepted' } });
  });

  it('may come to a route of the application, which is told the tenant', async () => {
    const { send, of } = await start({ platform, create: { rawBody: true } });
    const { endpoint, secret } = await of('acme').create({ source: 'github' });
    const genuine = fromGithub(BODY, { secret: secret ?? '' });
    expect(await send(`/tenants/${endpoint.id}`, genuine)).toMatchObject({
      status: 201,
      json: { tenantId: 'acme', endpointId: endpoint.id, type: 'push.opened' },
    });
    expect(await send(`/tenants/${randomUUID()}`, genuine)).toMatchObject(NOT_FOUND);
    await of('acme').pause(endpoint.id);
    expect(await send(`/tenants/${endpoint.id}`, genuine)).toMatchObject({ status: 503 });
  });
});

/** All that an answer shows, without the time and without the address itself, of which an ETag is a hash. */
async function everythingOf(url: string, method: string): Promise<object> {
  const response = await fetch(url, { method });
  const headers = [...response.headers].filter(([name]) => name !== 'date' && name !== 'etag');
  const id = url.split('/').at(-1) ?? '';
  return { status: response.status, headers, text: (await response.text()).replaceAll(id, '<id>') };
}

it('two endpoints of one tenant may get equal ids and bodies: both deliveries are taken, and none is marked', async () => {
  const { send, of } = await start();
  for (const secret of ['the first secret', 'the second secret']) {
    const { endpoint } = await of('acme').create({ source: 'github', secret });
    expect(await send(endpoint.path, fromGithub(BODY, { secret }))).toMatchObject({
      json: { status: 'accepted' },
    });
  }
  const marks = (await storedEvents(stage.database)).map(({ metadata }) => metadata.webhook.repeatedBody);
  expect(marks).toEqual([undefined, undefined]);
});

describe('the secret of an endpoint', () => {
  it('has an old and a new version during a rotation, and the event says which one it was', async () => {
    const { send, of } = await start();
    const { endpoint } = await of('acme').create({ source: 'github', secret: 'the old secret' });
    const rotated = await of('acme').rotateSecret(endpoint.id, { secret: 'the new secret', ...by });
    expect(rotated.endpoint.secrets).toMatchObject([
      { version: 2, validUntil: null },
      { version: 1, validUntil: expect.any(Date) },
    ]);
    const deliver = (id: string, secret: string) =>
      send(endpoint.path, fromGithub(`{"id":"${id}"}`, { id, secret })).then(({ status }) => status);
    expect([
      await deliver('d1', 'the old secret'),
      await deliver('d2', 'the new secret'),
      await deliver('d3', 'older'),
    ]).toEqual([200, 200, 401]);
    const said = (await storedEvents(stage.database)).map(({ metadata: { webhook } }) => webhook);
    expect(said).toMatchObject([
      { deliveryId: 'd1', secret: 1, secretVersion: 1 },
      { deliveryId: 'd2', secret: 0, secretVersion: 2 },
    ]);
    await stage.database.pool.query(
      'UPDATE integration.integration_secret SET valid_until = clock_timestamp() WHERE version = 1',
    );
    expect([await deliver('d4', 'the old secret'), await deliver('d5', 'the new secret')]).toEqual([
      401, 200,
    ]);
  });

  it('is rotated while deliveries come: each of them is taken once', async () => {
    const { send, of } = await start();
    const { endpoint } = await of('acme').create({ source: 'github', secret: 'secret 1' });
    // The sender changes to a secret as soon as it is stored, and some of its deliveries are still under way.
    let signs = 'secret 1';
    let done = false;
    const sent: string[] = [];
    const sender = async (name: string) => {
      const statuses: number[] = [];
      for (let n = 0; !done; n++) {
        const id = `${name}-${n}`;
        sent.push(id);
        const delivery = fromGithub(`{"id":"${id}"}`, { id, secret: signs });
        statuses.push((await send(endpoint.path, delivery)).status);
      }
      return statuses;
    };
    const senders = ['a', 'b', 'c', 'd'].map(sender);
    for (let version = 2; version <= 12; version++) {
      await of('acme').rotateSecret(endpoint.id, { secret: `secret ${version}`, overlapMs: 3_600_000 });
      signs = `secret ${version}`;
    }
    done = true;
    const statuses = (await Promise.all(senders)).flat();
    expect(statuses).toEqual(Array(sent.length).fill(200));
    expect(await storedRows(stage.database)).toMatchObject({ events: sent.length, receipts: sent.length });
  });

  it('is changed by many at once, and by a removal among them: nothing is left of it', async () => {
    const { of } = await start();
    const { endpoint } = await of('acme').create({ source: 'github' });
    const rotations = Array.from({ length: 12 }, () =>
      of('acme').rotateSecret(endpoint.id, { overlapMs: 60_000 }),
    );
    const removal = of('acme').remove(endpoint.id, by);
    const ends = await Promise.allSettled([...rotations, removal]);
    for (const end of ends)
      if (end.status === 'rejected')
        expect(end.reason).toMatchObject({ code: 'INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN' });
    expect(ends.at(-1)).toMatchObject({ status: 'fulfilled' });
    expect(await secretsStored()).toBe(0);
    await expect(of('acme').get(endpoint.id)).rejects.toMatchObject({
      code: 'INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN',
    });
  });

  it('that cannot be opened is no wrong signature: 503, the log and the doctor say what to do', async () => {
    const said = hearLog();
    const { send, of, app: nest } = await start({ create: { logger: TEST_LOGGER } });
    const { endpoint } = await of('acme').create({ source: 'github', secret: 'the old secret of acme' });
    await of('acme').rotateSecret(endpoint.id, { secret: 'the new secret of acme' });
    await stage.database.pool.query(
      `UPDATE integration.integration_secret SET sealed = set_byte(sealed, 30, 255 - get_byte(sealed, 30)) WHERE version = 1`,
    );
    const signed = (secret: string) => fromGithub(BODY, { secret });
    expect(await send(endpoint.path, signed('the new secret of acme'))).toMatchObject({ status: 200 });
    // It might be the one that fits.
    const refused = await send(endpoint.path, signed('the old secret of acme'));
    expect(refused.status).toBe(503);
    expect(refused.text).not.toMatch(/signature|acme|secret/i);
    expect(await said.saying('cannot be opened')).toContain('store the secret again');
    await stage.database.pool.query(
      `UPDATE integration.integration_secret SET sealed = set_byte(sealed, 30, 255 - get_byte(sealed, 30)) WHERE version = 2`,
    );
    expect(await send(endpoint.path, signed('the new secret of acme'))).toMatchObject({ status: 503 });
    const findings = async () =>
      (await nest.get(DoctorService).examine()).findings.filter(({ check }) => /secret/.test(check));
    expect(await findings()).toMatchObject([
      { check: 'secret-unreadable', finding: expect.stringContaining(endpoint.id) },
      { check: 'secret-unreadable', finding: expect.stringContaining(endpoint.id) },
    ]);
    await emptyTables(stage.database.pool, 'integration.integration_secret');
    expect(await send(endpoint.path, signed('the new secret of acme'))).toMatchObject({ status: 503 });
    expect(await said.saying('has no secret')).toContain('rotateSecret');
    expect(await findings()).toMatchObject([
      { key: `webhook-endpoint-without-secret/${endpoint.id}`, severity: 'critical' },
    ]);
    expect(said.all.map(({ text }) => text).join()).not.toMatch(/the (old|new) secret of acme/);
  });

  it('whose key is missing is no wrong signature either, and is found again with the key', async () => {
    const first = await start();
    const { endpoint, secret } = await first.of('acme').create({ source: 'github' });
    await first.close();
    const delivery = fromGithub(BODY, { secret: secret ?? '' });
    const second = await start({ keys: staticKeys({ another: randomBytes(32) }) });
    expect(await second.send(endpoint.path, delivery)).toMatchObject({ status: 503 });
    await second.close();
    const third = await start();
    expect(await third.send(endpoint.path, delivery)).toMatchObject({ status: 200 });
  });

  it('stands in no table, audit, event, answer, error and log line, but sealed', async () => {
    const lines = hearLog();
    const { send, of, app: nest } = await start({ create: { logger: TEST_LOGGER } });
    const { endpoint } = await of('acme').create({ source: 'github', secret: 'planted-9f3a', ...by });
    await of('acme').rotateSecret(endpoint.id, { secret: 'planted-77b1', ...by });
    const signed = fromGithub(BODY, { secret: 'planted-77b1' });
    const { 'x-hub-signature-256': _, ...unsigned } = signed.headers;
    const answers = [
      await send(endpoint.path, signed),
      await send(endpoint.path, signed),
      await send(endpoint.path, fromGithub(BODY, { secret: 'another' })),
      await send(endpoint.path, { ...signed, headers: unsigned }),
      await send(`/webhooks/github/${randomUUID()}`, signed),
    ];
    await stage.database.pool.query(`UPDATE integration.integration_secret SET sealed = sealed || '\\x00'`);
    answers.push(await send(endpoint.path, signed));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 401, 400, 404, 503]);
    const request = { method: 'POST', url: '', ...signed, body: Buffer.from(BODY), endpointId: endpoint.id };
    const error = await nest
      .get(IncomingWebhookService)
      .accept('github', request)
      .then(String, (thrown: Error) => `${thrown.stack} ${JSON.stringify(thrown)} ${thrown.cause}`);
    const views = JSON.stringify([await of('acme').get(endpoint.id), await of('acme').list()]);
    const tables = await stage.database.pool.query<{ name: string }>(
      `SELECT oid::regclass::text AS name FROM pg_class WHERE relkind = 'r' AND relnamespace = 'integration'::regnamespace`,
    );
    let stored = '';
    for (const { name } of tables.rows)
      stored += JSON.stringify((await stage.database.pool.query(`SELECT t::text FROM ${name} t`)).rows);
    expect(stored).toContain(endpoint.id);
    const everything = [
      stored,
      error,
      views,
      ...answers.map(({ text }) => text),
      ...lines.all.map(({ text }) => text),
    ].join('\n');
    expect(everything).not.toContain('planted');
    expect(everything).not.toContain(Buffer.from('planted-77b1').toString('hex'));
  });
});

describe('the removal of an endpoint', () => {
  it('while deliveries come: each is stored or answered 404, and none is stored that comes later', async () => {
    const { send, of } = await start();
    const { endpoint, secret } = await of('acme').create({ source: 'github' });
    const deliver = (id: string) =>
      send(endpoint.path, fromGithub(`{"id":"${id}"}`, { id, secret: secret ?? '' })).then(
        ({ status }) => status,
      );
    const first = gate();
    const senders = ['a', 'b', 'c', 'd'].map(async (name) => {
      const statuses: number[] = [];
      while (statuses.at(-1) !== 404) {
        statuses.push(await deliver(`${name}-${statuses.length}`));
        first.open();
      }
      return statuses;
    });
    await first.opened;
    await of('acme').remove(endpoint.id, by);
    const later = await Promise.all(['l1', 'l2', 'l3'].map(deliver));
    expect(later).toEqual([404, 404, 404]);
    const statuses = (await Promise.all(senders)).flat();
    expect(new Set(statuses)).toEqual(new Set([200, 404]));
    const stored = statuses.filter((status) => status === 200).length;
    expect(await storedRows(stage.database)).toMatchObject({ events: stored, receipts: stored });
    expect(await secretsStored()).toBe(0);
  });
});

describe('the types that a tenant sends', () => {
  const types = async () =>
    (await storedEvents(stage.database)).map(({ name, metadata }) => [name, metadata.webhook.type]);

  it('are names of events up to a limit, which no other tenant and no handler feels', async () => {
    const said = hearLog();
    const { of, webhooks } = await start({ create: { logger: TEST_LOGGER }, providers: [WantedTypes] });
    const accept = async (tenant: string, secret: string, id: string, from: number, to: number) => {
      for (let n = from; n < to; n++) {
        const { headers, body } = fromGithub('{}', { id: `${tenant} ${n}`, event: `e${n}`, secret });
        const request = {
          method: 'POST',
          url: 'https://x',
          headers,
          body: Buffer.from(body),
          endpointId: id,
        };
        await webhooks.accept('github', request);
      }
    };
    const flooding = await of('flooding').create({ source: 'github', secret: 'secret of one' });
    const other = await of('other').create({ source: 'github', secret: 'secret of two' });
    await accept('flooding', 'secret of one', flooding.endpoint.id, 0, 104);
    await accept('flooding', 'secret of one', flooding.endpoint.id, 99, 100);
    await accept('other', 'secret of two', other.endpoint.id, 500, 501);
    const stored = await types();
    expect(stored.slice(0, 100)).toEqual(
      Array.from({ length: 100 }, (_, n) => [`webhook.github.e${n}`, undefined]),
    );
    expect(stored.slice(100)).toEqual([
      ['webhook.github._other', 'e100'],
      ['webhook.github._other', 'e101'],
      ['webhook.github.e102', undefined],
      ['webhook.github._other', 'e103'],
      ['webhook.github.e500', undefined],
    ]);
    const lines = said.texts('warn').filter((line) => line.includes('100 types of events'));
    expect(lines).toEqual([
      expect.stringMatching(/event of type "e100".*webhook\.github\._other.*option types/),
    ]);
  });
});

describe('the service', () => {
  it('makes a secret where the sender takes one, and asks for it where the sender makes it', async () => {
    const { of } = await start();
    const made = await of('acme').create({ source: 'partner' });
    expect(made.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    for (const given of [
      { source: 'stripe' },
      { source: 'partner', secret: 'no base64!' },
      { source: 'partner', secret: '' },
      { source: 'partner', secret: 'whsec_AA==' },
      { source: 'github', secret: ' ' },
      { source: 'github', secret: 'a' },
      { source: 'github', secret: '7 chars' },
      { source: 'github', secret: 'a copied secret\n' },
      { source: 'own' },
      { source: 'github', externalId: 'x'.repeat(256) },
      { source: 'github', secrets: 'misspelt' } as never,
    ])
      await expect(of('acme').create(given)).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
    await expect(of('acme').create({ source: 'nobody' })).rejects.toMatchObject({
      code: 'INTEGRATION_WEBHOOK_SOURCE_UNKNOWN',
    });
    expect(await of('acme').create({ source: 'stripe', secret: 'whsec_theirs' })).toMatchObject({
      secret: null,
    });
    await expect(of('acme').rotateSecret(made.endpoint.id, { overlapMs: -1 })).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
  });

  it('shows a tenant only its own endpoints, page by page, also when one is removed meanwhile', async () => {
    const { of, endpoints } = await start();
    const made: string[] = [];
    for (let n = 0; n < 5; n++) made.push((await of('acme').create({ source: 'github' })).endpoint.id);
    await of('other').create({ source: 'github' });
    await of('acme').create({ source: 'partner' });
    const first = await of('acme').list({ source: 'github' }, { limit: 2 });
    expect(first.endpoints.map(({ id }) => id)).toEqual(made.slice(0, 2));
    await of('acme').remove(first.next ?? '');
    const second = await of('acme').list({ source: 'github' }, { limit: 2, after: first.next ?? '' });
    expect(second.endpoints.map(({ id }) => id)).toEqual(made.slice(2, 4));
    const third = await of('acme').list({ source: 'github' }, { limit: 2, after: second.next ?? '' });
    expect(third).toMatchObject({ endpoints: [{ id: made[4] }], next: null });
    await of('acme').pause(made[3] ?? '');
    expect((await of('acme').list({ status: 'paused' })).endpoints).toMatchObject([{ id: made[3] }]);
    for (const bad of [{ after: 'x' }, { offset: 1 } as never])
      await expect(of('acme').list({}, bad)).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
    for (const bad of [undefined, 7, 'x'.repeat(128), 'a\0'])
      expect(() => endpoints.forTenant(bad as string)).toThrow(
        expect.objectContaining({ code: 'INTEGRATION_ADMIN_INVALID' }),
      );
  });

  it('knows no endpoint of another tenant', async () => {
    const { of, send, webhooks } = await start();
    const { endpoint, secret } = await of('acme').create({ source: 'github' });
    const other = of('other');
    const unknown = { code: 'INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN' };
    for (const id of [endpoint.id, 'no uuid']) {
      await expect(other.get(id)).rejects.toMatchObject(unknown);
      await expect(other.rotateSecret(id)).rejects.toMatchObject(unknown);
      await expect(other.pause(id)).rejects.toMatchObject(unknown);
      await expect(other.resume(id)).rejects.toMatchObject(unknown);
      await expect(other.remove(id)).rejects.toMatchObject(unknown);
    }
    expect(await other.list()).toEqual({ endpoints: [], next: null });
    expect(await send(endpoint.path, fromGithub(BODY, { secret: secret ?? '' }))).toMatchObject({
      status: 200,
    });
    // An application that says whose request it is gets the endpoint of nobody else.
    const { headers, body } = fromGithub(BODY, { secret: secret ?? '' });
    const request = { method: 'POST', url: '', headers, body: Buffer.from(body), endpointId: endpoint.id };
    const asked = webhooks.accept('github', request, { tenantId: 'other' });
    await expect(asked).rejects.toMatchObject(unknown);
  });

  it.each(['create', 'rotate-secret', 'pause', 'resume', 'remove'])(
    'notes who made a change and why, or does not make it: %s',
    async (verb) => {
      const { of, app: nest } = await start();
      const acme = of('acme');
      const { endpoint } = await acme.create({ source: 'github', by: 'somebody else' });
      if (verb === 'resume') await acme.pause(endpoint.id, { by: 'somebody else' });
      const calls: Record<string, (author: object) => Promise<unknown>> = {
        create: (author) => acme.create({ source: 'github', ...author }),
        'rotate-secret': (author) => acme.rotateSecret(endpoint.id, { overlapMs: 1_000, ...author }),
        pause: (author) => acme.pause(endpoint.id, author),
        resume: (author) => acme.resume(endpoint.id, author),
        remove: (author) => acme.remove(endpoint.id, author),
      };
      const call = calls[verb];
      const state = async () =>
        (
          await stage.database.pool.query(
            `SELECT (SELECT jsonb_agg(to_jsonb(i)) FROM integration.webhook_inbound i) AS endpoints,
               (SELECT jsonb_agg(to_jsonb(s) ORDER BY id) FROM integration.integration_secret s) AS secrets`,
          )
        ).rows[0];
      await stage.database.pool.query(
        `ALTER TABLE integration.integration_audit ADD CONSTRAINT refused CHECK (actor <> 'mallory')`,
      );
      try {
        const before = await state();
        await expect(call?.({ by: 'mallory' })).rejects.toMatchObject({ code: '23514' });
        expect(await state()).toEqual(before);
      } finally {
        await stage.database.pool.query('ALTER TABLE integration.integration_audit DROP CONSTRAINT refused');
      }
      await call?.(by);
      const { entries } = await nest.get(AuditService).list({ actor: 'ann' });
      expect(entries).toMatchObject([
        {
          action: `webhook-endpoints.${verb}`,
          target: expect.stringMatching(/^webhook-endpoint\/[0-9a-f-]{36}$/),
          reason: 'because',
          affected: 1,
        },
      ]);
      // What changes nothing is not noted.
      if (verb === 'pause' || verb === 'resume') {
        await call?.(by);
        expect((await nest.get(AuditService).list({ actor: 'ann' })).entries).toHaveLength(1);
      }
    },
  );

  it('has a command that lists the endpoints of all tenants', async () => {
    const { of } = await start();
    const one = await of('acme').create({ source: 'github', externalId: 'acme-inc' });
    const two = await of('other').create({ source: 'partner' });
    const all = await runCommand(['webhooks', 'endpoints'], stage.database);
    expect(all.stdout).toMatch(new RegExp(`${one.endpoint.id} +acme +github +active +acme-inc`));
    expect(all.stdout).toContain(two.endpoint.id);
    const shown = await runJsonCommand(['webhooks', 'endpoints', '--tenant', 'other'], stage.database);
    expect(shown.result).toMatchObject({
      endpoints: [{ id: two.endpoint.id, tenantId: 'other' }],
      next: null,
    });
    const page = await runCommand(['webhooks', 'endpoints', '--limit', '1'], stage.database);
    expect(page.stdout).toContain(`--after ${one.endpoint.id}`);
  });
});

describe('an application', () => {
  it('does not boot with endpoints and without SecretsModule, and says what to import', async () => {
    const boot = startWebhookApp(stage.database, { webhooks: { incoming: { sources: SOURCES } } });
    await expect(boot).rejects.toMatchObject({
      code: 'INTEGRATION_OPTIONS_INVALID',
      message: expect.stringContaining('SecretsModule.forRoot'),
    });
  });

  it('needs no SecretsModule for sources that have their secrets', async () => {
    const own = hmacSource({
      key: 'own',
      secrets: 'x',
      signature: { header: 'x-sign' },
      deliveryId: () => undefined,
      type: () => 'x',
    });
    const app = await stage.start({ webhooks: { incoming: { sources: [own] } } });
    expect(await app.send(`/webhooks/own/${randomUUID()}`, {})).toMatchObject(NOT_FOUND);
  });
});

describe('the reader of endpoints', () => {
  const endpoint = (id: string): EndpointOfRequest => ({
    id,
    tenantId: '',
    source: 's',
    status: 'active',
    connectionId: null,
    secrets: [],
  });

  it('runs one statement at a time, and answers a request only by one that began after it', async () => {
    const reads: { ids: readonly string[]; answer: (ids: readonly string[]) => void }[] = [];
    const reader = new EndpointReader(
      (ids) =>
        new Promise((resolve) => {
          reads.push({ ids, answer: (found) => resolve(new Map(found.map((id) => [id, endpoint(id)]))) });
        }),
    );
    const first = reader.find('a');
    const others = [reader.find('a'), reader.find('b'), reader.find('a')];
    expect(reads.map(({ ids }) => ids)).toEqual([['a']]);
    reads[0]?.answer(['a']);
    expect(await first).toMatchObject({ id: 'a' });
    expect(reads.map(({ ids }) => ids)).toEqual([['a'], ['a', 'b']]);
    reads[1]?.answer(['b']);
    expect(await Promise.all(others)).toEqual([undefined, endpoint('b'), undefined]);
  });

  it('fails the requests of one statement, and reads on', async () => {
    let fails = true;
    const reader = new EndpointReader(async ([id = '']) => {
      if (fails) throw new Error('gone');
      return new Map([[id, endpoint(id)]]);
    });
    await expect(reader.find('a')).rejects.toThrow('gone');
    fails = false;
    expect(await reader.find('a')).toMatchObject({ id: 'a' });
  });
});
