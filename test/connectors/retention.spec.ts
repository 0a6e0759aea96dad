import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ConnectorsEngine } from '../../src/connectors/connectors-engine.js';
import { deleteOverAuthorizations } from '../../src/connectors/oauth/authorization-retention.js';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import { FakeProvider } from '../../src/testing/fake-provider.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { authorized, type ConnectorApp, hrisOf, REDIRECT, startConnectorApp } from './connector-app.js';

let database: TestDatabase;
let provider: FakeProvider;
let app: ConnectorApp;

beforeAll(async () => {
  database = await createTestDatabase();
  provider = await FakeProvider.start();
  app = await startConnectorApp(database, [hrisOf(provider)]);
});
afterAll(async () => {
  await app.close();
  await provider.close();
  await database.drop();
});

const countOf = async (sql: string, values: unknown[] = []): Promise<number> =>
  Number((await database.pool.query(`SELECT count(*) FROM integration.${sql}`, values)).rows[0].count);
const rowsLeft = async () => [
  await countOf('oauth_authorization'),
  await countOf("integration_secret WHERE owner_type = 'oauth_authorization'"),
];

it('authorizations that nobody has completed in time go with their secrets, and others stay', async () => {
  const id = await authorized(app, provider);
  const tenant = app.connections.forTenant('acme');
  await tenant.authorize(id, { redirectUrl: REDIRECT });
  await tenant.authorize(id, { redirectUrl: REDIRECT });
  // That of the completed one has no secret any more.
  expect(await rowsLeft()).toEqual([3, 2]);
  await database.pool.query(
    `UPDATE integration.oauth_authorization SET expires_at = now() - interval '1 second'
     WHERE state_hash = (SELECT state_hash FROM integration.oauth_authorization WHERE used_at IS NULL LIMIT 1)`,
  );
  await database.pool.query('DELETE FROM integration.integration_maintenance');
  await app.context.get(MaintenanceJob, { strict: false }).runRound();
  expect(await rowsLeft()).toEqual([2, 1]);
  await database.pool.query(
    "UPDATE integration.oauth_authorization SET expires_at = now() - interval '1 second'",
  );
  const { database: db } = app.context.get(ConnectorsEngine);
  const step = () => db.transaction((session) => deleteOverAuthorizations(session, db, 1));
  expect([await step(), await step(), await step()]).toEqual([true, true, false]);
  expect(await rowsLeft()).toEqual([0, 0]);
});

it('the limits of a connection go with it', async () => {
  const id = await authorized(app, provider);
  const gates = () => countOf('connector_gate WHERE key = $1', [`connection:${id}`]);
  await database.pool.query('INSERT INTO integration.connector_gate (key, limit_no) VALUES ($1, 1)', [
    `connection:${id}`,
  ]);
  await app.connections.forTenant('acme').remove(id);
  expect(await gates()).toBe(0);
});
