import { describe, expect, it } from '@jest/globals';
import type { DomainEvent, IntegrationModuleOptions } from '../../src/index.js';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import { Saga, type SagaContext, SagaStart, SagaStep } from '../../src/sagas/index.js';
import { event, type SagaApp, startSagaApp, untilSagaSettled } from '../sagas/saga-app.js';
import { hearLog } from '../support/log-lines.js';
import { grantedPart } from './granted-part.js';

const keyOf = ({ aggregateId }: DomainEvent) => aggregateId;

@Saga({ name: 'granted', steps: ['next'] })
class GrantedSaga {
  @SagaStart('granted.begun', { key: keyOf })
  begun(_: DomainEvent, saga: SagaContext): void {
    saga.state = {};
    saga.onUndo(event('granted.undone', saga.key));
    saga.become('next');
  }

  @SagaStep('granted.next', { key: keyOf, in: 'next' })
  next(): void {}
}

/* Each role has the printed grants and no others. */
describe('sagas', () => {
  const part = grantedPart<SagaApp, IntegrationModuleOptions>((database, options) =>
    startSagaApp(database, [GrantedSaga], options),
  );

  it.each(part.clients)(
    'run, end and are deleted with %s by roles that have the grants of the guide',
    async (how, clientOf) => {
      const log = hearLog();
      const { api, context, sagas } = await part.start({ client: clientOf() });
      await api.publishEvents([event('granted.next', how), event('granted.begun', how)]);
      await untilSagaSettled(part.database, 'granted');
      expect(await sagas.get('granted', how)).toMatchObject({ step: 'next', steps: 2, waiting: [] });
      await sagas.end('granted', how, { outcome: 'undone' });
      await part.database.pool.query(
        `UPDATE integration.saga_instance SET ended_at = ended_at - interval '91 days'; DELETE FROM integration.integration_maintenance`,
      );
      await context.get(MaintenanceJob, { strict: false }).runRound();
      expect(await sagas.get('granted', how)).toBeUndefined();
      expect(log.texts('warn', 'error').filter((text) => /saga_|42501/.test(text))).toEqual([]);
    },
  );

  it('are named at the boot where the client lacks a right', async () => {
    const [[, ofApplication] = []] = part.clients;
    await part.revoke('INSERT ON integration.saga_step', 'handlers');
    await expect(part.start({ client: ofApplication?.() })).rejects.toMatchObject({
      code: 'INTEGRATION_PRIVILEGES_MISSING',
      message: expect.stringContaining('saga_step'),
    });
  });
});
