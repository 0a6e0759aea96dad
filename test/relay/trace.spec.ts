import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';
import { type Channel, Connection, type Publisher } from 'rabbitmq-client';
import { type DomainEvent, EventSubscriberRegistry } from '../../src/index.js';
import type { RelayDefinition, SourceDefinition } from '../../src/relay/index.js';
import { kafkaRelay, kafkaSource } from '../../src/relay/kafka/index.js';
import { natsRelay, natsSource } from '../../src/relay/nats/index.js';
import { rabbitRelay, rabbitSource } from '../../src/relay/rabbitmq/index.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { TestSdk } from '../telemetry/sdk.js';
import { type Broker, describeWithBroker, startKafka, startNats, startRabbit } from './support/brokers.js';
import { event, type RelayApp, startRelayApp } from './support/relay-app.js';

/** Two applications with a database each, which know each other through a broker only. */
class TwoApplications {
  private readonly sdk = new TestSdk();
  private readonly apps: RelayApp[] = [];
  private readonly databases: TestDatabase[] = [];
  readonly billed = new Recorder<DomainEvent>();

  constructor(
    private readonly relay: RelayDefinition,
    private readonly source: SourceDefinition,
  ) {}

  /** `shop` makes an order of each visit, and `billing` handles the order that it takes in. */
  async start(): Promise<void> {
    this.sdk.register();
    const shop = await this.open({ application: 'shop', relays: [this.relay] });
    shop.context.get(EventSubscriberRegistry).registerHandler({
      consumerName: 'orders',
      eventName: 'visit.made',
      handler: async () => {
        await shop.api.publishEvent(event('order.made', '7', { by: 'orders' }));
      },
    });
    const billing = await this.open({ application: 'billing', sources: [this.source] });
    billing.context.get(EventSubscriberRegistry).registerHandler({
      consumerName: 'bills',
      eventName: 'order.made',
      handler: async (each) => {
        trace.getTracer('billing').startSpan('bill').end();
        this.billed.record(each);
      },
    });
  }

  /** The visit is published within a span of the application, whose trace is returned. */
  visit(): Promise<{ readonly traceId: string; readonly visit: { readonly outboxEventId: string } }> {
    return trace.getTracer('shop').startActiveSpan('request', async (span) => {
      const metadata = { correlationId: 'visit 1/ü', tenantId: 'acme' };
      const made = { ...event('visit.made', '1'), metadata };
      const visit = await (this.apps[0] as RelayApp).api.publishEvent(made);
      span.end();
      return { traceId: span.spanContext().traceId, visit };
    });
  }

  /** The span of this name that is a part of the trace, once it has ended. */
  spanOf(traceId: string, name: string): Promise<ReadableSpan> {
    return until(`the span ${name}`, async () =>
      this.sdk.spans(name).find((span) => span.spanContext().traceId === traceId),
    );
  }

  async close(): Promise<void> {
    for (const app of this.apps) await app.close();
    for (const database of this.databases) await database.drop();
    await this.sdk.unregister();
  }

  private async open(options: Parameters<typeof startRelayApp>[1]): Promise<RelayApp> {
    const database = await createTestDatabase();
    this.databases.push(database);
    const telemetry = { spans: true, handlerSpans: 'child' } as const;
    const app = await startRelayApp(database, options, { options: { telemetry } });
    this.apps.push(app);
    return app;
  }
}

let both: TwoApplications;
let broker: Broker;

/** What a handler of the one application publishes is handled by the other one as a part of the same request. */
async function expectCarried(relay: RelayDefinition, source: SourceDefinition): Promise<void> {
  both = new TwoApplications(relay, source);
  await both.start();
  const { traceId, visit } = await both.visit();
  const [{ metadata, payload }] = (await both.billed.first(1)) as [DomainEvent];
  const published = await both.spanOf(traceId, 'publish order.made');
  expect(payload).toEqual({ by: 'orders' });
  expect(metadata).toMatchObject({
    traceparent: `00-${traceId}-${published.spanContext().spanId}-01`,
    correlationId: 'visit 1/ü',
    causationId: visit.outboxEventId,
    tenantId: 'acme',
    via: ['shop'],
  });
  const handled = await both.spanOf(traceId, 'process order.made');
  const bill = await both.spanOf(traceId, 'bill');
  expect(handled.parentSpanContext?.spanId).toBe(published.spanContext().spanId);
  expect(bill.parentSpanContext?.spanId).toBe(handled.spanContext().spanId);
}

const CARRIES = 'carries trace and correlation from a handler of one application to a handler of another one';

describeWithBroker('nats', 'NATS JetStream between two applications', () => {
  let nats: NatsConnection;
  beforeAll(async () => {
    broker = await startNats();
    nats = await connect({ servers: broker.address });
    const manager = await jetstreamManager(nats);
    await manager.streams.add({ name: 'ALL', subjects: ['shop.>'] });
    await manager.consumers.add('ALL', {
      durable_name: 'billing',
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: 200,
    });
  });
  afterEach(() => both.close());
  afterAll(async () => {
    await nats.close();
    await broker.stop();
  });

  it(CARRIES, async () => {
    const eventName = 'order.made';
    await expectCarried(
      natsRelay({ name: 'out', eventName, jetstream: jetstream(nats), subject: 'shop.orders' }),
      natsSource({ name: 'in', consumer: () => jetstream(nats).consumers.get('ALL', 'billing') }),
    );
  });
});

describeWithBroker('rabbitmq', 'RabbitMQ between two applications', () => {
  let rabbit: Connection;
  let publisher: Publisher;
  const channels: Channel[] = [];
  beforeAll(async () => {
    broker = await startRabbit();
    rabbit = new Connection(broker.address);
    publisher = rabbit.createPublisher({
      confirm: true,
      exchanges: [{ exchange: 'shop', type: 'topic' }],
      queues: [{ queue: 'billing', durable: true }],
      queueBindings: [{ exchange: 'shop', queue: 'billing', routingKey: 'order.#' }],
    });
    await rabbit.queueDeclare({ queue: 'billing', durable: true });
  });
  afterEach(() => both.close());
  afterAll(async () => {
    for (const channel of channels) await channel.close();
    await publisher.close();
    await rabbit.close();
    await broker.stop();
  });

  const channel = async () => {
    const opened = await rabbit.acquire();
    channels.push(opened);
    return opened;
  };

  it(CARRIES, async () => {
    await expectCarried(
      rabbitRelay({ name: 'out', eventName: 'order.made', publisher, exchange: 'shop' }),
      rabbitSource({ name: 'in', channel, queue: 'billing' }),
    );
  });
});

describeWithBroker('kafka', 'Kafka between two applications', () => {
  let kafka: Kafka;
  let producer: Producer;
  beforeAll(async () => {
    broker = await startKafka();
    kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING });
    producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
  });
  afterEach(() => both.close());
  afterAll(async () => {
    await producer.disconnect();
    await broker.stop();
  });

  it(CARRIES, async () => {
    const consumer = () => kafka.consumer({ groupId: 'billing', maxWaitTimeInMs: 500 });
    await expectCarried(
      kafkaRelay({ name: 'out', eventName: 'order.made', producer, topic: 'orders' }),
      kafkaSource({ name: 'in', consumer, topics: ['orders'] }),
    );
  });
});
