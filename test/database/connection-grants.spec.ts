import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { IntegrationModuleOptions } from '../../src/index.js';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import { FakeProvider } from '../../src/testing/fake-provider.js';
import { authorized, type ConnectorApp, hrisOf, startConnectorApp } from '../connectors/connector-app.js';
import { hearLog } from '../support/log-lines.js';
import { grantedPart } from './granted-part.js';

/* Each role has the printed grants and no others. */
describe('connections', () => {
  let provider: FakeProvider;
  beforeAll(async () => {
    provider = await FakeProvider.start();
  });
  afterAll(() => provider.close());
  const part = grantedPart<ConnectorApp, IntegrationModuleOptions>((database, options) =>
    startConnectorApp(database, [hrisOf(provider)], {}, options),
  );

  it.each(part.clients)(
    'are made, authorized, used, refreshed, revoked and removed with %s by roles that have the grants of the guide',
    async (_, clientOf) => {
      const log = hearLog();
      const app = await part.start({ client: clientOf() });
      const id = await authorized(app, provider);
      const tenant = app.connections.forTenant('acme');
      await part.database.pool.query(
        `UPDATE integration.connection_token SET refreshed_at = refreshed_at - interval '2 days'; DELETE FROM integration.integration_maintenance`,
      );
      await app.context.get(MaintenanceJob, { strict: false }).runRound();
      expect((await tenant.get(id)).token?.generation).toBe(2);
      const { fetch } = await tenant.client(id);
      expect((await fetch('/me')).status).toBe(200);
      await tenant.rotateKey(id);
      await tenant.test(id);
      await tenant.revoke(id);
      await tenant.remove(id);
      expect(log.texts('warn', 'error').filter((text) => /permission|42501/.test(text))).toEqual([]);
    },
  );

  it('are named at the boot where the worker lacks a right', async () => {
    await part.revoke('UPDATE ON integration.connection_token', 'worker');
    await expect(part.start()).rejects.toMatchObject({
      code: 'INTEGRATION_PRIVILEGES_MISSING',
      message: expect.stringContaining('connection_token'),
    });
  });
});
