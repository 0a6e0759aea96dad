import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SecretsModule, staticKeys } from 'nestjs-integration/secrets';
import {
  githubSource,
  hmacSource,
  IncomingEndpointsService,
  stripeSource,
  WebhooksModule,
} from 'nestjs-integration/webhooks';
import { AuditService, DoctorService } from '../../src/index.js';
import { IncomingWebhookService } from '../../src/webhooks/incoming/incoming-webhook.service.js';
import { type AdminApp, startAdminApp } from '../admin/admin-app.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { emptied, fromGithub, PLATFORMS, SECRET, send } from './webhook-app.js';

const BODY = JSON.stringify({ action: 'opened', card: 'a card of a stranger' });
const WRONG = 'a secret of a stranger';
/** What no answer may hold: secrets, signatures, and what stands in a body. */
const HIDDEN = /Secret to Everybody|of a stranger|of acme|whsec_|sha256=/i;
const SOURCES = [
  githubSource({ secrets: SECRET, maxBodyBytes: 2_000 }),
  githubSource({ key: 'hub', secrets: 'endpoint' }),
  stripeSource({ secrets: 'whsec_of_everybody_and_more' }),
  hmacSource({
    key: 'hostile',
    secrets: SECRET,
    signature: { header: 'x-signature' },
    deliveryId: ({ headers }) => headers['x-id'],
    type: () => 'thing',
  }),
];

