import { type INestApplicationContext, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ConsumerService,
  type DomainEvent,
  EventSubscriberRegistry,
  IntegrationModule,
  OutboxProcessor,
  type SubscriberContext,
} from 'nestjs-integration';
import { startTcpProxy, type TcpProxy } from '../harness/tcp-proxy.js';
import { recordEffects } from '../processes/host.store.js';
import { createHostClient, type PgHostClient } from '../processes/host-client.js';

export const CONSUMERS = ['plain', 'transactional', 'batch'] as const;
export type ConsumerName = (typeof CONSUMERS)[number];
export const MAX_ATTEMPTS = 3;

/** Told of every run of a handler that has come to its end. */
export type OnHandled = (consumer: ConsumerName, position: number) => void;

/** The real module, delivering on demand, with connections that can be cut. */
export class ProcessUnderTest {
  private constructor(
    private readonly context: INestApplicationContext,
    private readonly proxy: TcpProxy,
    private readonly host: PgHostClient,
  ) {}

  static async start(databaseUrl: string, onHandled: OnHandled): Promise<ProcessUnderTest> {
    Logger.overrideLogger(false);
    const proxy = await startTcpProxy(databaseUrl);
    const host = createHostClient(proxy.url, 12);
    class TestModule {}
    Module({
      imports: [
        IntegrationModule.forRoot({
          client: host,
          connectionString: proxy.url,
          watchdog: 'off',
          settings: {
            'processor.enabled': false,
            maxAttempts: MAX_ATTEMPTS,
            retryBaseDelayMs: 100,
            retryMaxDelayMs: 100,
            batchSize: 5,
          },
        }),
      ],
      providers: [
        {
          provide: 'subscribers',
          inject: [EventSubscriberRegistry],
          useFactory: (registry: EventSubscriberRegistry) => ({
            onModuleInit: () => subscribe(registry, onHandled),
          }),
        },
      ],
    })(TestModule);
    const context = await NestFactory.createApplicationContext(TestModule, { abortOnError: false });
    return new ProcessUnderTest(context, proxy, host);
  }

  get consumers(): ConsumerService {
    return this.context.get(ConsumerService);
  }

  /** One round; a round that lost its connections has done what it could. */
  async deliver(): Promise<void> {
    await this.context
      .get(OutboxProcessor)
      .processBatch()
      .catch(() => {});
  }

  /** A crash, as the database sees it: every connection ends at once, and memory is given up. */
  cut(): void {
    this.proxy.cut();
  }

  async close(): Promise<void> {
    await this.context.close();
    await this.host.close();
    await this.proxy.close();
  }
}

function subscribe(registry: EventSubscriberRegistry, onHandled: OnHandled): void {
  const handle = async (
    consumer: ConsumerName,
    events: readonly DomainEvent[],
    context: SubscriberContext,
  ) => {
    for (const event of events) {
      const { failures } = event.payload as { failures: number };
      if (context.attempt <= failures) throw new Error('asked to fail');
    }
    if (consumer !== 'plain') {
      const ids = events.map((event) => event.outboxEventId);
      await recordEffects(context.transaction, consumer, ids);
    }
    for (const event of events) onHandled(consumer, event.position);
  };
  const options = { eventName: 'thing.changed', startFrom: 'earliest' as const };
  registry.registerHandler({
    ...options,
    consumerName: 'plain',
    handler: (event, context) => handle('plain', [event as DomainEvent], context),
  });
  registry.registerHandler({
    ...options,
    consumerName: 'transactional',
    transactional: true,
    handler: (event, context) => handle('transactional', [event as DomainEvent], context),
  });
  registry.registerHandler({
    ...options,
    consumerName: 'batch',
    transactional: true,
    batch: { maxSize: 4 },
    handler: (events, context) => handle('batch', events as DomainEvent[], context),
  });
}
