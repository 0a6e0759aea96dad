import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { type CallOf, type CallUpdate, ExternalCallType } from '../../src/calls/index.js';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import {
  type CallApp,
  type CallAppOptions,
  startCallApp,
  untilEnded,
  untilStatus,
} from '../calls/call-app.js';
import { hostClientOver, type PgHostClient } from '../support/host-clients.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { createGrantedDatabase, type GrantedDatabase, nameOf } from './granted-roles.js';

@Injectable()
@ExternalCallType({ type: 'granted', unknownOutcome: 'retry' })
class GrantedCalls {
  async start({ id, request }: CallOf<string>): Promise<CallUpdate> {
    return request === 'now'
      ? { phase: 'completed', result: 1 }
      : { phase: 'processing', externalId: `x-${id}` };
  }
}

/* Each role has the printed grants and no others. */
describe('calls', () => {
  let granted: GrantedDatabase;
  let client: PgHostClient;
  let app: CallApp | undefined;

  beforeAll(async () => {
    granted = await createGrantedDatabase();
    client = hostClientOver(granted.urlOf('handlers'));
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    silenceLog();
  });
  afterAll(async () => {
    await client?.close();
    await granted?.drop();
  });

  const start = async (options: CallAppOptions) => {
    app = await startCallApp(granted.database, [GrantedCalls], {
      connectionString: granted.urlOf('worker'),
      migrations: 'verify',
      ...options,
    });
    return app;
  };

  it.each([
    ['a client of the application', () => client],
    ['the client of the engine', () => undefined],
  ])(
    'are made, reported, changed by hand and deleted with %s by roles that have the grants of the guide',
    async (_, clientOf) => {
      const log = hearLog();
      const running = await start({ client: clientOf() });
      const { calls, context } = running;
      const now = await calls.create(GrantedCalls, { request: 'now' });
      await untilEnded(running, now.callId);
      const later = await calls.create(GrantedCalls, { request: 'later' });
      await untilStatus(running, later.callId, 'processing');
      await calls.check(later.callId);
      const which = { type: 'granted', externalId: `x-${later.callId}` };
      const failed = { phase: 'failed', error: { code: 'E', message: 'no' } } as const;
      expect(await calls.report(which, failed)).toMatchObject({ is: 'applied' });
      const again = await calls.retry(later.callId);
      await untilStatus(running, again, 'processing');
      await calls.cancel(again);
      await untilEnded(running, again);
      await calls.report({ type: 'granted', externalId: 'early' }, failed);
      await granted.database.pool.query(
        `UPDATE integration.external_call SET ended_at = ended_at - interval '31 days'; DELETE FROM integration.integration_maintenance`,
      );
      await context.get(MaintenanceJob, { strict: false }).runRound();
      expect(await calls.get(again)).toBeUndefined();
      expect(
        log.texts('warn', 'error').filter((text) => /external_call|outgoing_target|42501/.test(text)),
      ).toEqual([]);
    },
  );

  it('are named at the boot where the client lacks a right', async () => {
    await granted.run(
      'migrator',
      `REVOKE INSERT ON integration.external_call_report FROM ${nameOf('handlers')}`,
    );
    await expect(start({ client })).rejects.toMatchObject({
      code: 'INTEGRATION_PRIVILEGES_MISSING',
      message: expect.stringContaining('external_call_report'),
    });
  });
});
