import type { EventOf } from 'nestjs-integration';
import { Saga, type SagaContext, SagaStart, SagaStep, SagaTimeout } from 'nestjs-integration/sagas';
import { z } from 'zod';
import { PaymentCalls } from './payment.calls.js';

const State = z.object({ cents: z.number(), receipt: z.string().optional() });
type State = z.infer<typeof State>;

/**
 * An order and its payment. Each step commits together with its event, its calls and its own rows. So an order
 * is paid once and ends once, whatever dies on the way.
 */
@Saga({ name: 'print-order', steps: ['paying'], state: State })
export class PrintOrderSaga {
  @SagaStart('print-order.placed', { key: ({ aggregateId }) => aggregateId })
  async placed({ payload }: EventOf<'print-order.placed'>, saga: SagaContext<State>): Promise<void> {
    const { cents, payWithinMs } = payload;
    saga.state = { cents };
    // A group of its own: an order whose payment hangs holds up no other.
    await saga.call(PaymentCalls, { request: { order: saga.key, cents }, group: saga.key });
    saga.onUndo({
      eventName: 'print-order.paper-released',
      sourceModule: 'orders',
      aggregateType: 'print_order',
      aggregateId: saga.key,
      payload: {},
    });
    await saga.timeout('payment', { afterMs: payWithinMs });
    saga.become('paying');
  }

  @SagaStep('integration.call.payment.completed', { in: 'paying' })
  async paid(
    { payload }: EventOf<'integration.call.payment.completed'>,
    saga: SagaContext<State>,
  ): Promise<void> {
    const { receipt } = payload.result;
    saga.state = { ...saga.state, receipt };
    await saga.transaction.printOrder.update({ where: { id: saga.key }, data: { status: 'paid', receipt } });
    await saga.clearTimeout('payment');
    saga.complete();
  }

  @SagaStep('integration.call.payment.failed', { in: 'paying' })
  async refused(
    { payload }: EventOf<'integration.call.payment.failed'>,
    saga: SagaContext<State>,
  ): Promise<void> {
    await this.end(saga, 'refused', payload.error.message);
  }

  @SagaTimeout('payment')
  async late(saga: SagaContext<State>): Promise<void> {
    await this.end(saga, 'given up', 'not paid in time');
  }

  private async end(saga: SagaContext<State>, status: string, reason: string): Promise<void> {
    await saga.transaction.printOrder.update({ where: { id: saga.key }, data: { status } });
    await saga.undo(reason);
  }
}
