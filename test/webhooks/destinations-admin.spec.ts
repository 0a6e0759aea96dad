import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ContractsModule } from 'nestjs-integration/contracts';
import { SecretsModule } from 'nestjs-integration/secrets';
import { WebhooksModule } from 'nestjs-integration/webhooks';
import { AuditService, DomainEventPublisher, OutboxProcessor } from '../../src/index.js';
import { type AdminApp, PLATFORMS, startAdminApp } from '../admin/admin-app.js';
import { runCommand } from '../support/command.js';
import { emptyTables } from '../support/empty-tables.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { CONTRACTS, DESTINATION_TABLES, invoice, KEYS } from './outgoing-app.js';

const SECRET = `whsec_${randomBytes(32).toString('base64')}`;
const RECEIVER = 'https://receiver.example/hooks';

describe.each(PLATFORMS)('on %s, destinations of tenants', (platform) => {
  let database: TestDatabase;
  let admin: AdminApp;
  let denied: readonly string[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    admin = await startAdminApp(database, {
      platform,
      engine: { role: 'all', settings: { 'processor.enabled': false } },
      admin: {
        actor: () => 'grace',
        permission: (_request, action) => !denied.includes(action),
        mask: (payload) => ({ ...(payload as object), card: '****' }),
      },
      module: {
        imports: [
          ContractsModule.forRoot(),
          ContractsModule.forFeature(CONTRACTS),
          SecretsModule.forRoot({ keys: KEYS }),
          WebhooksModule.forRoot({ outgoing: { network: { allow: ['127.0.0.1'] } } }),
        ],
      },
    });
  });
  beforeEach(async () => {
    denied = [];
    // The application goes on with its consumers and contracts.
    await emptyTables(database.pool, ...DESTINATION_TABLES);
  });
  afterAll(async () => {
    await admin.close();
    await database.drop();
  });

  /** Asks, and makes sure that no secret is said. */
  const ask = async (path: string, init?: Parameters<AdminApp['ask']>[1]) => {
    const answer = await admin.ask(path, init);
    expect(answer.text).not.toContain('whsec_');
    expect(answer.text).not.toContain('whsk_');
    return answer;
  };
  const post = (path: string, json: object = {}) => ask(path, { method: 'POST', json });
  const create = async (given: object = {}) =>
    post('webhooks/destinations', {
      tenant: 'acme',
      url: RECEIVER,
      eventTypes: ['invoice.*'],
      secret: SECRET,
      reason: 'they asked for it',
      ...given,
    });

  async function routed(payload: object): Promise<number> {
    const { position } = await admin.app
      .get(DomainEventPublisher, { strict: false })
      .publishEvent(invoice({ payload }), { outsideTransaction: true });
    await admin.app.get(OutboxProcessor, { strict: false }).drain();
    return position;
  }

  it('are created with a secret that the caller has made, and no answer has it', async () => {
    const { status, json } = await create();
    expect(status).toBe(200);
    expect(json).toMatchObject({
      tenantId: 'acme',
      url: RECEIVER,
      eventTypes: ['invoice.*'],
      status: 'active',
      signing: 'v1',
      waiting: { count: 0, atLeast: false },
      dead: { count: 0, atLeast: false },
      lastHour: { attempts: { count: 0, atLeast: false }, delivered: 0 },
      failures: 0,
      publicKey: null,
      secrets: [{ version: 1, validUntil: null }],
    });
    expect(await create({ secret: undefined })).toMatchObject({
      status: 400,
      json: { code: 'INTEGRATION_ADMIN_INVALID', detail: expect.stringContaining('Give the secret') },
    });
    const asymmetric = await create({ signing: 'v1a', secret: undefined });
    expect(asymmetric.json.publicKey).toMatch(/^whpk_/);
    const { entries } = await admin.app
      .get(AuditService, { strict: false })
      .list({ target: `webhook-destination/${json.id}` });
    expect(entries).toMatchObject([
      { action: 'webhook-destinations.create', actor: 'grace', via: 'rest', reason: 'they asked for it' },
    ]);
    const { items } = (await ask('webhooks/event-types')).json;
    expect(items.filter(({ type }: { type: string }) => !type.startsWith('integration.'))).toMatchObject([
      { type: 'customer.renamed' },
      { type: 'invoice.created', description: 'An invoice was made.' },
    ]);
  });

  it('are tested at once: the answer says what became of the request, and the audit has a note', async () => {
    const { json } = await create({ url: 'https://127.0.0.1:65533/hooks' });
    const place = `webhooks/destinations/${json.id}/test`;
    const tested = await post(place, { type: 'invoice.created', reason: 'does it work?' });
    expect(tested).toMatchObject({
      status: 200,
      json: { attempt: 1, statusCode: null, answer: null, error: expect.any(String) },
    });
    expect(await post(place, { type: 'invoice.checked' })).toMatchObject({
      status: 400,
      json: { code: 'INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC' },
    });
    expect(await post(`webhooks/destinations/${randomUUID()}/test`)).toMatchObject({ status: 404 });
    denied = ['webhooks.change'];
    expect(await post(place)).toMatchObject({ status: 403 });
    const { entries } = await admin.app
      .get(AuditService, { strict: false })
      .list({ target: `webhook-destination/${json.id}` });
    expect(entries[0]).toMatchObject({
      action: 'webhook-destinations.test',
      actor: 'grace',
      via: 'rest',
      reason: 'does it work?',
    });
  });

  it.each([
    ['http://receiver.example/', 'INTEGRATION_WEBHOOK_URL_REFUSED', {}],
    ['https://10.0.0.1/', 'INTEGRATION_WEBHOOK_URL_REFUSED', {}],
    [RECEIVER, 'INTEGRATION_WEBHOOK_EVENT_NOT_PUBLIC', { eventTypes: ['invoice.creatd'] }],
  ])('refuse what cannot be sent to: %s %s', async (url, code, more) => {
    expect(await create({ url, ...more })).toMatchObject({ status: 400, json: { code } });
    expect((await ask('webhooks/destinations')).json.items).toEqual([]);
  });

  it('are listed by tenant and state, page by page, changed, held, set on and removed', async () => {
    const { json } = await create();
    await create({ tenant: 'other' });
    const first = (await ask('webhooks/destinations?limit=1')).json;
    expect(first).toMatchObject({ items: [{ id: json.id }], next: json.id });
    expect((await ask(`webhooks/destinations?after=${first.next}`)).json).toMatchObject({
      items: [{ tenantId: 'other' }],
      next: null,
    });
    expect((await ask('webhooks/destinations?tenant=other')).json.items).toHaveLength(1);
    const one = `webhooks/destinations/${json.id}`;
    const changed = await ask(one, { method: 'PATCH', json: { url: `${RECEIVER}/new`, timeoutMs: 500 } });
    expect(changed).toMatchObject({ status: 200, json: { url: `${RECEIVER}/new`, timeoutMs: 500 } });
    expect(await post(`${one}/pause`, { reason: 'they move' })).toMatchObject({
      json: { status: 'paused', reason: 'they move' },
    });
    expect((await ask('webhooks/destinations?status=paused')).json.items).toHaveLength(1);
    expect(await post(`${one}/enable`)).toMatchObject({
      status: 400,
      json: { detail: expect.stringContaining('resume is for that') },
    });
    expect(await post(`${one}/resume`)).toMatchObject({ json: { status: 'active', reason: null } });
    const listed = await runCommand(['webhooks', 'destinations', '--tenant', 'acme'], database);
    expect(listed.stdout).toMatch(new RegExp(`${json.id}\\s+acme\\s+active`));
    expect(await ask(one, { method: 'DELETE', json: {} })).toMatchObject({ status: 200 });
    expect(await ask(one)).toMatchObject({
      status: 404,
      json: { code: 'INTEGRATION_WEBHOOK_DESTINATION_UNKNOWN' },
    });
    expect(await post(`webhooks/destinations/${randomUUID()}/pause`)).toMatchObject({ status: 404 });
  });

  it('have deliveries, of which who may read payloads sees what is sent, without what the mask hides', async () => {
    const { json } = await create();
    const at = await routed({ total: 7, card: '4111-1111-1111' });
    const place = `webhooks/destinations/${json.id}/deliveries`;
    const { items } = (await ask(`${place}?status=pending&type=invoice.created`)).json;
    expect(items).toMatchObject([{ destinationId: json.id, position: at, type: 'invoice.created' }]);
    expect((await ask(`${place}?status=dead`)).json.items).toEqual([]);
    await database.pool.query(
      `INSERT INTO integration.webhook_attempt (destination_id, position, attempt, duration_ms, status_code, answer)
       VALUES ($1, $2, 1, 12, 422, 'no such card: 4111-1111-1111')`,
      [json.id, at],
    );
    const shown = (await ask(`${place}/${at}`)).json;
    expect(JSON.parse(shown.data)).toEqual({ total: 7, card: '[hidden]' });
    expect(shown).toMatchObject({
      mayReadPayloads: true,
      attemptList: [{ attempt: 1, statusCode: 422, answer: 'no such card: [hidden]' }],
    });
    denied = ['payloads.read'];
    expect((await ask(`${place}/${at}`)).json).toMatchObject({
      mayReadPayloads: false,
      data: null,
      attemptList: [{ attempt: 1, statusCode: 422, answer: null }],
    });
    expect((await ask(`webhooks/destinations/${json.id}`)).json).toMatchObject({
      waiting: { count: 1, atLeast: false },
      lastHour: { attempts: { count: 1, atLeast: false }, delivered: 0 },
    });
  });

  it('have dead deliveries that are sent again, by a request and by a command', async () => {
    const { json } = await create();
    const at = await routed({ total: 7 });
    const kill = () =>
      database.pool.query(
        `UPDATE integration.webhook_delivery SET status = 'dead', attempts = 8, last_status = 500, last_error = 'boom'`,
      );
    await kill();
    const id = `${json.id}.${at}`;
    const listed = await runCommand(['webhooks', 'deliveries', json.id, '--status', 'dead'], database);
    expect(listed.stdout).toMatch(new RegExp(`${json.id}\\.${at}\\s+dead\\s+8.*500.*boom`));
    expect(await post(`webhooks/destinations/${json.id}/deliveries/${at}/redrive`)).toMatchObject({
      status: 200,
      json: { status: 'pending', attempts: 8 },
    });
    await kill();
    const dry = await runCommand(['webhooks', 'redrive', id, '--dry-run'], database);
    expect(dry.stdout).toContain(`Delivery ${id}, which is dead, would be sent again.`);
    const redriven = await runCommand(['webhooks', 'redrive', id, '--yes', '--by', 'ann'], database);
    expect(redriven.stdout).toContain(`Delivery ${id} is pending.`);
    const { entries } = await admin.app
      .get(AuditService, { strict: false })
      .list({ target: `webhook-delivery/${id}` });
    expect(entries).toMatchObject([
      { action: 'webhook-deliveries.redrive', actor: 'ann', via: 'cli', before: { status: 'dead' } },
      { action: 'webhook-deliveries.redrive', actor: 'grace', via: 'rest' },
    ]);
  });
});
