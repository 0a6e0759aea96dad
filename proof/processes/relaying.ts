// A process that sends events to a broker, takes them in from there, or both.
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { metrics } from '@opentelemetry/api';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import {
  type DomainEvent,
  EventSubscriberRegistry,
  IntegrationDeveloperApiService,
  IntegrationModule,
  type SubscriberContext,
} from 'nestjs-integration';
import { RelaysModule } from 'nestjs-integration/relay';
import { waysOf } from '../relays/open-ways.js';
import { slowRelay } from '../relays/slow-relay.js';
import { SOURCE_BATCH } from '../relays/ways.js';
import { answerRequests, setupOf, tell } from './child.js';
import { recordEffects } from './host.store.js';
import { createHostClient } from './host-client.js';
import type { ProofPayload } from './protocol.js';
import {
  HANDLER,
  RELAY,
  type RelayingCounts,
  type RelayingRequest,
  type RelayingSetup,
  SLOW_RELAY,
  SOURCE,
} from './relaying-protocol.js';

const HOST_CONNECTIONS = 10;

class OnDemandReader extends MetricReader {
  protected async onForceFlush(): Promise<void> {}
  protected async onShutdown(): Promise<void> {}
}

const setup = setupOf<RelayingSetup>();
const host = createHostClient(setup.databaseUrl, HOST_CONNECTIONS);
const ways = await waysOf(setup.broker, setup.address);
const reader = new OnDemandReader();
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));

/** Its effect, and the answer to the event if there is to be one. */
class Handlers {
  constructor(
    private readonly registry: EventSubscriberRegistry,
    private readonly api: IntegrationDeveloperApiService,
  ) {}

  onModuleInit(): void {
    if (setup.handles === undefined) return;
    this.registry.registerHandler({
      consumerName: HANDLER,
      eventName: setup.handles,
      transactional: true,
      startFrom: 'earliest',
      handler: (event, context) => this.handle(event as DomainEvent, context),
    });
  }

  private async handle(event: DomainEvent, { transaction }: SubscriberContext): Promise<void> {
    await recordEffects(transaction, HANDLER, [event.outboxEventId]);
    if (setup.answers === undefined) return;
    const { sequence } = event.payload as ProofPayload;
    const { aggregateType, aggregateId } = event;
    await this.api.publishEvent(
      {
        eventName: setup.answers,
        sourceModule: 'proof',
        aggregateType,
        aggregateId,
        payload: { sequence },
      },
      { persistenceClient: transaction },
    );
  }
}

class RelayingModule {}
Module({
  imports: [
    IntegrationModule.forRoot({
      client: host,
      connectionString: setup.databaseUrl,
      telemetry: { metrics: true },
    }),
    RelaysModule.forRoot({
      application: setup.application,
      relays: [
        ...(setup.to === undefined
          ? []
          : [ways.relay({ name: 'out', eventName: 'thing.*', startFrom: 'earliest' }, setup.to)]),
        ...(setup.hasSlowRelay === true ? [slowRelay({ name: 'slow', eventName: 'thing.*' })] : []),
      ],
      sources:
        setup.from === undefined ? [] : [ways.source({ name: SOURCE, batch: SOURCE_BATCH }, setup.from)],
    }),
  ],
  providers: [
    {
      provide: Handlers,
      inject: [EventSubscriberRegistry, IntegrationDeveloperApiService],
      useFactory: (registry: EventSubscriberRegistry, api: IntegrationDeveloperApiService) =>
        new Handlers(registry, api),
    },
  ],
})(RelayingModule);

function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

async function counts(): Promise<RelayingCounts> {
  const { resourceMetrics } = await reader.collect();
  const points = resourceMetrics.scopeMetrics.flatMap(({ metrics: all }) =>
    all.flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => ({
        name: descriptor.name,
        consumer: attributes['messaging.consumer.group.name'],
        value: typeof value === 'number' ? value : value.count,
      })),
    ),
  );
  const sum = (wanted: string, of = RELAY) =>
    points
      .filter(({ name, consumer }) => name === wanted && consumer === of)
      .reduce((total, { value }) => total + value, 0);
  return {
    calls: sum('messaging.process.duration'),
    accepted: sum('nestjs_integration.relay.accepted'),
    duplicates: sum('nestjs_integration.relay.duplicates'),
    acceptedSlowly: sum('nestjs_integration.relay.accepted', SLOW_RELAY),
  };
}

const app = await NestFactory.createApplicationContext(RelayingModule, {
  logger: ['warn', 'error', 'log'],
  abortOnError: false,
});
answerRequests<RelayingRequest>(async ({ kind }) => (kind === 'heap' ? heap() : counts()));
process.on('SIGTERM', () => {
  app
    .close()
    .then(() => host.close())
    .then(() => process.exit(0));
});
tell({ kind: 'ready' });
