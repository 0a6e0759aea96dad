import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DoctorService, IntegrationError } from '../../src/index.js';
import { KeyRotation, type SecretKeys, SecretService, staticKeys } from '../../src/secrets/index.js';
import { keysOfEnvironment } from '../../src/secrets/secret-keys.js';
import { runCommandIn } from '../support/command.js';
import { hearLog, type LogLines, silenceLog } from '../support/log-lines.js';
import { startSecretsApp } from '../support/secrets-app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const OLD = randomBytes(32).toString('base64');
const NEW = randomBytes(32).toString('base64');
const PLANTED = 'planted-secret-of-the-test-7f3a9c';
const OWNER = { tenantId: 'acme', ownerType: 'webhook_endpoint', ownerId: 'e1' };
const SIGNING = { ...OWNER, name: 'signing' };

let database: TestDatabase;
let apps: { close(): Promise<void> }[] = [];
let log: LogLines;

beforeEach(async () => {
  database = await createTestDatabase();
  log = hearLog();
});
afterEach(async () => {
  for (const app of apps) await app.close();
  apps = [];
  silenceLog();
  await database.drop();
});

/** An application with these keys. */
async function start(keys: SecretKeys) {
  const app = await startSecretsApp(database, keys);
  apps.push(app);
  return { secrets: app.get(SecretService), rotation: app.get(KeyRotation), doctor: app.get(DoctorService) };
}

const command = (keys: string, ...words: string[]) =>
  runCommandIn(
    {
      folder: tmpdir(),
      environment: { ...process.env, DATABASE_URL: database.url, INTEGRATION_KEYS: keys },
      terminal: undefined,
    },
    words,
  );

const codeOf = (error: unknown) => (error instanceof IntegrationError ? error.code : String(error));

