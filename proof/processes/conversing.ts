// A process with a saga. Each of its handlers writes a row of the host's table in the transaction of its step.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ConsumerService,
  type DomainEvent,
  IntegrationDeveloperApiService,
  IntegrationModule,
} from 'nestjs-integration';
import {
  Saga,
  type SagaContext,
  SagaStart,
  SagaStep,
  SagasModule,
  SagaTimeout,
} from 'nestjs-integration/sagas';
import { eventsOfStart, SAGA, timeoutOf, UNDO, type WalkEvent, type WalkPayload } from '../sagas/walks.js';
import { answerRequests, setupOf, tell } from './child.js';
import { writeJournal } from './conversing.store.js';
import type { ConversingRequest, ConversingSetup } from './conversing-protocol.js';
import { createHostClient } from './host-client.js';

const HOST_CONNECTIONS = 12;
const PUBLISHED_AT_ONCE = 500;

const setup = setupOf<ConversingSetup>();
const host = createHostClient(setup.databaseUrl, HOST_CONNECTIONS);

type Walk = SagaContext<{ kind: WalkPayload['kind']; done: string[] }>;

function publishable({ name, aggregate, payload, delayMs }: WalkEvent) {
  return {
    eventName: name,
    sourceModule: 'proof',
    aggregateType: 'walk',
    aggregateId: aggregate,
    payload,
    ...(delayMs === undefined ? {} : { delayMs }),
  };
}

async function note(saga: Walk, what: string): Promise<void> {
  saga.state.done.push(what);
  await writeJournal(saga.transaction, saga.key, what);
}

/** A walk begins, is paid and is done; or it is not paid in time, and is undone. */
class WalkSaga {
  async begun({ payload }: DomainEvent<WalkPayload>, saga: Walk): Promise<void> {
    saga.state = { kind: payload.kind, done: [] };
    for (const each of eventsOfStart(payload)) await saga.publish(publishable(each));
    for (const name of UNDO) saga.onUndo(publishable({ name, aggregate: saga.key, payload }));
    await saga.timeout('payment', { afterMs: timeoutOf(payload) });
    saga.become('paying');
    await note(saga, 'begun');
  }

  async paid(_: DomainEvent, saga: Walk): Promise<void> {
    await saga.clearTimeout('payment');
    saga.become('paid');
    await note(saga, 'paid');
  }

  async done(_: DomainEvent, saga: Walk): Promise<void> {
    await note(saga, 'done');
    saga.complete();
  }

  async late(saga: Walk): Promise<void> {
    await note(saga, 'late');
    await saga.undo('not paid in time');
    if (setup.diesInUndo === true) process.kill(process.pid, 'SIGKILL');
  }
}

const keyOf = ({ payload }: DomainEvent) => (payload as WalkPayload).key;
const decorate = (method: keyof WalkSaga, decorator: MethodDecorator) => {
  const descriptor = Object.getOwnPropertyDescriptor(WalkSaga.prototype, method);
  if (descriptor !== undefined) decorator(WalkSaga.prototype, method, descriptor);
};
decorate('begun', SagaStart('walk.begun', { key: keyOf }) as MethodDecorator);
decorate('paid', SagaStep('walk.paid', { key: keyOf, in: 'paying' }) as MethodDecorator);
decorate('done', SagaStep('walk.done', { key: keyOf, in: 'paid' }) as MethodDecorator);
decorate('late', SagaTimeout('payment') as MethodDecorator);
Saga({ name: SAGA, steps: ['paying', 'paid'], partitions: 4, startFrom: 'earliest' })(WalkSaga);

class ConversingModule {}
Module({
  imports: [
    IntegrationModule.forRoot({
      client: host,
      connectionString: setup.databaseUrl,
      // A server that is away for seconds makes no dead letters.
      settings: { maxAttempts: 50, retryBaseDelayMs: 100, retryMaxDelayMs: 1_000, processingLeaseMs: 4_000 },
    }),
    SagasModule.forRoot(),
  ],
  providers: [WalkSaga],
})(ConversingModule);

const app = await NestFactory.createApplicationContext(ConversingModule, {
  logger: ['warn', 'error', 'log'],
  abortOnError: false,
});

async function answer(request: ConversingRequest): Promise<number> {
  if (request.kind === 'replay') {
    await app.get(ConsumerService).replay(`saga.${SAGA}`, { from: 1 });
    return 0;
  }
  const { events } = request;
  for (let at = 0; at < events.length; at += PUBLISHED_AT_ONCE) {
    const batch = events.slice(at, at + PUBLISHED_AT_ONCE).map(publishable);
    await app.get(IntegrationDeveloperApiService).publishEvents(batch);
  }
  return events.length;
}

answerRequests<ConversingRequest>(answer);
process.on('SIGTERM', () => {
  app
    .close()
    .then(() => host.close())
    .then(() => process.exit(0));
});
tell({ kind: 'ready' });
