import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SecretService, SecretsModule, staticKeys } from '../../src/secrets/index.js';
import { MOST_OF_A_REQUEST } from '../../src/secrets/secrets.admin.js';
import { type AdminApp, PLATFORMS, startAdminApp } from '../admin/admin-app.js';
import { runCommandIn } from '../support/command.js';
import { emptyTables } from '../support/empty-tables.js';
import { PLANTED, shapesOf } from '../support/never-shown.js';
import { startSecretsApp } from '../support/secrets-app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const OLD = randomBytes(32);
const NEW = randomBytes(32);
const OWNER = { tenantId: 'acme', ownerType: 'webhook_endpoint', ownerId: 'e1' };
const SIGNING = { ...OWNER, name: 'signing' };

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  await emptyTables(
    database.pool,
    'integration.integration_audit',
    'integration.integration_data_key',
    'integration.integration_idempotency_key',
    'integration.integration_secret',
  );
});
afterAll(() => database.drop());

/** Stores secrets as a release does that has the old key only. */
async function storedBefore(store: (secrets: SecretService) => Promise<unknown>): Promise<void> {
  const app = await startSecretsApp(database, staticKeys({ old: OLD }));
  await store(app.get(SecretService)).finally(() => app.close());
}

/** Two versions of one secret, one of another owner, and one without a tenant. */
const something = async (secrets: SecretService) => {
  await secrets.store(SIGNING, `${PLANTED} first`);
  await secrets.rotate(SIGNING, PLANTED, { overlapMs: 3_600_000 });
  await secrets.store({ ...OWNER, tenantId: 'beta', name: 'token' }, PLANTED);
  await secrets.store({ ownerType: 'shop', ownerId: 'main', name: 'api-key' }, PLANTED);
};

const spoil = (name: string) =>
  database.pool.query(
    `UPDATE integration.integration_secret SET sealed = sealed || '\\x00' WHERE name = $1`,
    [name],
  );
const spoilDataKey = (tenant: string) =>
  database.pool.query(
    `UPDATE integration.integration_data_key SET wrapped = wrapped || '\\x00' WHERE tenant_id = $1`,
    [tenant],
  );
const auditRows = async () =>
  (
    await database.pool.query(
      `SELECT action, target, actor, via, reason, affected::int AS affected, outcome, idempotency_key AS key
       FROM integration.integration_audit ORDER BY id`,
    )
  ).rows;