describe('a secret', () => {
  it('comes out as it went in, and everybody else sees its last four characters', async () => {
    const { secrets } = await start(staticKeys({ old: OLD }));
    const view = await secrets.store(SIGNING, PLANTED);
    expect(view).toMatchObject({ name: 'signing', version: 1, last4: '3a9c', validUntil: null });
    expect(await secrets.open(SIGNING)).toEqual([{ version: 1, value: PLANTED }]);
    await secrets.store({ ...OWNER, name: 'pin' }, 'short');
    expect(await secrets.list(OWNER)).toMatchObject([
      { name: 'pin', version: 1, last4: null },
      { name: 'signing', version: 1, last4: '3a9c', rotatedAt: expect.any(Date) },
    ]);
    expect(await secrets.open({ ...SIGNING, tenantId: 'other' })).toEqual([]);
  });

  it('has two valid versions during a rotation, and one after it', async () => {
    const { secrets } = await start(staticKeys({ old: OLD }));
    await secrets.store(SIGNING, 'first');
    await secrets.rotate(SIGNING, 'second', { overlapMs: 3_600_000 });
    expect(await secrets.open(SIGNING)).toEqual([
      { version: 2, value: 'second' },
      { version: 1, value: 'first' },
    ]);
    expect(await secrets.list(OWNER)).toMatchObject([
      { version: 2, validUntil: null },
      { version: 1, validUntil: expect.any(Date) },
    ]);
    await database.pool.query(
      `UPDATE integration.integration_secret SET valid_until = now() WHERE valid_until IS NOT NULL`,
    );
    expect(await secrets.open(SIGNING)).toEqual([{ version: 2, value: 'second' }]);
    await secrets.store(SIGNING, 'third');
    expect(await secrets.open(SIGNING)).toEqual([{ version: 3, value: 'third' }]);
  });

  it('gets one version each from many callers at once', async () => {
    const { secrets } = await start(staticKeys({ old: OLD }));
    const values = Array.from({ length: 4 }, (_, n) => `value ${n}`);
    await secrets.store(SIGNING, 'before');
    await Promise.all(values.map((value) => secrets.rotate(SIGNING, value, { overlapMs: 60_000 })));
    const opened = await secrets.open(SIGNING);
    expect(opened.map(({ version }) => version)).toEqual([5, 4, 3, 2, 1]);
    expect(new Set(opened.map(({ value }) => value))).toEqual(new Set(['before', ...values]));
  });

  it('stands in no table, no log line and no error, but sealed', async () => {
    const { secrets } = await start(staticKeys({ old: OLD }));
    await secrets.store(SIGNING, PLANTED);
    await database.pool.query(`UPDATE integration.integration_secret SET sealed = sealed || '\\x00'`);
    const error = await secrets.open(SIGNING).catch((thrown) => thrown);
    const refused = await secrets.store(SIGNING, `${PLANTED}\ud800`).catch((thrown) => thrown);
    const { rows } = await database.pool.query(
      `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'integration' AND table_type = 'BASE TABLE'`,
    );
    const said: string[] = log.texts('log', 'warn', 'error');
    for (const { name } of rows) {
      const found = await database.pool.query(`SELECT t::text AS row FROM integration.${name} t`);
      said.push(...found.rows.map(({ row }) => row));
    }
    for (const each of [error, refused])
      said.push(each.message, each.stack, JSON.stringify(each.details), String(each.cause));
    expect(codeOf(error)).toBe('INTEGRATION_SECRET_UNREADABLE');
    expect(codeOf(refused)).toBe('INTEGRATION_ADMIN_INVALID');
    const everything = said.join('\n');
    for (const secret of [
      PLANTED,
      Buffer.from(PLANTED).toString('hex'),
      OLD,
      Buffer.from(OLD, 'base64').toString('hex'),
    ])
      expect(everything).not.toContain(secret);
  });

  it('cannot be opened in another place: tenant, owner, name, version and key are sealed with it', async () => {
    const { secrets } = await start(staticKeys({ old: OLD }));
    await secrets.store(SIGNING, 'of acme');
    const others = [
      { ...SIGNING, tenantId: 'other' },
      { ...SIGNING, ownerId: 'e2' },
      { ...SIGNING, ownerType: 'connection' },
      { ...SIGNING, name: 'verifying' },
    ];
    for (const other of others) await secrets.store(other, 'theirs');
    await database.pool.query(
      `UPDATE integration.integration_secret s SET sealed = a.sealed, data_key_id = a.data_key_id
       FROM integration.integration_secret a WHERE a.tenant_id = 'acme' AND a.owner_id = 'e1' AND a.name = 'signing'
         AND a.owner_type = 'webhook_endpoint' AND s.id <> a.id`,
    );
    for (const other of others)
      expect(codeOf(await secrets.open(other).catch((error) => error))).toBe('INTEGRATION_SECRET_UNREADABLE');
    expect(await secrets.open(SIGNING)).toEqual([{ version: 1, value: 'of acme' }]);
  });

  it('cannot be opened with the key of another tenant in the place of its own', async () => {
    const first = await start(staticKeys({ old: OLD }));
    await first.secrets.store(SIGNING, 'of acme');
    await first.secrets.store({ ...SIGNING, tenantId: 'other' }, 'theirs');
    await database.pool.query(
      `UPDATE integration.integration_data_key k SET wrapped = a.wrapped
       FROM integration.integration_data_key a WHERE a.tenant_id = 'acme' AND k.tenant_id = 'other'`,
    );
    const { secrets } = await start(staticKeys({ old: OLD }));
    const error = await secrets.open({ ...SIGNING, tenantId: 'other' }).catch((thrown) => thrown);
    expect(codeOf(error)).toBe('INTEGRATION_SECRET_UNREADABLE');
    expect(await secrets.open(SIGNING)).toHaveLength(1);
  });

  it('that cannot be opened is set aside and named by the doctor; another version and other secrets go on', async () => {
    const { secrets, doctor } = await start(staticKeys({ old: OLD }));
    await secrets.store(SIGNING, 'first');
    await secrets.rotate(SIGNING, 'second', { overlapMs: 60_000 });
    await secrets.store({ ...OWNER, name: 'other' }, 'other');
    await database.pool.query(
      `UPDATE integration.integration_secret SET sealed = '\\x01' WHERE name = 'signing' AND version = 2`,
    );
    expect(await secrets.open(SIGNING)).toEqual([{ version: 1, value: 'first' }]);
    const { findings } = await doctor.examine();
    expect(findings.filter(({ check }) => check === 'secret-unreadable')).toMatchObject([
      {
        severity: 'critical',
        finding: expect.stringMatching(/^Version 2 of the secret "signing" of webhook_endpoint "e1"/),
      },
    ]);
    expect(await secrets.list(OWNER)).toHaveLength(3);
  });

  it('is gone for good when its tenant is erased, and others are not', async () => {
    const { secrets } = await start(staticKeys({ old: OLD }));
    await secrets.store(SIGNING, 'of acme');
    await secrets.store({ ...SIGNING, tenantId: 'other' }, 'theirs');
    await secrets.eraseTenant('acme');
    expect(await secrets.open(SIGNING)).toEqual([]);
    expect(await secrets.open({ ...SIGNING, tenantId: 'other' })).toHaveLength(1);
    await secrets.store(SIGNING, 'anew');
    expect(await secrets.open(SIGNING)).toEqual([{ version: 1, value: 'anew' }]);
    expect(await secrets.remove(SIGNING)).toBe(1);
  });

  it('is erased while others change it: nobody waits in a circle', async () => {
    const { secrets } = await start(staticKeys({ old: OLD }));
    await secrets.store(SIGNING, 'first');
    const changes = Array.from({ length: 40 }, (_, n) =>
      n % 4 === 0
        ? secrets.eraseTenant('acme')
        : secrets.rotate(SIGNING, `value ${n}`, { overlapMs: 60_000 }),
    );
    const ends = await Promise.allSettled(changes);
    expect(ends.filter(({ status }) => status === 'rejected')).toEqual([]);
  });
});

