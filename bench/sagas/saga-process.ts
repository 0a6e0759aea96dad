// The process with a saga, and with subscribers that write the same rows by hand: a Nest application with the package and its settings.
import { randomUUID } from 'node:crypto';
import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type DomainEvent,
  IntegrationModule,
  IntegrationSubscriber,
  OutboxProcessor,
  type SubscriberContext,
} from 'nestjs-integration';
import { Saga, type SagaContext, SagaStart, SagaStep, SagasModule } from 'nestjs-integration/sagas';
import { answering, measured } from '../outgoing/asked-process.js';
import { AT_ONCE, eventNameOf, type SagaCommands } from './protocol.js';
import { addStepByHand, insertByHand, lockByHand, updateByHand } from './sagas.store.js';

const LONGEST_MS = 120_000;

interface State {
  total: number;
  isPaid: boolean;
}
type Order = DomainEvent<{ total: number }>;
const keyOf = ({ aggregateId }: DomainEvent) => aggregateId;

@Saga({ name: 'order', steps: ['paying', 'paid'], concurrency: AT_ONCE, startFrom: 'earliest' })
class OrderSaga {
  @SagaStart(eventNameOf('saga', 'start'), { key: keyOf })
  start({ payload }: Order, saga: SagaContext<State>): void {
    saga.state = { total: payload.total, isPaid: false };
    saga.become('paying');
  }

  @SagaStep(eventNameOf('saga', 'step'), { key: keyOf, in: 'paying' })
  paid(_: Order, saga: SagaContext<State>): void {
    saga.state.isPaid = true;
    saga.become('paid');
  }
}

const BY_HAND = {
  consumerName: 'hand',
  transactional: true,
  concurrency: AT_ONCE,
  startFrom: 'earliest',
} as const;

@Injectable()
class ByHand {
  @IntegrationSubscriber({ ...BY_HAND, eventName: eventNameOf('hand', 'start') })
  async start(event: Order, { transaction }: SubscriberContext): Promise<void> {
    const id = randomUUID();
    const state = JSON.stringify({ total: event.payload.total, isPaid: false });
    await insertByHand(transaction, event.aggregateId, id, state);
    const { outboxEventId, eventName: name } = event;
    await addStepByHand(transaction, { id, n: 1, outboxEventId, name, before: null, after: 'paying' });
  }

  @IntegrationSubscriber({ ...BY_HAND, eventName: eventNameOf('hand', 'step') })
  async step(event: Order, { transaction }: SubscriberContext): Promise<void> {
    const row = await lockByHand(transaction, event.aggregateId);
    if (row === undefined) throw new Error('there is no such order');
    const n = row.steps + 1;
    const state = JSON.stringify({ ...(row.state as State), isPaid: true });
    await updateByHand(transaction, event.aggregateId, n, state);
    const { outboxEventId, eventName: name } = event;
    await addStepByHand(transaction, { id: row.id, n, outboxEventId, name, before: 'paying', after: 'paid' });
  }
}

@Module({
  imports: [
    IntegrationModule.forRoot({
      connectionString: process.env.SAGA_DATABASE_URL ?? '',
      migrations: 'run',
      role: 'all',
      settings: { 'processor.enabled': false },
    }),
    SagasModule.forRoot(),
  ],
  providers: [OrderSaga, ByHand],
})
class SagaModule {}

const app = await NestFactory.createApplicationContext(SagaModule, { logger: ['error'] });

answering<SagaCommands>(
  { drain: () => measured(() => app.get(OutboxProcessor).drain({ timeoutMs: LONGEST_MS })) },
  () => app.close(),
);
