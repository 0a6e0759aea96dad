import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { sendDue, type WebhookReceiver, webhookReceiver } from 'nestjs-integration/testing';
import { AuditService, OperationService } from '../../src/index.js';
import { PORTAL_ROUTES } from '../../src/webhooks/outgoing/portal/portal-routes.js';
import { WebhookDestinationsService } from '../../src/webhooks/outgoing/tenants/webhook-destinations.service.js';
import { emptyTables } from '../support/empty-tables.js';
import { silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { DESTINATION_TABLES } from './outgoing-app.js';
import { type Asked, type PortalApp, startPortalApp } from './portal-app.js';
import { PLATFORMS } from './webhook-app.js';

const RECEIVER = 'https://receiver.example/hooks';
const SECRET = `whsec_${randomBytes(32).toString('base64')}`;
const LONG_AGO = '2020-01-01T00:00:00Z';

describe.each(PLATFORMS)('on %s, the portal', (platform) => {
  let database: TestDatabase;
  let portal: PortalApp;
  let receiver: WebhookReceiver;

  beforeAll(async () => {
    database = await createTestDatabase();
    receiver = await webhookReceiver();
    portal = await startPortalApp(database, { platform });
  });
  afterEach(async () => {
    silenceLog();
    await emptyTables(database.pool, ...DESTINATION_TABLES, 'integration.integration_operation');
  });
  afterAll(async () => {
    await portal.close();
    await receiver.close();
    await database.drop();
  });

  const get = (path: string, as = 'ann') => portal.ask(as, `hooks/${path}`);
  const write = (method: string, path: string, json: object = {}, as = 'ann') =>
    portal.ask(as, `hooks/${path}`, { method, json });
  const post = (path: string, json: object = {}, as = 'ann') => write('POST', path, json, as);
  const add = async (given: object = {}, as = 'ann') => {
    const added = await post('destinations', { url: RECEIVER, eventTypes: ['invoice.*'], ...given }, as);
    expect(added).toMatchObject({ status: 200 });
    return added.json as { destination: { id: string }; secret: string | null; publicKey: string | null };
  };
  const audited = async (id: string) => {
    const audit = portal.app.get(AuditService, { strict: false });
    return (await audit.list({ target: `webhook-destination/${id}` })).entries;
  };
  const kill = (id: string) =>
    database.pool.query(
      `UPDATE integration.webhook_delivery SET status = 'dead', last_error = 'status 500' WHERE destination_id = $1`,
      [id],
    );

  it('adds a destination, and shows its secret in this answer alone, which nobody may store', async () => {
    const added = await post('destinations', {
      url: RECEIVER,
      eventTypes: ['invoice.*'],
      filter: { country: 'AT' },
      headers: { 'X-Key': 'a value that nobody sees again' },
      format: 'cloudevents',
      order: 'entity',
      ratePerSecond: 5,
      maxInFlight: 2,
      timeoutMs: 500,
      startFrom: LONG_AGO,
      reason: 'we need them',
    });
    expect(added.status).toBe(200);
    expect(added.headers.get('cache-control')).toBe('no-store');
    expect(added.json.secret).toMatch(/^whsec_/);
    const { destination } = added.json;
    expect(destination).toEqual({
      id: expect.any(String),
      url: RECEIVER,
      eventTypes: ['invoice.*'],
      status: 'active',
      reason: null,
      isBehind: expect.any(Boolean),
      filter: { country: 'AT' },
      format: 'cloudevents',
      signing: 'v1',
      order: 'entity',
      ratePerSecond: 5,
      maxInFlight: 2,
      timeoutMs: 500,
      headers: ['x-key'],
      createdAt: expect.any(String),
      secrets: [{ version: 1, rotatedAt: expect.any(String), validUntil: null }],
    });
    const { secrets: _, ...listed } = destination;
    expect((await get('destinations')).json).toEqual({
      items: [{ ...listed, isBehind: expect.any(Boolean) }],
      next: null,
    });
    expect((await get(`destinations/${destination.id}`)).json).toMatchObject({ id: destination.id });
    expect(await audited(destination.id)).toMatchObject([
      {
        action: 'webhook-destinations.create',
        actor: 'tenant:acme/ann',
        via: 'rest',
        reason: 'we need them',
      },
    ]);
  });

  it('shows no secret that the tenant gave, and of v1a the public key', async () => {
    expect(await add({ secret: SECRET })).toMatchObject({ secret: null, publicKey: null });
    const { secret, publicKey } = await add({ signing: 'v1a' });
    expect(secret).toBeNull();
    expect(publicKey).toMatch(/^whpk_/);
  });

  it('lists the types of events, and destinations page by page', async () => {
    const types = (await get('event-types')).json.items;
    expect(types).toContainEqual(
      expect.objectContaining({ type: 'invoice.created', description: 'An invoice was made.' }),
    );
    const first = await add();
    const second = await add();
    await post(`destinations/${second.destination.id}/pause`);
    const page = (await get('destinations?limit=1')).json;
    expect(page).toMatchObject({ items: [{ id: first.destination.id }], next: first.destination.id });
    expect((await get(`destinations?after=${page.next}`)).json.items).toMatchObject([
      { id: second.destination.id },
    ]);
    expect((await get('destinations?status=paused')).json.items).toMatchObject([
      { id: second.destination.id },
    ]);
  });

  it('changes, pauses, resumes, enables and removes a destination, each with its author', async () => {
    const { id } = (await add({ ratePerSecond: 5 })).destination;
    const one = `destinations/${id}`;
    expect(
      await write('PATCH', one, { url: `${RECEIVER}/new`, ratePerSecond: null, headers: { 'x-a': 'b' } }),
    ).toMatchObject({
      status: 200,
      json: { url: `${RECEIVER}/new`, ratePerSecond: null, headers: ['x-a'] },
    });
    expect(await post(`${one}/pause`, { reason: 'we move' })).toMatchObject({ json: { status: 'paused' } });
    expect(await post(`${one}/enable`)).toMatchObject({
      status: 400,
      json: { code: 'INTEGRATION_ADMIN_INVALID' },
    });
    expect(await post(`${one}/resume`)).toMatchObject({ json: { status: 'active' } });
    await database.pool.query(
      `UPDATE integration.webhook_destination SET status = 'disabled', reason = 'It answered 410' WHERE id = $1`,
      [id],
    );
    expect(await get(one)).toMatchObject({ json: { status: 'disabled', reason: 'It answered 410' } });
    expect(await post(`${one}/enable`)).toMatchObject({ json: { status: 'active', reason: null } });
    expect(await write('DELETE', one)).toMatchObject({ status: 200, json: { done: true } });
    expect(await get(one)).toMatchObject({
      status: 404,
      json: { code: 'INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN' },
    });
    const entries = await audited(id);
    expect(new Set(entries.map(({ actor, via }) => `${actor} ${via}`))).toEqual(
      new Set(['tenant:acme/ann rest']),
    );
    expect(entries).toHaveLength(6);
  });

  it('gives a new secret, and shows it in this answer alone', async () => {
    const { destination, secret } = await add();
    const rotated = await post(`destinations/${destination.id}/rotate-secret`, { overlapMs: 60_000 });
    expect(rotated.headers.get('cache-control')).toBe('no-store');
    expect(rotated.json.secret).toMatch(/^whsec_/);
    expect(rotated.json.secret).not.toBe(secret);
    expect(rotated.json.destination.secrets).toHaveLength(2);
    const given = await post(`destinations/${destination.id}/rotate-secret`, { secret: SECRET });
    expect(given).toMatchObject({ status: 200, json: { secret: null } });
    const texts = [
      given.text,
      (await get('destinations')).text,
      (await get(`destinations/${destination.id}`)).text,
      (await post(`destinations/${destination.id}/pause`)).text,
      JSON.stringify(await audited(destination.id)),
    ];
    for (const text of texts) expect(text).not.toMatch(/whsec_|whsk_/);
  });

  it('tests a destination, delivers, and shows a delivery with its attempts and body', async () => {
    const { destination, secret } = await add({ url: receiver.url });
    receiver.trust(secret ?? '');
    const one = `destinations/${destination.id}`;
    expect(await post(`${one}/test`, { type: 'invoice.created' })).toMatchObject({
      json: { attempt: 1, statusCode: 200, error: null },
    });
    const position = await portal.routed('acme', { total: 7 });
    await sendDue(portal.app);
    const found = (await get(`${one}/deliveries?status=delivered&type=invoice.created`)).json;
    expect(found.items).toEqual([
      {
        destinationId: destination.id,
        position,
        webhookId: receiver.requests.at(-1)?.headers['webhook-id'],
        type: 'invoice.created',
        eventAt: expect.any(String),
        status: 'delivered',
        attempts: 1,
        dueAt: null,
        lastStatus: 200,
        lastError: null,
      },
    ]);
    expect((await get(`${one}/deliveries?status=dead`)).json.items).toEqual([]);
    const delivery = (await get(`${one}/deliveries/${position}`)).json;
    expect(delivery).toMatchObject({ ...found.items[0], attemptList: [{ attempt: 1, statusCode: 200 }] });
    expect(JSON.parse(delivery.data)).toEqual({ total: 7 });
    expect(await post(`${one}/deliveries/${position}/redrive`, { reason: 'lost it' })).toMatchObject({
      status: 200,
      json: { status: 'pending', position },
    });
  });

  it('pages deliveries by what it answered as next', async () => {
    const { destination } = await add();
    const first = await portal.routed('acme');
    const second = await portal.routed('acme');
    const place = `destinations/${destination.id}/deliveries`;
    const page = (await get(`${place}?limit=1`)).json;
    expect(page.items).toMatchObject([{ position: second }]);
    expect((await get(`${place}?after=${page.next}`)).json.items).toMatchObject([{ position: first }]);
  });

  it('plans a redrive and a replay, runs one, shows how far it has come, and cancels the other', async () => {
    const { id } = (await add()).destination;
    await portal.routed('acme');
    await portal.routed('other');
    await kill(id);
    const redrive = await post(`destinations/${id}/plan-redrive`, { reason: 'we are back' });
    expect(redrive).toMatchObject({
      status: 200,
      json: { kind: 'redrive', destinationId: id, state: 'planned', plannedEvents: 1, changed: 0 },
    });
    const at = `operations/${redrive.json.id}`;
    expect(await post(`${at}/run`)).toMatchObject({ status: 200, json: { state: 'running' } });
    const { requestedBy } = await portal.app.get(OperationService, { strict: false }).get(redrive.json.id);
    expect(requestedBy).toBe('tenant:acme/ann');
    await until('the operation has changed the delivery', async () => {
      const { state, changed } = (await get(at)).json;
      return state === 'done' && changed === 1;
    });
    const replay = await post(`destinations/${id}/plan-replay`, {
      since: LONG_AGO,
      types: ['invoice.created'],
      rate: 1,
      maxEvents: 1,
    });
    expect(replay).toMatchObject({ json: { kind: 'replay', state: 'planned', plannedEvents: 1 } });
    expect(await post(`operations/${replay.json.id}/cancel`)).toMatchObject({ json: { state: 'cancelled' } });
    expect(await post(`operations/${replay.json.id}/run`)).toMatchObject({
      status: 409,
      json: { code: 'INTEGRATION_OPERATION_REFUSED' },
    });
    expect(Object.keys(replay.json).sort()).toEqual(
      'changed createdAt destinationId finishedAt id kind plannedAtLeast plannedEvents startedAt state'.split(
        ' ',
      ),
    );
  });

  it('knows nothing of another tenant: no route finds, changes or counts what is of another', async () => {
    const mine = (await add({ headers: { 'x-key': 'mine' } })).destination.id;
    const position = await portal.routed('acme');
    await kill(mine);
    const operation = (await post(`destinations/${mine}/plan-redrive`)).json.id;
    const before = await contents(database);
    const asked: string[] = [];
    for (const { method, path } of Object.values(PORTAL_ROUTES)) {
      if (!path.includes(':')) continue;
      const target = (id: string) => path.replace(':id', id).replace(':position', String(position));
      const of = path.startsWith('operations') ? operation : mine;
      const json = path.endsWith('plan-replay') ? { since: LONG_AGO } : {};
      const request: Asked = method === 'GET' ? { method } : { method, json };
      const theirs = await portal.ask('olga', `hooks/${target(of)}`, request);
      const nobodys = randomUUID();
      const unknown = await portal.ask('olga', `hooks/${target(nobodys)}`, request);
      // What is another tenant's looks like what is not there.
      expect([path, theirs.status, theirs.text.replaceAll(of, '')]).toEqual([
        path,
        404,
        unknown.text.replaceAll(nobodys, ''),
      ]);
      asked.push(path);
    }
    expect(asked.length).toBeGreaterThan(14);
    expect((await get('destinations', 'olga')).json.items).toEqual([]);
    expect(await contents(database)).toEqual(before);
  });

  it('keeps two tenants with equal names, URLs and events apart', async () => {
    const [mine, theirs] = [(await add()).destination.id, (await add({}, 'olga')).destination.id];
    const planned = async () =>
      (await post(`destinations/${mine}/plan-replay`, { since: LONG_AGO })).json.plannedEvents as number;
    const before = await planned();
    const position = await portal.routed('other', { total: 9 });
    expect((await get(`destinations/${mine}/deliveries`)).json.items).toEqual([]);
    expect((await get(`destinations/${theirs}/deliveries`, 'olga')).json.items).toMatchObject([{ position }]);
    // The position of an event of another tenant is no delivery here.
    expect(await get(`destinations/${mine}/deliveries/${position}`)).toMatchObject({ status: 404 });
    expect(await get(`destinations/${mine}/deliveries?after=${theirs}.${position}`)).toMatchObject({
      status: 200,
      json: { items: [] },
    });
    expect(await planned()).toBe(before);
    await portal.routed('acme');
    expect(await planned()).toBe(before + 1);
  });

  it('shows nothing of what admins do: no reason of a pause, no operation, no note of the host', async () => {
    const of = portal.app.get(WebhookDestinationsService, { strict: false }).forTenant('acme');
    const { destination } = await of.create({
      url: RECEIVER,
      eventTypes: ['*'],
      metadata: { contract: 'not paid' },
      by: 'grace',
    });
    await of.pause(destination.id, { by: 'grace', reason: 'they have not paid' });
    const planned = await of.planRedrive({ destinationId: destination.id }, { by: 'grace' });
    const posing = await of.planRedrive({ destinationId: destination.id }, { by: 'tenant:acmeother' });
    const { text } = await get(`destinations/${destination.id}`);
    expect(text).not.toMatch(/paid|grace|acme/);
    for (const { id } of [planned, posing])
      for (const path of [`operations/${id}`, `operations/${id}/run`, `operations/${id}/cancel`])
        expect(
          await portal.ask('ann', `hooks/${path}`, path.endsWith(id) ? {} : { method: 'POST', json: {} }),
        ).toMatchObject({
          status: 404,
          json: { code: 'INTEGRATION_OPERATION_UNKNOWN' },
        });
  });

  it('does not say why the body of an event could not be made, and does not send it again', async () => {
    const { id } = (await add()).destination;
    await database.pool.query(
      `INSERT INTO integration.webhook_delivery (destination_id, position, tenant_id, entity, status, last_error)
       VALUES ($1, 77, 'acme', 1, 'dead', 'cannot read secretRate of undefined')`,
      [id],
    );
    const found = await get(`destinations/${id}/deliveries/77`);
    expect(found.json).toMatchObject({ webhookId: null, data: null, lastError: expect.any(String) });
    expect(found.text).not.toContain('secretRate');
    expect(await post(`destinations/${id}/deliveries/77/redrive`)).toMatchObject({
      status: 400,
      json: { errors: [{ in: 'path', pointer: '/position' }] },
    });
  });

  it.each<[string, object, string]>([
    ['an inner address', { url: 'https://10.0.0.1/' }, 'INTEGRATION_WEBHOOK_URL_REFUSED'],
    ['no URL', { url: 'nowhere' }, 'INTEGRATION_WEBHOOK_URL_REFUSED'],
    [
      'a type that is not public',
      { eventTypes: ['invoice.checked'] },
      'INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC',
    ],
    ['a header of the connection', { headers: { host: 'x' } }, 'INTEGRATION_ADMIN_INVALID'],
    ['a filter that is no object', { filter: 7 }, 'INTEGRATION_ADMIN_INVALID'],
    ['headers that are none', { headers: ['x'] }, 'INTEGRATION_ADMIN_INVALID'],
    ['a secret that is none', { secret: 'short' }, 'INTEGRATION_ADMIN_INVALID'],
    ['more at a time than the application gives', { maxInFlight: 11 }, 'INTEGRATION_ADMIN_INVALID'],
    ['more time than the application gives', { timeoutMs: 20_001 }, 'INTEGRATION_ADMIN_INVALID'],
    ['a note of the host', { metadata: {} }, 'INTEGRATION_ADMIN_INVALID'],
    ['an author', { by: 'grace' }, 'INTEGRATION_ADMIN_INVALID'],
    ['another tenant', { tenant: 'other' }, 'INTEGRATION_ADMIN_INVALID'],
  ])('refuses %s with a problem', async (_, given, code) => {
    const refused = await post('destinations', { url: RECEIVER, eventTypes: ['invoice.*'], ...given });
    expect(refused).toMatchObject({ status: 400, json: { code, type: `urn:nestjs-integration:${code}` } });
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(refused.text).not.toMatch(/contract|core\.integration|\bat \//);
    expect((await get('destinations')).json.items).toEqual([]);
  });

  it('refuses more destinations than the setting allows, in words for a tenant', async () => {
    await database.pool.query(
      `INSERT INTO integration.webhook_destination (id, tenant_id, url, event_types)
       SELECT gen_random_uuid(), 'acme', 'https://receiver.example', '{*}' FROM generate_series(1, 100)`,
    );
    const refused = await post('destinations', { url: RECEIVER, eventTypes: ['*'] });
    expect(refused).toMatchObject({
      status: 400,
      json: { detail: 'There are 100 destinations already, and no more are allowed: remove one' },
    });
  });

  it.each<[string, Asked, number]>([
    ['no JSON', { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } }, 400],
    [
      'a form',
      { method: 'POST', body: 'url=x', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
    ],
    ['a list', { method: 'POST', body: '[]', headers: { 'content-type': 'application/json' } }, 400],
    ['too large a body', { method: 'POST', json: { url: 'x'.repeat(70_000) } }, 413],
  ])('refuses %s', async (_, asked, status) => {
    const refused = await portal.ask('ann', 'hooks/destinations', asked);
    expect(refused).toMatchObject({ status, json: { status } });
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
  });

  it('refuses fields of a query and ids that it does not know', async () => {
    expect(await get('destinations?statsu=paused')).toMatchObject({
      status: 400,
      json: { errors: [{ in: 'query', message: expect.stringContaining('status') }] },
    });
    expect(await get('destinations/1')).toMatchObject({ status: 400 });
    expect(await get(`destinations/${randomUUID()}/deliveries/0`)).toMatchObject({ status: 400 });
  });

  it('says nothing of a fault but that there is one', async () => {
    const { id } = (await add()).destination;
    await database.pool.query('ALTER TABLE integration.webhook_destination RENAME TO away');
    try {
      const failed = await get(`destinations/${id}`);
      expect(failed).toMatchObject({ status: 500, json: { code: 'INTEGRATION_ADMIN_FAILED' } });
      expect(failed.text).not.toMatch(/webhook_destination|relation|\bat /);
    } finally {
      await database.pool.query('ALTER TABLE integration.away RENAME TO webhook_destination');
    }
  });
});

/** All that a tenant could change. */
async function contents({ pool }: TestDatabase): Promise<unknown> {
  const tables = [
    'webhook_destination',
    'webhook_delivery',
    'integration_secret',
    'integration_operation',
    'integration_audit',
  ];
  const found = await Promise.all(
    tables.map((table) => pool.query(`SELECT * FROM integration.${table} ORDER BY 1, 2`)),
  );
  return found.map(({ rows }) => rows);
}