describe('keys', () => {
  it('are rotated while secrets are written and read: each can be read throughout, and the old key can go', async () => {
    const both = { new: NEW, old: OLD };
    const before = await start(staticKeys({ old: OLD, new: NEW }));
    const tenants = Array.from({ length: 12 }, (_, n) => `tenant ${n}`);
    const secretOf = (tenantId: string) => ({ ...SIGNING, tenantId });
    for (const tenant of tenants) await before.secrets.store(secretOf(tenant), `of ${tenant}`);
    const after = await start(staticKeys(both));
    let isOver = false;
    let reads = 0;
    const reader = async () => {
      while (!isOver) {
        for (const tenant of tenants) {
          const [latest] = await before.secrets.open(secretOf(tenant));
          const [same] = await after.secrets.open(secretOf(tenant));
          if (!latest?.value.endsWith(tenant) || !same?.value.endsWith(tenant))
            throw new Error(`${tenant} is lost`);
          reads++;
        }
      }
    };
    const writer = async () => {
      for (let n = 0; !isOver; n++)
        for (const tenant of tenants)
          await after.secrets.rotate(secretOf(tenant), `${n} of ${tenant}`, { overlapMs: 0 });
    };
    const load = Promise.all([reader(), writer()]);
    // A failure of the load is thrown by `await load` below, and is no unhandled rejection until then.
    load.catch(() => {});
    const keys = `new=${NEW},old=${OLD}`;
    const rotated = await command(keys, 'keys', 'rotate', '--yes');
    for (const tenant of tenants.slice(0, 4)) {
      const resealed = await command(keys, 'keys', 'reseal', '--tenant', tenant, '--yes');
      expect(resealed).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(/secrets are sealed with a new data key/),
      });
    }
    isOver = true;
    await load;
    expect(reads).toBeGreaterThan(0);
    expect(rotated).toMatchObject({ status: 0, stdout: expect.stringMatching(/wrapped by "new" now/) });
    expect((await command(keys, 'keys', 'rotate', '--yes')).status).toBe(0);
    const { uses } = await after.rotation.list();
    expect(uses.map(({ keyName }) => keyName)).toEqual(['new']);
    const without = await start(staticKeys({ new: NEW }));
    for (const tenant of tenants) expect(await without.secrets.open(secretOf(tenant))).toHaveLength(1);
    const { rows } = await database.pool.query(
      'SELECT count(*)::int AS n FROM integration.integration_data_key',
    );
    expect(rows).toEqual([{ n: tenants.length }]);
  }, 60_000);

  it('leave who changed them, and why, in the audit, in the transaction of the change', async () => {
    const { secrets } = await start(staticKeys({ old: OLD }));
    await secrets.store(SIGNING, PLANTED);
    await secrets.store({ ...SIGNING, tenantId: 'other' }, PLANTED);
    const keys = `new=${NEW},old=${OLD}`;
    const author = ['--by', 'ann', '--reason', 'yearly'];
    for (const words of [['rotate'], ['rotate'], ['reseal', '--tenant', 'acme']])
      expect((await command(keys, 'keys', ...words, ...author, '--yes')).status).toBe(0);
    await secrets.eraseTenant('other', { by: 'bob', reason: 'has left' });
    await secrets.eraseTenant('nobody', { by: 'bob' });
    const { rows } = await database.pool.query(
      'SELECT action, target, actor, via, reason, affected::int AS affected, outcome FROM integration.integration_audit ORDER BY id',
    );
    const done = { outcome: 'done' };
    const byAnn = { actor: 'ann', via: 'cli', reason: 'yearly', ...done };
    expect(rows).toEqual([
      { action: 'keys.rotate', target: 'key/new', affected: 2, ...byAnn },
      { action: 'keys.reseal', target: 'tenant/acme', affected: null, ...byAnn },
      {
        action: 'secrets.erase',
        target: 'tenant/other',
        affected: 1,
        actor: 'bob',
        via: 'service',
        reason: 'has left',
        ...done,
      },
    ]);

    // What cannot be noted is not done.
    await database.pool.query(
      `ALTER TABLE integration.integration_audit ADD CONSTRAINT refused CHECK (actor <> 'mallory') NOT VALID`,
    );
    const state = async () =>
      (await database.pool.query('SELECT * FROM integration.integration_data_key ORDER BY id')).rows;
    const before = await state();
    const mallory = { by: 'mallory' };
    const { secrets: after, rotation } = await start(staticKeys({ newest: OLD, new: NEW }));
    for (const change of [
      () => rotation.rotate(mallory),
      () => rotation.reseal('acme', mallory),
      () => after.eraseTenant('acme', mallory),
    ])
      await expect(change()).rejects.toMatchObject({ code: '23514' });
    expect(await state()).toEqual(before);
  });

  it('may be changed by several at once, also for a tenant that has had none', async () => {
    const { secrets, rotation } = await start(staticKeys({ old: OLD }));
    const admins = [rotation, (await start(staticKeys({ old: OLD }))).rotation];
    const change = () => admins.map((each) => each.reseal('acme'));
    await Promise.all([...change(), secrets.store(SIGNING, PLANTED), ...change()]);
    for (let round = 0; round < 5; round++) await Promise.all([...change(), ...change()]);
    expect(await secrets.open(SIGNING)).toEqual([{ version: 1, value: PLANTED }]);
    const { rows } = await database.pool.query(
      'SELECT retired_at FROM integration.integration_data_key WHERE retired_at IS NULL',
    );
    expect(rows).toHaveLength(1);
  });

  it('wait for who is sealing: nothing is left under the old key', async () => {
    const { secrets, rotation } = await start(staticKeys({ old: OLD }));
    await secrets.store(SIGNING, 'first');
    // The sealing has its key, and then waits for the versions that there are.
    const holder = await database.pool.connect();
    await holder.query('BEGIN; SELECT FROM integration.integration_secret FOR UPDATE');
    const waits = (query: string) =>
      until('it waits', async () => {
        const { rows } = await database.pool.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1`,
          [query],
        );
        return rows.length > 0;
      });
    const stored = secrets.store(SIGNING, 'second');
    await waits('%FOR NO KEY UPDATE%');
    // The key may be replaced only when that has ended, so that its secret is sealed anew as well.
    const resealed = rotation.reseal('acme');
    await waits('%SET retired_at%');
    await holder.query('COMMIT');
    holder.release();
    await Promise.all([stored, resealed]);
    expect(await secrets.open(SIGNING)).toEqual([{ version: 2, value: 'second' }]);
    const { rows } = await database.pool.query(
      `SELECT FROM integration.integration_secret s JOIN integration.integration_data_key k ON k.id = s.data_key_id
       WHERE k.retired_at IS NOT NULL`,
    );
    expect(rows).toEqual([]);
  });

  it('are listed by what they have wrapped', async () => {
    const { secrets } = await start(staticKeys({ old: OLD }));
    await secrets.store(SIGNING, 'x');
    const { stdout } = await command(`new=${NEW},old=${OLD}`, 'keys', 'list');
    expect(stdout).toMatch(/old +1 +1 +still needed: run keys rotate/);
    expect(stdout).not.toContain(OLD);
  });

  it('pass over what they cannot open, name it, and do the rest', async () => {
    const { secrets } = await start(staticKeys({ old: OLD }));
    await secrets.store(SIGNING, 'x');
    await secrets.store({ ...SIGNING, tenantId: 'other' }, 'y');
    await database.pool.query(
      `UPDATE integration.integration_data_key SET wrapped = '\\x00' WHERE tenant_id = 'acme'`,
    );
    const { status, stdout } = await command(`new=${NEW},old=${OLD}`, 'keys', 'rotate', '--yes');
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /^1 data keys are wrapped by "new" now\.\nPassed over: The data key of tenant "acme"/,
    );
  });

  it('may be wrapped by a service of its own, which gets what each is for', async () => {
    const asked: unknown[] = [];
    const own = staticKeys({ kms: OLD });
    const { secrets } = await start({
      current: 'kms',
      wrap: async (key, as) => own.wrap(key, as),
      unwrap: async (name, wrapped, as) => {
        asked.push(as);
        return own.unwrap(name, wrapped, as);
      },
    });
    await secrets.store(SIGNING, 'x');
    await secrets.open(SIGNING);
    expect(asked).toEqual([['integration_data_key', expect.any(String), 'acme']]);
  });

  it('that are missing or malformed are named, and never shown', async () => {
    const { secrets } = await start(staticKeys({ old: OLD }));
    await secrets.store(SIGNING, 'x');
    const { secrets: without } = await start(staticKeys({ new: NEW }));
    const error = await without.open(SIGNING).catch((thrown) => thrown);
    expect(error).toMatchObject({
      code: 'INTEGRATION_SECRET_UNREADABLE',
      message: expect.stringMatching(/no key "old"/),
    });
    for (const text of ['', 'a', 'a=', `a=${OLD.slice(8)}`, `a=${OLD},a=${OLD}`, `1=${OLD}`, `=${OLD}`]) {
      const refused = (() => {
        try {
          return keysOfEnvironment({ INTEGRATION_KEYS: text });
        } catch (thrown) {
          return thrown as Error;
        }
      })();
      expect(refused).toMatchObject({ code: 'INTEGRATION_KEY_MISSING' });
      expect((refused as Error).message).not.toContain(OLD.slice(8, 20));
    }
    expect(await command('', 'keys', 'list')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/openssl rand/),
    });
  });
});
