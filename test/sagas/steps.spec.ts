import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { DomainEvent } from '../../src/index.js';
import { Saga, type SagaContext, SagaStart, SagaStep, SagaTimeout } from '../../src/sagas/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { event, published, type SagaApp, startSagaApp, untilSagaSettled } from './saga-app.js';

const OrderState = z.object({ total: z.number(), paidBy: z.string().optional() });
type OrderState = z.infer<typeof OrderState>;

const orderOf = ({ aggregateId }: DomainEvent) => aggregateId;

/** An order, and its payment. */
@Saga({ name: 'order', steps: ['paying', 'paid'], state: OrderState })
class OrderSaga {
  @SagaStart('order.placed', { key: orderOf })
  async placed(placed: DomainEvent<{ total: number }>, saga: SagaContext<OrderState>): Promise<void> {
    saga.state = { total: placed.payload.total };
    await saga.publish(event('payment.wanted', saga.key, { total: placed.payload.total }));
    saga.onUndo(event('stock.release', saga.key));
    saga.onUndo(event('customer.tell', saga.key));
    await saga.timeout('payment', { afterMs: 600_000 });
    saga.become('paying');
  }

  @SagaStep('payment.made', { key: orderOf, in: 'paying' })
  async paid(paid: DomainEvent<{ by: string }>, saga: SagaContext<OrderState>): Promise<void> {
    saga.state.paidBy = paid.payload.by;
    await saga.clearTimeout('payment');
    saga.become('paid');
  }

  @SagaStep('parcel.sent', { key: orderOf, in: 'paid' })
  sent(_: DomainEvent, saga: SagaContext<OrderState>): void {
    saga.complete();
  }

  @SagaStep('order.canceled', { key: orderOf })
  async canceled(_: DomainEvent, saga: SagaContext<OrderState>): Promise<void> {
    await saga.undo('the customer has canceled');
  }

  @SagaTimeout('payment')
  async late(saga: SagaContext<OrderState>): Promise<void> {
    await saga.undo('not paid in time');
  }
}

describe('a saga', () => {
  let database: TestDatabase;
  let app: SagaApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startSagaApp(database, [OrderSaga]);
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  const names = async (key: string) =>
    (await app.sagas.history('order', key)).map(({ name, stepBefore, stepAfter }) => [
      name,
      stepBefore,
      stepAfter,
    ]);

  it('goes from step to step, and keeps state and history', async () => {
    await app.api.publishEvents([
      event('order.placed', 'a', { total: 12 }),
      event('payment.made', 'a', { by: 'card' }),
      event('parcel.sent', 'a'),
    ]);
    await untilSagaSettled(database, 'order');
    const saga = await app.sagas.get('order', 'a');
    expect(saga).toMatchObject({
      saga: 'order',
      key: 'a',
      status: 'completed',
      step: 'paid',
      state: { total: 12, paidBy: 'card' },
      steps: 3,
      undo: 0,
      timeouts: [],
    });
    expect(saga?.endedAt).toBeInstanceOf(Date);
    expect(await names('a')).toEqual([
      ['order.placed', null, 'paying'],
      ['payment.made', 'paying', 'paid'],
      ['parcel.sent', 'paid', 'paid'],
    ]);
    const [wanted] = await published(database, 'payment.wanted');
    expect(wanted?.metadata).toMatchObject({ correlationId: saga?.id, producer: 'saga.order' });
  });

  it('undoes what it remembered, the last one first, and skips what comes after its end', async () => {
    await app.api.publishEvents([
      event('order.placed', 'b', { total: 1 }),
      event('order.canceled', 'b'),
      event('payment.made', 'b', { by: 'late' }),
    ]);
    await untilSagaSettled(database, 'order');
    expect(await app.sagas.get('order', 'b')).toMatchObject({ status: 'undone', step: 'paying', undo: 0 });
    const undone = [
      ...(await published(database, 'stock.release')),
      ...(await published(database, 'customer.tell')),
    ];
    expect(undone.map(({ aggregateId }) => aggregateId)).toEqual(['b', 'b']);
    const { rows } = await database.pool.query<{ name: string }>(
      `SELECT event_name AS name FROM integration.outbox_event WHERE event_name IN ('stock.release', 'customer.tell') ORDER BY position`,
    );
    expect(rows.map(({ name }) => name)).toEqual(['customer.tell', 'stock.release']);
    const history = await app.sagas.history('order', 'b');
    expect(history.map(({ name, reason }) => [name, reason])).toEqual([
      ['order.placed', null],
      ['order.canceled', 'the customer has canceled'],
      ['payment.made', 'the saga has ended'],
    ]);
  });
});
