import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import {
  type CallOf,
  CallsModule,
  type CallUpdate,
  ExternalCallsService,
  ExternalCallType,
} from '../../src/calls/index.js';
import type { DomainEvent } from '../../src/index.js';
import { Saga, type SagaContext, SagaStart, SagaStep } from '../../src/sagas/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { event, published, type SagaApp, startSagaApp, untilSagaSettled } from './saga-app.js';

@Injectable()
@ExternalCallType({ type: 'payment', unknownOutcome: 'retry' })
class Payments {
  async start({ request }: CallOf<{ amount: number }>): Promise<CallUpdate<{ receipt: string }>> {
    return request.amount > 100
      ? { phase: 'failed', error: { code: 'LIMIT', message: 'too much' } }
      : { phase: 'completed', result: { receipt: `r${request.amount}` } };
  }
}

const keyOf = ({ aggregateId }: DomainEvent) => aggregateId;

@Saga({ name: 'paid-order', steps: ['paying'] })
class PaidOrder {
  @SagaStart('order.placed', { key: keyOf })
  async placed({ payload }: DomainEvent<{ amount: number }>, saga: SagaContext): Promise<void> {
    await saga.call(Payments, { request: { amount: payload.amount }, group: 'shop' });
    saga.become('paying');
    if (payload.amount < 0) throw new Error('no');
  }

  @SagaStep('integration.call.payment.completed', { in: 'paying' })
  paid({ payload }: DomainEvent<{ result: { receipt: string } }>, saga: SagaContext): void {
    saga.state = payload.result;
    saga.complete();
  }

  @SagaStep('integration.call.payment.failed', { in: 'paying' })
  async refused({ payload }: DomainEvent<{ error: { message: string } }>, saga: SagaContext): Promise<void> {
    await saga.undo(payload.error.message);
  }
}

describe('a saga that calls', () => {
  let database: TestDatabase;
  let app: SagaApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startSagaApp(database, [PaidOrder, Payments], {}, [CallsModule.forRoot()]);
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  const untilOver = (key: string) =>
    until(`saga ${key} is over`, async () => {
      const saga = await app.sagas.get('paid-order', key);
      return saga?.endedAt == null ? undefined : saga;
    });

  it('goes on with what came of its own calls, and with no others', async () => {
    await app.api.publishEvents([
      event('order.placed', 'o1', { amount: 7 }),
      event('order.placed', 'o2', { amount: 700 }),
    ]);
    // A call of the same type that no saga made.
    const calls = app.context.get(ExternalCallsService);
    const { callId } = await calls.create(Payments, { request: { amount: 1 } });
    expect(await untilOver('o1')).toMatchObject({ status: 'completed', state: { receipt: 'r7' } });
    expect(await untilOver('o2')).toMatchObject({ status: 'undone' });
    await untilSagaSettled(database, 'paid-order');
    expect(await calls.get(callId)).toMatchObject({ status: 'completed', caller: null });
    expect((await app.sagas.history('paid-order', 'o2')).map(({ name, reason }) => [name, reason])).toEqual([
      ['order.placed', null],
      ['integration.call.payment.failed', 'too much'],
    ]);
    const saga = await app.sagas.get('paid-order', 'o1');
    const events = (await published(database, 'integration.call.payment.%')).filter(
      ({ payload }) => (payload.caller as { key?: string } | null)?.key === 'o1',
    );
    expect(events).toHaveLength(4);
    for (const { metadata } of events) expect(metadata.correlationId).toBe(saga?.id);
    expect(events[0]?.payload).toMatchObject({ caller: { saga: 'paid-order', key: 'o1' }, group: 'shop' });
  });

  it('whose handler fails has made no call', async () => {
    await app.api.publishEvents([event('order.placed', 'o3', { amount: -1 })]);
    await until('the dead letter', async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM integration.inbox_event WHERE consumer_name = 'saga.paid-order' AND last_error IS NOT NULL`,
      );
      return rows.length > 0;
    });
    const { calls } = await app.context.get(ExternalCallsService).list({ type: 'payment' });
    expect(calls.filter(({ caller }) => caller?.key === 'o3')).toEqual([]);
  });

  it('says what is missing where the application has no CallsModule', async () => {
    const other = await createTestDatabase();
    const without = await startSagaApp(other, [PaidOrder], { settings: { maxAttempts: 1 } });
    await without.api.publishEvents([event('order.placed', 'o1', { amount: 7 })]);
    const { error } = await until('the dead letter', async () => {
      const { rows } = await other.pool.query<{ error: string }>(
        `SELECT last_error AS error FROM integration.inbox_event WHERE consumer_name = 'saga.paid-order' AND last_error IS NOT NULL`,
      );
      return rows[0];
    });
    expect(error).toMatch(/has no CallsModule: import CallsModule\.forRoot\(\)/);
    await without.close();
    await other.drop();
  });
});