describe.each(PLATFORMS)('on %s, the admin API of secrets', (platform) => {
  let admin: AdminApp;
  const denied = new Set<string>();

  beforeAll(async () => {
    const keys = staticKeys({ new: NEW, old: OLD });
    admin = await startAdminApp(database, {
      platform,
      admin: { actor: () => 'grace', permission: (_, action) => !denied.has(action) },
      module: { imports: [SecretsModule.forRoot({ keys })] },
    });
  });
  beforeEach(() => denied.clear());
  afterAll(() => admin.close());

  const post = (path: string, json: object, key?: string) =>
    admin.ask(path, { method: 'POST', json, headers: { 'idempotency-key': key } });

  it('says which secrets there are, with their versions and keys, and which cannot be opened', async () => {
    await storedBefore(something);
    await spoil('token');
    const { status, json } = await admin.ask('secrets');
    const version = { createdAt: expect.any(String), keyName: 'old', readable: true };
    const latest = { ...version, validUntil: null };
    expect([status, json]).toEqual([
      200,
      {
        items: [
          {
            tenantId: '',
            ownerType: 'shop',
            ownerId: 'main',
            name: 'api-key',
            rotatedAt: expect.any(String),
            versions: [{ ...latest, version: 1 }],
          },
          {
            ...SIGNING,
            rotatedAt: expect.any(String),
            versions: [
              { ...latest, version: 2 },
              { ...version, version: 1, validUntil: expect.any(String) },
            ],
          },
          {
            ...OWNER,
            tenantId: 'beta',
            name: 'token',
            rotatedAt: expect.any(String),
            versions: [{ ...latest, version: 1, readable: false }],
          },
        ],
        next: null,
      },
    ]);
    expect((await admin.ask('secrets?tenant=beta')).json.items).toMatchObject([{ name: 'token' }]);
    expect((await admin.ask('secrets?tenant=nobody')).json).toEqual({ items: [], next: null });
  });

  it('gives secrets in pages, each secret with all of its versions', async () => {
    await storedBefore(something);
    const names: string[] = [];
    for (let next: string | null = ''; next !== null; ) {
      const { json } = await admin.ask(`secrets?limit=1${next === '' ? '' : `&after=${next}`}`);
      expect(json.items).toHaveLength(1);
      names.push(...json.items.map((each: { name: string }) => each.name));
      next = json.next;
    }
    expect(names).toEqual(['api-key', 'signing', 'token']);
    expect(await admin.ask('secrets?after=nowhere')).toMatchObject({
      status: 400,
      json: { errors: [{ in: 'query', pointer: '/after' }] },
    });
  });

  it('wraps data keys with the current key, once for each Idempotency-Key, and notes who did it', async () => {
    await storedBefore(something);
    expect((await admin.ask('keys')).json).toEqual({
      items: [
        { name: 'new', current: true, dataKeys: 0, secrets: 0 },
        { name: 'old', current: false, dataKeys: 3, secrets: 4 },
      ],
    });
    await spoilDataKey('beta');
    const first = await post('keys/rotate', { reason: 'yearly' }, 'k1');
    expect(first).toMatchObject({
      status: 200,
      json: { current: 'new', rewrapped: 2, unreadable: 1, left: 1 },
    });
    const again = await post('keys/rotate', { reason: 'yearly' }, 'k1');
    expect([again.text, again.headers.get('idempotency-replayed')]).toEqual([first.text, 'true']);
    expect((await post('keys/rotate', {}, 'k2')).json).toMatchObject({ rewrapped: 0, left: 1 });
    expect((await admin.ask('keys')).json.items).toEqual([
      { name: 'new', current: true, dataKeys: 2, secrets: 3 },
      { name: 'old', current: false, dataKeys: 1, secrets: 1 },
    ]);
    const by = { actor: 'grace', via: 'rest', reason: 'yearly', outcome: 'done', key: 'k1' };
    expect(await auditRows()).toEqual([{ action: 'keys.rotate', target: 'key/new', affected: 2, ...by }]);
    expect((await admin.ask('secrets?tenant=acme')).json.items[0].versions).toMatchObject([
      { keyName: 'new', readable: true },
      { keyName: 'new', readable: true },
    ]);
  });

  it('wraps a portion in one request, and says how many are left', async () => {
    const tenants = Array.from({ length: MOST_OF_A_REQUEST + 20 }, (_, n) => `tenant-${n}`);
    await storedBefore((secrets) =>
      Promise.all(tenants.map((tenantId) => secrets.store({ ...SIGNING, tenantId }, PLANTED))),
    );
    expect((await post('keys/rotate', {})).json).toMatchObject({ rewrapped: MOST_OF_A_REQUEST, left: 20 });
    expect((await post('keys/rotate', {})).json).toMatchObject({ rewrapped: 20, left: 0 });
    expect((await post('keys/rotate', {})).json).toMatchObject({ rewrapped: 0, left: 0 });
  });

  it('seals the secrets of a tenant with a new data key, and those of an application without tenants', async () => {
    await storedBefore(something);
    await spoil('api-key');
    const dataKeys = async () =>
      (
        await database.pool.query(
          'SELECT tenant_id AS tenant, id FROM integration.integration_data_key ORDER BY tenant_id, created_at',
        )
      ).rows;
    const old = await dataKeys();
    const { json } = await post('keys/reseal', { tenant: 'acme', reason: 'leaked' }, 'k1');
    expect(json).toEqual({ resealed: 2, unreadable: 0 });
    expect((await post('keys/reseal', {})).json).toEqual({ resealed: 0, unreadable: 1 });
    const now = await dataKeys();
    // The key of what cannot be opened is kept.
    expect(now.map(({ tenant }) => tenant)).toEqual(['', '', 'acme', 'beta']);
    expect(now[0]).toEqual(old[0]);
    expect(now[2].id).not.toBe(old[1].id);
    const by = { actor: 'grace', via: 'rest', affected: null, outcome: 'done' };
    expect(await auditRows()).toEqual([
      { action: 'keys.reseal', target: 'tenant/acme', reason: 'leaked', key: 'k1', ...by },
      { action: 'keys.reseal', target: 'tenant/', reason: null, key: null, ...by },
    ]);
    expect((await admin.ask('secrets?tenant=acme')).json.items[0].versions[0]).toMatchObject({
      readable: true,
    });
  });

  it('refuses who may not do it, and notes that', async () => {
    await storedBefore(something);
    for (const action of ['secrets.read', 'secrets.rotate']) denied.add(action);
    for (const answer of [
      await admin.ask('secrets'),
      await admin.ask('keys'),
      await post('keys/rotate', {}),
      await post('keys/reseal', { tenant: 'acme' }),
    ])
      expect(answer).toMatchObject({ status: 403, json: { code: 'INTEGRATION_ADMIN_DENIED' } });
    expect((await auditRows()).map(({ action, outcome }) => [action, outcome])).toEqual(
      expect.arrayContaining([
        ['secrets.read', 'denied'],
        ['secrets.rotate', 'denied'],
      ]),
    );
    const { json } = await admin.ask('session');
    expect(json.parts).toEqual(['secrets']);
    expect(json.actions).not.toContain('secrets.read');
    denied.clear();
    expect((await admin.ask('keys')).json.items).toMatchObject([{ current: true }, { dataKeys: 3 }]);
    expect((await admin.ask('session')).json.actions).toEqual(
      expect.arrayContaining(['secrets.read', 'secrets.rotate']),
    );
  });

  it('refuses what no tenant can be called, and fields that are none', async () => {
    for (const [path, json, pointer] of [
      ['keys/reseal', { tenant: '' }, '/tenant'],
      ['keys/reseal', { tenant: 'x'.repeat(128) }, '/tenant'],
      ['keys/reseal', { tenant: 7 }, '/tenant'],
      ['keys/rotate', { most: 7 }, '/most'],
    ] as const)
      expect(await post(path, json)).toMatchObject({
        status: 400,
        json: { errors: [{ in: 'body', pointer }] },
      });
    expect(await admin.ask('secrets?tenant=')).toMatchObject({ status: 400 });
  });

  it('says nothing of a secret, of a part of it, of sealed bytes or of keys, and neither do commands', async () => {
    await storedBefore(something);
    await spoil('token');
    await spoilDataKey('beta');
    const { rows } = await database.pool.query<{ bytes: Buffer }>(
      `SELECT sealed AS bytes FROM integration.integration_secret
       UNION ALL SELECT wrapped FROM integration.integration_data_key`,
    );
    const answers = [
      await admin.ask('secrets'),
      await admin.ask('keys'),
      await admin.ask('doctor'),
      await post('keys/rotate', { reason: 'yearly' }),
      await post('keys/reseal', { tenant: 'acme' }),
      await post('keys/reseal', { tenant: 'beta' }),
      await admin.ask('audit'),
      await admin.ask('secrets'),
    ];
    const said = answers.map(({ text }) => text);
    for (const words of [
      ['secrets', 'list'],
      ['secrets', 'list', '--json'],
      ['secrets', 'list', '--tenant', 'acme', '--limit', '1', '--json'],
      ['keys', 'list'],
      ['keys', 'rotate', '--dry-run'],
      ['keys', 'rotate', '--yes'],
      ['keys', 'reseal', '--tenant', 'beta', '--yes', '--json'],
      ['audit', 'list', '--json'],
    ]) {
      const { stdout, stderr } = await command(...words);
      said.push(stdout, stderr);
    }
    const everything = said.join('\n');
    expect(everything).toContain('signing');
    const secrets = shapesOf(OLD, NEW, ...rows.map(({ bytes }) => bytes));
    expect(secrets.filter((secret) => everything.includes(secret))).toEqual([]);
  });
});

