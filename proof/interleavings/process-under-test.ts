import { type INestApplicationContext, Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ConsumerService,
  type DomainEvent,
  EventSubscriberRegistry,
  IntegrationModule,
  OutboxProcessor,
  PostponeError,
  RetryAfterError,
  type SubscriberContext,
} from 'nestjs-integration';
import { type FaultPointName, failAt } from 'nestjs-integration/testing';
import { startTcpProxy, type TcpProxy } from '../harness/tcp-proxy.js';
import { sleep } from '../harness/wait.js';
import { recordEffects } from '../processes/host.store.js';
import { createHostClient, type PgHostClient } from '../processes/host-client.js';
import type { Delivering } from './commands.js';
import { type ConsumerName, MAX_ATTEMPTS, WANTED_NAMES } from './consumers.js';
import { type OperationRun, operationsOf } from './operations-of.js';
import { type RetentionRun, retentionOf } from './retention-of.js';

/** The first retry waits so long, so that later commands find it waiting; the others are due at once. */
const FIRST_RETRY_MS = 30;
const DRAIN_MS = 300;
/** The shortest that there is. */
const PUT_OFF_MS = 1;

/** How long handlers take, by position: commands are to meet some of them while they run. */
const HANDLER_MS = [0, 0, 2, 5];

export interface HandlerWatch {
  /** Told of every run of a handler that has come to its end. */
  handled(consumer: ConsumerName, position: number): void;
  /** Whether the handler puts the event off. It does that the first `times` times. */
  putsOff(consumer: ConsumerName, position: number, times: number): boolean;
}

/** The real module, delivering on demand, with connections that can be cut. */
export class ProcessUnderTest {
  private constructor(
    private readonly context: INestApplicationContext,
    private readonly retention: RetentionRun,
    private readonly operations: OperationRun,
    private readonly proxy: TcpProxy,
    private readonly host: PgHostClient,
  ) {}

  static async start(databaseUrl: string, watch: HandlerWatch): Promise<ProcessUnderTest> {
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
            batchSize: 5,
            flushIntervalMs: 1,
            retentionDays: 30,
          },
        }),
      ],
      providers: [
        {
          provide: 'subscribers',
          inject: [EventSubscriberRegistry],
          useFactory: (registry: EventSubscriberRegistry) => ({
            onModuleInit: () => subscribe(registry, watch),
          }),
        },
      ],
    })(TestModule);
    const context = await NestFactory.createApplicationContext(TestModule, { abortOnError: false });
    return new ProcessUnderTest(
      context,
      await retentionOf(context),
      await operationsOf(context),
      proxy,
      host,
    );
  }

  get consumers(): ConsumerService {
    return this.context.get(ConsumerService);
  }

  /** A round that lost its connections has done what it could. */
  async deliver(how: Delivering): Promise<void> {
    const processor = this.context.get(OutboxProcessor);
    const delivering = how === 'round' ? processor.processBatch() : processor.drain({ timeoutMs: DRAIN_MS });
    await delivering.catch(() => {});
  }

  /** Delivers; the first delivery that comes to the point ends there. Resolves to whether one did. */
  async deliverAndCrash(
    how: Delivering,
    at: FaultPointName,
    consumerName: string | undefined,
  ): Promise<boolean> {
    const fault = failAt(this.context, at, { consumerName });
    await this.deliver(how);
    fault.disarm();
    return fault.hits > 0;
  }

  /** A crash, as the database sees it: every connection ends at once, and memory is given up. */
  cut(): void {
    this.proxy.cut();
  }

  /** Works an operation off to its end; resolves to how many events it has changed. */
  workOff(operationId: string): Promise<number> {
    return this.operations(operationId);
  }

  /** One round of retention; resolves to how many events it has deleted. */
  retain(): Promise<number> {
    return this.retention();
  }

  async close(): Promise<void> {
    await this.context.close();
    await this.host.close();
    await this.proxy.close();
  }
}

function subscribe(registry: EventSubscriberRegistry, watch: HandlerWatch): void {
  const handle = async (
    consumer: ConsumerName,
    events: readonly DomainEvent[],
    context: SubscriberContext,
  ) => {
    for (const event of events) {
      const { failures, putOffs } = event.payload as { failures: number; putOffs: number };
      if (putOffs > 0 && watch.putsOff(consumer, event.position, putOffs))
        throw new PostponeError(PUT_OFF_MS, 'asked to wait');
      if (context.attempt <= failures) {
        throw new RetryAfterError(context.attempt === 1 ? FIRST_RETRY_MS : 0, 'asked to fail');
      }
    }
    await sleep(HANDLER_MS[(events[0]?.position ?? 0) % HANDLER_MS.length]);
    if (consumer !== 'plain') {
      const ids = events.map((event) => event.outboxEventId);
      await recordEffects(context.transaction, consumer, ids);
    }
    for (const event of events) watch.handled(consumer, event.position);
  };
  const optionsOf = (consumerName: ConsumerName) => ({
    consumerName,
    eventName: [...WANTED_NAMES[consumerName]],
    startFrom: 'earliest' as const,
  });
  registry.registerHandler({
    ...optionsOf('plain'),
    handler: (event, context) => handle('plain', [event as DomainEvent], context),
  });
  registry.registerHandler({
    ...optionsOf('transactional'),
    transactional: true,
    handler: (event, context) => handle('transactional', [event as DomainEvent], context),
  });
  registry.registerHandler({
    ...optionsOf('batch'),
    transactional: true,
    batch: { maxSize: 4 },
    handler: (events, context) => handle('batch', events as DomainEvent[], context),
  });
}
