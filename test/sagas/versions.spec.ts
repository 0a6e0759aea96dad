import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { DomainEvent } from '../../src/index.js';
import { Saga, type SagaContext, SagaStart, SagaStep } from '../../src/sagas/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { event, type SagaApp, startSagaApp, untilSagaSettled } from './saga-app.js';

const keyOf = ({ aggregateId }: DomainEvent) => aggregateId;

/** The release before. */
@Saga({ name: 'bill', state: z.object({ total: z.string() }) })
class OldBill {
  @SagaStart('bill.made', { key: keyOf })
  made({ payload }: DomainEvent<{ total: string }>, saga: SagaContext<{ total: string }>): void {
    saga.state = { total: payload.total };
  }

  @SagaStep('bill.paid', { key: keyOf })
  paid(_: DomainEvent, saga: SagaContext<{ total: string }>): void {
    saga.complete();
  }
}

/** The release that has another form of the state. */
@Saga({
  name: 'bill',
  version: 2,
  state: z.object({ cents: z.number() }),
  upcast: {
    1: ({ total }: { total: string }) => ({ cents: total === 'free' ? 'none' : Number(total) * 100 }),
  },
})
class YoungBill {
  @SagaStart('bill.made', { key: keyOf })
  made({ payload }: DomainEvent<{ total: string }>, saga: SagaContext<{ cents: number }>): void {
    saga.state = { cents: Number(payload.total) * 100 };
  }

  @SagaStep('bill.paid', { key: keyOf })
  paid(_: DomainEvent, saga: SagaContext<{ cents: number }>): void {
    saga.state.cents += 1;
  }
}

describe('an old and a new release', () => {
  let database: TestDatabase;
  let app: SagaApp | undefined;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });
  afterAll(async () => {
    await database?.drop();
  });

  const release = async (saga: typeof OldBill | typeof YoungBill) => {
    await app?.close();
    app = await startSagaApp(database, [saga]);
    return app;
  };
  const versionOf = async (key: string) => {
    const { rows } = await database.pool.query<{ version: number; state: unknown }>(
      `SELECT version, state FROM integration.saga_instance WHERE key = $1`,
      [key],
    );
    return rows[0];
  };

  it('the new one raises the state of the old one', async () => {
    const { api } = await release(OldBill);
    await api.publishEvent(event('bill.made', 'a', { total: '12' }));
    await untilSagaSettled(database, 'bill');
    expect(await versionOf('a')).toEqual({ version: 1, state: { total: '12' } });
    await (await release(YoungBill)).api.publishEvent(event('bill.paid', 'a'));
    await untilSagaSettled(database, 'bill');
    expect(await versionOf('a')).toEqual({ version: 2, state: { cents: 1_201 } });
  });

  it('the old one puts off what the new one has written, and the new one goes on', async () => {
    await (await release(YoungBill)).api.publishEvent(event('bill.made', 'b', { total: '3' }));
    await untilSagaSettled(database, 'bill');
    await (await release(OldBill)).api.publishEvent(event('bill.paid', 'b'));
    await until('the event is put off', async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM integration.inbox_event WHERE consumer_name = 'saga.bill' AND aggregate_id = 'b' AND attempt_count = 0 AND last_error LIKE '%version 2%'`,
      );
      return rows.length === 1;
    });
    expect(await versionOf('b')).toEqual({ version: 2, state: { cents: 300 } });
    await release(YoungBill);
    await until('the step', async () => JSON.stringify((await versionOf('b'))?.state) === '{"cents":301}');
  });

  it('what an upcaster returns is compared with the schema', async () => {
    await (await release(OldBill)).api.publishEvent(event('bill.made', 'c', { total: 'free' }));
    await untilSagaSettled(database, 'bill');
    await (await release(YoungBill)).api.publishEvent(event('bill.paid', 'c'));
    await until('the failure', async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM integration.inbox_event WHERE consumer_name = 'saga.bill' AND aggregate_id = 'c' AND last_error LIKE '%does not fit its schema: state.cents%'`,
      );
      return rows.length === 1;
    });
    expect(await versionOf('c')).toEqual({ version: 1, state: { total: 'free' } });
  });
});
