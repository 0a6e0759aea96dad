// The process with the same conversation as a saga: a Nest application with the package and its shipped settings.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type DomainEvent, IntegrationDeveloperApiService, IntegrationModule } from 'nestjs-integration';
import { Saga, type SagaContext, SagaStart, SagaStep, SagasModule } from 'nestjs-integration/sagas';
import { answering } from '../outgoing/asked-process.js';
import { runFlows } from './flows.js';
import type { FlowCommands } from './protocol.js';
import { noteStep } from './sagas.store.js';

/** As many as DBOS has connections. */
const STEPS_AT_ONCE = 20;

const reached = new Map<string, () => void>();
const ended = new Map<string, () => void>();
const keyOf = ({ aggregateId }: DomainEvent) => aggregateId;
const eventOf = (eventName: string, aggregateId: string) => ({
  eventName,
  sourceModule: 'bench',
  aggregateType: 'flow',
  aggregateId,
  payload: {},
});

@Saga({ name: 'flow', steps: ['one', 'two', 'three'], concurrency: STEPS_AT_ONCE })
class FlowSaga {
  @SagaStart('flow.one', { key: keyOf })
  async one(_: DomainEvent, saga: SagaContext): Promise<void> {
    await noteStep(saga.transaction, saga.key, 'one');
    await saga.publish(eventOf('flow.two', saga.key));
    saga.become('one');
  }

  @SagaStep('flow.two', { key: keyOf, in: 'one' })
  async two(_: DomainEvent, saga: SagaContext): Promise<void> {
    await noteStep(saga.transaction, saga.key, 'two');
    await saga.publish(eventOf('flow.three', saga.key));
    saga.become('two');
  }

  @SagaStep('flow.three', { key: keyOf, in: 'two' })
  async three(_: DomainEvent, saga: SagaContext): Promise<void> {
    await noteStep(saga.transaction, saga.key, 'three');
    saga.become('three');
    reached.get(saga.key)?.();
  }

  @SagaStep('flow.go', { key: keyOf, in: 'three' })
  async four(_: DomainEvent, saga: SagaContext): Promise<void> {
    await noteStep(saga.transaction, saga.key, 'four');
    saga.complete();
    ended.get(saga.key)?.();
  }
}

@Module({
  imports: [
    IntegrationModule.forRoot({
      connectionString: process.env.FLOW_DATABASE_URL ?? '',
      migrations: 'run',
      role: 'all',
    }),
    SagasModule.forRoot(),
  ],
  providers: [FlowSaga],
})
class FlowModule {}

const app = await NestFactory.createApplicationContext(FlowModule, { logger: ['error'] });
const api = app.get(IntegrationDeveloperApiService);
const publish = (eventName: string, key: string) =>
  api.publishEvent(eventOf(eventName, key), { outsideTransaction: true });

async function runOne(key: string): Promise<void> {
  const isReached = new Promise<void>((resolve) => reached.set(key, resolve));
  const hasEnded = new Promise<void>((resolve) => ended.set(key, resolve));
  await publish('flow.one', key);
  await isReached;
  await publish('flow.go', key);
  await hasEnded;
  reached.delete(key);
  ended.delete(key);
}

answering<FlowCommands>(
  {
    flows: (given) => runFlows(given, runOne),
  },
  () => app.close(),
);
