import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { Connector, fromConfig, oauth2 } from '../../src/connectors/index.js';
import { KeyRotation, SecretService } from '../../src/secrets/index.js';
import { FakeProvider } from '../../src/testing/fake-provider.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type ConnectorApp, REDIRECT, startConnectorApp } from './connector-app.js';

let database: TestDatabase;
let provider: FakeProvider;
let app: ConnectorApp;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  process.env.PLANTED_CLIENT = 'planted-client-secret';
  provider = await FakeProvider.start({ oauth: { clientSecret: 'planted-client-secret' } });
  @Connector({
    key: 'hris',
    name: 'HRIS',
    category: 'hr',
    auth: oauth2({ ...provider.endpoints, clientSecret: fromConfig('PLANTED_CLIENT'), scopes: ['a'] }),
    secrets: z.object({ extra: z.string() }),
    http: { baseUrl: provider.url },
  })
  class Hris {}
  app = await startConnectorApp(database, [Hris]);
});
afterEach(async () => {
  await app.close();
  await provider.close();
  delete process.env.PLANTED_CLIENT;
});

async function used(): Promise<string> {
  const tenant = app.connections.forTenant('acme');
  const { id } = await tenant.create({
    connector: 'hris',
    name: 'HR',
    secrets: { extra: 'planted-secret-1' },
  });
  const { url } = await tenant.authorize(id, { redirectUrl: REDIRECT });
  await app.connections.completeAuthorization(provider.approve(url), { tenantId: 'acme' });
  await tenant.enable(id);
  return id;
}

/** Every row of every table, as text. */
async function stored(): Promise<string> {
  const { rows } = await database.pool.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'integration' AND table_type = 'BASE TABLE'`,
  );
  const texts = await Promise.all(
    rows.map(async ({ name }) => {
      const found = await database.pool.query(`SELECT t::text AS row FROM integration."${name}" t`);
      return found.rows.map(({ row }) => row).join('\n');
    }),
  );
  return texts.join('\n');
}

describe('what is secret', () => {
  it('stands in the database sealed only, and neither in events, audit, errors nor answers', async () => {
    const id = await used();
    const tenant = app.connections.forTenant('acme');
    const said: unknown[] = [];
    await tenant.rotateSecret(id, { name: 'extra', value: 'planted-secret-2' });
    await database.pool.query(
      `UPDATE integration.connection_token SET expires_at = clock_timestamp() - interval '1 s', refreshed_at = clock_timestamp() - interval '1 h'`,
    );
    provider
      .next('/oauth/token')
      .answers(400, { error: 'invalid_client', error_description: 'planted-client-secret' });
    const { fetch } = await tenant.client(id);
    said.push(await fetch('/me').catch((error) => [error.message, error.details, error.stack]));
    said.push(await tenant.get(id), await tenant.list(), await tenant.validate(id));
    const text = (await stored()) + JSON.stringify(said);
    for (const secret of ['planted-', 'fake-access', 'fake-refresh', 'fake-code'])
      expect(text).not.toContain(secret);
    expect(Buffer.from(text).includes(Buffer.from('planted-secret-2').toString('hex'))).toBe(false);
  });

  it('can be used while keys are changed under it', async () => {
    const id = await used();
    const { fetch } = await app.connections.forTenant('acme').client(id);
    const rotation = app.context.get(KeyRotation);
    let isDone = false;
    const answers: number[] = [];
    const using = (async () => {
      while (!isDone) {
        await database.pool.query(
          `UPDATE integration.connection_token SET expires_at = clock_timestamp() - interval '1 s', refreshed_at = clock_timestamp() - interval '1 h'`,
        );
        answers.push((await fetch('/me')).status);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    for (let round = 0; round < 5; round++) {
      expect((await rotation.reseal('acme')).unreadable).toEqual([]);
      await rotation.rotate();
    }
    isDone = true;
    await using;
    expect(answers.length).toBeGreaterThan(0);
    expect(new Set(answers)).toEqual(new Set([200]));
  });

  it('is gone when the tenant is erased, and the connection says that it must be authorized', async () => {
    const id = await used();
    await app.context.get(SecretService).eraseTenant('acme');
    const fresh = await app.connections.forTenant('acme').get(id);
    expect([fresh.secrets, fresh.token]).toEqual([[], null]);
  });
});