function command(...words: string[]) {
  const keys = `new=${NEW.toString('base64')},old=${OLD.toString('base64')}`;
  const environment = { ...process.env, DATABASE_URL: database.url, INTEGRATION_KEYS: keys };
  return runCommandIn({ folder: tmpdir(), environment, terminal: undefined }, words);
}

describe('secrets list', () => {
  it('shows each version with its key and whether it can be opened, page by page', async () => {
    await storedBefore(something);
    await spoil('token');
    const first = await command('secrets', 'list', '--limit', '2');
    expect(first.status).toBe(0);
    const [heading, ...lines] = first.stdout.trim().split('\n');
    expect(heading?.split(/ {2,}/)).toEqual([
      'TENANT',
      'OWNER',
      'NAME',
      'VERSION',
      'STORED',
      'VALID UNTIL',
      'KEY',
    ]);
    expect(lines.slice(0, 3)).toEqual([
      expect.stringMatching(/shop main +api-key +1 .* - +old$/),
      expect.stringMatching(/^acme +webhook_endpoint e1 +signing +2 .* - +old$/),
      expect.stringMatching(/^acme +webhook_endpoint e1 +signing +1 .*Z +\d.*Z +old$/),
    ]);
    const [, next = ''] = /^More: npx nestjs-integration (.*)$/m.exec(first.stdout) ?? [];
    const second = await command(...next.split(' '));
    expect(second.stdout).toMatch(/^beta .* token .* old +cannot be opened$/m);
    expect(second.stdout).not.toContain('More:');
    expect(await command('secrets', 'list', '--after', 'nowhere')).toMatchObject({ status: 2 });
    expect((await command('secrets', 'list', '--tenant', 'nobody')).stdout).toBe(
      'There is no such secret.\n',
    );
  });
});

describe('an application without SecretsModule', () => {
  it('has none of its routes', async () => {
    const admin = await startAdminApp(database);
    try {
      for (const [path, method] of [
        ['secrets', 'GET'],
        ['keys', 'GET'],
        ['keys/rotate', 'POST'],
        ['keys/reseal', 'POST'],
      ] as const) {
        const { status } = await admin.ask(path, { method, ...(method === 'POST' ? { json: {} } : {}) });
        expect([path, status]).toEqual([path, 404]);
      }
      expect((await admin.ask('session')).json).toMatchObject({ parts: [] });
    } finally {
      await admin.close();
    }
  });
});
