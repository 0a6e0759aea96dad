import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DomainEvent } from '../../src/index.js';
import { Saga, type SagaContext, SagaStart, SagaStep, SagaTimeout } from '../../src/sagas/index.js';
import { gate } from '../support/gate.js';
import { inboxRows } from '../support/inbox-rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { event, published, type SagaApp, startSagaApp, untilSagaSettled } from './saga-app.js';

/** A time that no test waits for. */
const LATER = { afterMs: 3_600_000 };
const keyOf = ({ aggregateId }: DomainEvent) => aggregateId;
/** What the handlers of a key wait for. */
const gates = new Map<string, ReturnType<typeof gate>>();
const entered = new Map<string, ReturnType<typeof gate>>();

@Saga({ name: 'alarm', steps: ['rung'] })
class AlarmSaga {
  @SagaStart('alarm.set', { key: keyOf })
  async set({ payload }: DomainEvent<{ afterMs: number }>, saga: SagaContext<string[]>): Promise<void> {
    saga.state = [];
    await saga.timeout('ring', { afterMs: payload.afterMs });
    await saga.timeout('bell', { at: new Date(Date.now() + 3_600_000) });
  }

  @SagaStep('alarm.moved', { key: keyOf })
  async moved({ payload }: DomainEvent<{ afterMs: number }>, saga: SagaContext<string[]>): Promise<void> {
    entered.get(saga.key)?.open();
    await gates.get(saga.key)?.opened;
    saga.state.push('moved');
    await saga.timeout('ring', { afterMs: payload.afterMs });
  }

  @SagaStep('alarm.off', { key: keyOf })
  async off(_: DomainEvent, saga: SagaContext<string[]>): Promise<void> {
    saga.state.push('off');
    await saga.clearTimeout('ring');
  }

  @SagaStep('alarm.gone', { key: keyOf })
  gone(_: DomainEvent, saga: SagaContext<string[]>): void {
    saga.complete();
  }

  @SagaTimeout('ring')
  ring(saga: SagaContext<string[]>): void {
    saga.state.push('ring');
    saga.become('rung');
  }

  @SagaTimeout('bell')
  bell(): void {}
}

describe('a timeout', () => {
  let database: TestDatabase;
  let app: SagaApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startSagaApp(database, [AlarmSaga]);
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  const stateOf = async (key: string) => (await app.sagas.get('alarm', key))?.state;
  /** Makes the delayed event of a timeout due now, once the consumer has it. */
  const reachDueTime = (key: string) =>
    until(`the delayed timeout of ${key}`, async () => {
      const { rowCount } = await database.pool.query(
        `UPDATE integration.inbox_event i SET available_at = clock_timestamp() FROM integration.outbox_event e
         WHERE e.id = i.outbox_event_id AND i.consumer_name = 'saga.alarm' AND i.status = 'received'
           AND e.aggregate_id = $1 AND e.payload->>'timeout' = 'ring' AND e.position = (
             SELECT min(position) FROM integration.outbox_event WHERE aggregate_id = $1 AND payload->>'timeout' = 'ring')`,
        [key],
      );
      return rowCount === 1;
    });
  const isSkipped = (key: string) =>
    until(`the skipped timeout of ${key}`, async () =>
      (await inboxRows(database, 'saga.alarm')).some(
        (row) => row.aggregateId === key && row.status === 'skipped',
      ),
    );

  it('calls its method when it is due, and is set no more', async () => {
    await app.api.publishEvent(event('alarm.set', 'a', { afterMs: 1 }));
    await until('the ring', async () => ((await stateOf('a')) as string[] | undefined)?.includes('ring'));
    const saga = await app.sagas.get('alarm', 'a');
    expect(saga).toMatchObject({ step: 'rung', timeouts: [{ name: 'bell' }] });
    expect((await app.sagas.history('alarm', 'a')).map(({ name }) => name)).toEqual([
      'alarm.set',
      'timeout:ring',
    ]);
    const [due] = await published(database, 'integration.saga.alarm.timeout');
    expect(due).toMatchObject({ aggregateId: 'a', metadata: { correlationId: saga?.id } });
  });

  it('is skipped when it was cleared, and when the saga has ended', async () => {
    await app.api.publishEvents([
      event('alarm.set', 'b', LATER),
      event('alarm.off', 'b'),
      event('alarm.set', 'c', LATER),
      event('alarm.gone', 'c'),
    ]);
    await untilSagaSettled(database, 'alarm');
    for (const key of ['b', 'c']) {
      await reachDueTime(key);
      await isSkipped(key);
    }
    expect(await stateOf('b')).toEqual(['off']);
    expect(await app.sagas.get('alarm', 'c')).toMatchObject({ status: 'completed', state: [], timeouts: [] });
  });

  it('that is due while a step sets it again changes nothing', async () => {
    gates.set('d', gate());
    entered.set('d', gate());
    await app.api.publishEvents([event('alarm.set', 'd', LATER), event('alarm.moved', 'd', LATER)]);
    await entered.get('d')?.opened;
    await reachDueTime('d');
    // The timeout waits for the saga's lock, because the step has it.
    await until('a waiter', async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      );
      return rows.length > 0;
    });
    gates.get('d')?.open();
    await isSkipped('d');
    await untilSagaSettled(database, 'alarm');
    expect(await stateOf('d')).toEqual(['moved']);
    expect((await app.sagas.get('alarm', 'd'))?.timeouts.map(({ name }) => name)).toEqual(['bell', 'ring']);
  });
});
