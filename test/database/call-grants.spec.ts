import { describe, expect, it } from '@jest/globals';
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
import { hearLog } from '../support/log-lines.js';
import { grantedPart } from './granted-part.js';

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
  const part = grantedPart<CallApp, CallAppOptions>((database, options) =>
    startCallApp(database, [GrantedCalls], options),
  );

  it.each(part.clients)(
    'are made, reported, changed by hand and deleted with %s by roles that have the grants of the guide',
    async (_, clientOf) => {
      const log = hearLog();
      const running = await part.start({ client: clientOf() });
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
      await part.database.pool.query(
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
    const [[, ofApplication] = []] = part.clients;
    await part.revoke('INSERT ON integration.external_call_report', 'handlers');
    await expect(part.start({ client: ofApplication?.() })).rejects.toMatchObject({
      code: 'INTEGRATION_PRIVILEGES_MISSING',
      message: expect.stringContaining('external_call_report'),
    });
  });
});