describe.each(PLATFORMS)('on %s, what was refused', (platform) => {
  let database: TestDatabase;
  let admin: AdminApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    admin = await startAdminApp(database, {
      platform,
      admin: { actor: () => 'grace' },
      module: {
        imports: [
          WebhooksModule.forRoot({ incoming: { sources: SOURCES } }),
          SecretsModule.forRoot({ keys: staticKeys({ k1: randomBytes(32) }) }),
        ],
      },
    });
  });
  beforeEach(() => emptied(database));
  afterAll(async () => {
    await admin.close();
    await database.drop();
  });

  const deliver = (path: string, id: string, secret = WRONG, body = BODY) =>
    send(`${admin.url}/webhooks/${path}`, fromGithub(body, { id, secret }));
  const written = () =>
    (
      admin.app.get(IncomingWebhookService, { strict: false }) as unknown as {
        record: { flush(): Promise<void> };
      }
    ).record.flush();
  /** Asks, and makes sure that nothing is said that must stay hidden. */
  const ask = async (path: string, init?: Parameters<AdminApp['ask']>[1]) => {
    const answer = await admin.ask(path, init);
    expect(answer.text).not.toMatch(HIDDEN);
    return answer;
  };

  it('is counted by step, with the last good one, the last refused one, and since when all were refused', async () => {
    expect(await deliver('github', 'd1', SECRET)).toMatchObject({ status: 200 });
    await written();
    expect((await ask('webhooks/sources/github')).json).toMatchObject({ accepted: 1, refusedSince: null });
    expect(await deliver('github', 'd2')).toMatchObject({ status: 401 });
    expect(await send(`${admin.url}/webhooks/github`, { body: BODY })).toMatchObject({ status: 400 });
    expect(await deliver('github', 'd3', SECRET, 'x'.repeat(3_000))).toMatchObject({ status: 413 });
    expect(await deliver('nosuch', 'd4')).toMatchObject({ status: 404 });
    // Somebody who only looks at the address is no sender.
    expect((await fetch(`${admin.url}/webhooks/stripe`)).status).toBe(404);
    await written();
    const { json } = await ask('webhooks/sources');
    expect(json.days).toBe(14);
    expect(json.items.map(({ source }: { source: string | null }) => source)).toEqual([
      null,
      'github',
      'hostile',
      'hub',
      'stripe',
    ]);
    const [none, github, , hub, stripe] = json.items;
    expect(none).toMatchObject({ known: false, refused: { source: 1 }, refusedSince: null });
    expect(github).toMatchObject({
      known: true,
      accepted: 1,
      refused: { signature: 1, header: 1, size: 1 },
      lastAcceptedAt: expect.any(String),
      lastRefusedAt: expect.any(String),
      refusedSince: expect.any(String),
    });
    expect(github.refusedSince > github.lastAcceptedAt).toBe(true);
    expect(github.lastRefusedAt > github.refusedSince).toBe(true);
    expect(hub).toMatchObject({ accepted: 0, lastAcceptedAt: null, lastRefusedAt: null });
    expect(stripe).toMatchObject({ refused: { source: 1 }, refusedSince: null });
    expect(await ask('webhooks/sources/nosuch')).toMatchObject({
      status: 404,
      json: { code: 'INTEGRATION_WEBHOOK_SOURCE_UNKNOWN' },
    });
  });

  it('is kept with time, step, ids and size, and without its headers and body', async () => {
    const endpoint = randomUUID();
    await deliver('github', 'd1');
    await deliver(`hub/${endpoint}`, 'd2');
    await deliver('github', 'd3', SECRET, 'x'.repeat(3_000));
    await deliver('nosuch', 'd4');
    await written();
    const { json, text } = await ask('webhooks/refusals');
    const bytes = BODY.length;
    expect(json.items).toMatchObject([
      { source: null, step: 'source', deliveryId: null, endpointId: null, bytes: null },
      { source: 'github', step: 'size', deliveryId: null, bytes: null },
      { source: 'hub', step: 'endpoint', deliveryId: 'd2', endpointId: endpoint, bytes },
      { source: 'github', step: 'signature', deliveryId: 'd1', endpointId: null, bytes },
    ]);
    expect(Object.keys(json.items[0]).sort()).toEqual([
      'at',
      'bytes',
      'deliveryId',
      'endpointId',
      'id',
      'source',
      'step',
    ]);
    expect(text).not.toContain('nosuch');
    expect((await ask('webhooks/refusals?source=github&limit=1')).json.items).toMatchObject([
      { step: 'size' },
    ]);
    const { rows } = await database.pool.query('SELECT * FROM integration.webhook_refusal');
    expect(JSON.stringify(rows)).not.toMatch(HIDDEN);
  });

  it('has ids of strangers, which are cut, and clean enough for the database', async () => {
    const sendAs = (id: string, path = 'hostile') =>
      send(`${admin.url}/webhooks/${path}`, { body: BODY, headers: { 'x-id': id, 'x-signature': 'ab' } });
    await sendAs('<script>'.repeat(200));
    await deliver(`hub/${encodeURIComponent(`\u0000\u202e${'e'.repeat(70)}`)}`, 'd1');
    // The id of Stripe stands in the body, and a large body of a stranger is not read for it.
    const signed = { 'stripe-signature': `t=${Math.floor(Date.now() / 1_000)},v1=00` };
    const ofStripe = (pad: string) =>
      send(`${admin.url}/webhooks/stripe`, { headers: signed, body: JSON.stringify({ id: 'evt_1', pad }) });
    await ofStripe('');
    await ofStripe('x'.repeat(20_000));
    await written();
    const { items } = (await ask('webhooks/refusals')).json;
    const of = (source: string) => items.filter((each: { source: string }) => each.source === source);
    expect(of('hostile')[0].deliveryId).toBe('<script>'.repeat(200).slice(0, 127));
    expect(of('hub')[0].endpointId).toHaveLength(63);
    expect(of('hub')[0].endpointId).not.toContain('\u0000');
    expect(of('stripe').map(({ deliveryId }: { deliveryId: string }) => deliveryId)).toEqual([null, 'evt_1']);
    const { stdout, status } = await runCommand(['webhooks', 'refusals'], database);
    expect(status).toBe(0);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{Cc}|\u202e/u);
  });

  it('is found by the doctor if everything is refused for some minutes, until a good one comes', async () => {
    const findings = async () =>
      (await admin.app.get(DoctorService, { strict: false }).examine()).findings.filter(
        ({ check }) => check === 'webhook-source-refuses-all',
      );
    await deliver('github', 'd0', SECRET);
    for (const id of ['d1', 'd2', 'd3']) await deliver('github', id);
    await written();
    // They have come just now: a secret that is changed at both ends is not yet a fault.
    expect(await findings()).toEqual([]);
    await database.pool.query(
      `UPDATE integration.webhook_source SET last_accepted_at = last_accepted_at - interval '10 minutes',
         last_refused_at = last_refused_at - interval '10 minutes', refused_since = refused_since - interval '10 minutes'`,
    );
    await database.pool.query(`UPDATE integration.webhook_refusal SET at = at - interval '10 minutes'`);
    const [found] = await findings();
    expect(found).toMatchObject({
      key: 'webhook-source-refuses-all/github',
      severity: 'critical',
      since: expect.any(Date),
      meaning: expect.stringContaining('Their signatures fit none of the secrets'),
      fix: expect.stringContaining('Compare the secret at the sender'),
      details: { source: 'github', step: 'signature', refused: 3 },
    });
    const since = found?.since?.toISOString().slice(0, 16).replace('T', ' ');
    expect(found?.finding).toBe(
      `github: all refused since ${since} UTC: 3 requests or more, most of them at the step "signature".`,
    );
    await database.pool.query('UPDATE integration.webhook_source SET refused_in_row = 2');
    expect(await findings()).toEqual([]);
    await database.pool.query(
      'UPDATE integration.webhook_source SET refused_in_row = 3, last_accepted_at = NULL',
    );
    expect(await findings()).toMatchObject([
      { severity: 'warning', finding: expect.stringContaining('None was ever accepted') },
    ]);
    await deliver('github', 'd4', SECRET);
    await written();
    expect(await findings()).toEqual([]);
  });

  it('is shown by the commands', async () => {
    await deliver('github', 'd1', SECRET);
    await deliver('github', 'd2');
    await deliver('nosuch', 'd3');
    await written();
    const sources = await runCommand(['webhooks', 'sources'], database);
    expect(sources.stdout).toMatch(/LAST GOOD +LAST REFUSED +REFUSED SINCE/);
    expect(sources.stdout).toMatch(/^github +1 +0 +0 +0( +\d{4}-\S+Z){3}$/m);
    expect(sources.stdout).toMatch(/signature 1/);
    const refusals = await runJsonCommand(['webhooks', 'refusals', 'github'], database);
    expect(refusals.result.refusals).toMatchObject([
      { source: 'github', step: 'signature', deliveryId: 'd2' },
    ]);
    const shown = await runCommand(['webhooks', 'refusals'], database);
    expect(shown.stdout).toMatch(/\(no source\) +source/);
    expect(sources.stdout + shown.stdout + JSON.stringify(refusals)).not.toMatch(HIDDEN);
    expect((await runCommand(['webhooks', 'refusals', 'stripe'], database)).stdout).toContain(
      'No refused request',
    );
  });

  it('at an endpoint of a tenant is shown with the endpoint, which can be paused and resumed, and no secret is shown', async () => {
    const endpoints = admin.app.get(IncomingEndpointsService, { strict: false });
    const { endpoint } = await endpoints
      .forTenant('acme')
      .create({ source: 'hub', secret: 'the new secret of acme' });
    await endpoints.forTenant('other').create({ source: 'hub', secret: 'the other secret of acme' });
    expect((await ask('webhooks/endpoints?tenant=acme')).json).toEqual({
      items: [
        {
          id: endpoint.id,
          tenantId: 'acme',
          source: 'hub',
          externalId: null,
          status: 'active',
          createdAt: endpoint.createdAt.toISOString(),
        },
      ],
      next: null,
    });
    const first = (await ask('webhooks/endpoints?limit=1&source=hub')).json;
    expect(first).toMatchObject({ items: [{ id: endpoint.id }], next: endpoint.id });
    expect((await ask(`webhooks/endpoints?after=${first.next}`)).json.items).toMatchObject([
      { tenantId: 'other' },
    ]);
    const one = `webhooks/endpoints/${endpoint.id}`;
    const shown = (await ask(one)).json;
    expect(shown).toMatchObject({
      path: `/webhooks/hub/${endpoint.id}`,
      secrets: [{ version: 1, rotatedAt: expect.any(String), validUntil: null }],
    });
    expect(Object.keys(shown.secrets[0]).sort()).toEqual(['rotatedAt', 'validUntil', 'version']);
    const change = (verb: string) => ask(`${one}/${verb}`, { method: 'POST', json: { reason: 'a test' } });
    expect(await change('pause')).toMatchObject({ status: 200, json: { status: 'paused' } });
    expect(await deliver(`hub/${endpoint.id}`, 'd1', 'the new secret of acme')).toMatchObject({
      status: 503,
    });
    expect((await ask('webhooks/endpoints?status=paused')).json.items).toHaveLength(1);
    expect(await change('resume')).toMatchObject({ status: 200, json: { status: 'active' } });
    expect(await deliver(`hub/${endpoint.id}`, 'd1', 'the new secret of acme')).toMatchObject({
      status: 200,
    });
    const { entries } = await admin.app
      .get(AuditService, { strict: false })
      .list({ target: `webhook-endpoint/${endpoint.id}` });
    expect(entries.slice(0, 2)).toMatchObject([
      { action: 'webhook-endpoints.resume', actor: 'grace', via: 'rest', reason: 'a test' },
      { action: 'webhook-endpoints.pause', actor: 'grace', via: 'rest', reason: 'a test' },
    ]);
    expect(await ask(`webhooks/endpoints/${randomUUID()}`)).toMatchObject({
      status: 404,
      json: { code: 'INTEGRATION_WEBHOOK_ENDPOINT_UNKNOWN' },
    });
    const { actions, parts } = (await ask('session')).json;
    expect(parts).toContain('webhooks');
    expect(actions).toEqual(expect.arrayContaining(['webhooks.read', 'webhooks.change']));
    expect((await ask('openapi')).json.paths['/webhooks/refusals'].get['x-part']).toBe('webhooks');
  });
});
