// A worker process: consumers whose handlers write a journal and, the transactional ones, effects.
import { setTimeout as sleep } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type DomainEvent,
  EventSubscriberRegistry,
  IntegrationModule,
  OutboxProcessor,
  type SubscriberContext,
} from 'nestjs-integration';
import { HandlerJournal } from '../harness/journal.js';
import { answerRequests, setupOf, tell, usage } from './child.js';
import { recordEffects } from './host.store.js';
import { createHostClient } from './host-client.js';
import type { ConsumerSpec, ProofPayload, WorkerSetup } from './protocol.js';

const setup = setupOf<WorkerSetup>();
const journal = new HandlerJournal(setup.folder, setup.name);
const host = createHostClient(setup.databaseUrl, setup.hostConnections);

async function handle(
  consumer: ConsumerSpec,
  events: readonly DomainEvent[],
  context: SubscriberContext,
): Promise<void> {
  for (const event of events) {
    journal.started(consumer.name, event.outboxEventId, event.position, context.attempt);
  }
  for (const event of events) await obey(consumer, event, context);
  if (setup.workMs > 0) await sleep(Math.random() * setup.workMs);
  if (consumer.kind !== 'plain') {
    await recordEffects(
      context.transaction,
      consumer.name,
      events.map((event) => event.outboxEventId),
    );
  }
  for (const event of events) journal.ended(consumer.name, event.outboxEventId);
}

async function obey(consumer: ConsumerSpec, event: DomainEvent, context: SubscriberContext): Promise<void> {
  const { exit, holdMs, failures } = event.payload as ProofPayload;
  if (exit === true) process.exit(9);
  if (holdMs !== undefined && setup.holds) {
    tell({ kind: 'holding', consumer: consumer.name, eventId: event.outboxEventId });
    await sleep(holdMs);
  }
  if (failures !== undefined && context.attempt <= failures) throw new Error('asked to fail');
}

function subscribe(registry: EventSubscriberRegistry, consumer: ConsumerSpec): void {
  const { name, kind, eventNames, concurrency, partitions, timeoutMs } = consumer;
  const options = {
    consumerName: name,
    eventName: eventNames,
    transactional: kind !== 'plain',
    startFrom: 'earliest' as const,
    concurrency,
    partitions,
    timeoutMs,
  };
  if (kind === 'batch') {
    registry.registerHandler({
      ...options,
      batch: { maxSize: 50 },
      handler: (events, context) => handle(consumer, events as DomainEvent[], context),
    });
  } else {
    registry.registerHandler({
      ...options,
      handler: (event, context) => handle(consumer, [event as DomainEvent], context),
    });
  }
}

class Subscribers {
  constructor(private readonly registry: EventSubscriberRegistry) {}

  onModuleInit(): void {
    for (const consumer of setup.consumers) subscribe(this.registry, consumer);
  }
}

class WorkerModule {}
Module({
  imports: [
    IntegrationModule.forRoot({
      client: host,
      connectionString: setup.databaseUrl,
      role: 'worker',
      settings: setup.settings,
    }),
  ],
  providers: [
    {
      provide: Subscribers,
      inject: [EventSubscriberRegistry],
      useFactory: (registry: EventSubscriberRegistry) => new Subscribers(registry),
    },
  ],
})(WorkerModule);

const app = await NestFactory.createApplicationContext(WorkerModule, {
  logger: ['warn', 'error'],
  abortOnError: false,
});
answerRequests(async (request) => {
  if (request.kind === 'usage') return usage();
  if (request.kind === 'stats') return app.get(OutboxProcessor).getStats();
  if (request.kind === 'exhaust') return host.exhaust(request.ms);
  throw new Error(`a worker does not ${request.kind}`);
});
process.on('SIGTERM', () => {
  app
    .close()
    .then(() => host.close())
    .then(() => process.exit(0));
});
tell({ kind: 'ready' });
