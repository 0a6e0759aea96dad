import { type INestApplicationContext, Inject, Module, type OnModuleInit } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { ConsumerWorkers } from '../../src/delivery/consumer-workers.js';
import { DEFAULT_READING_KEPT_MS, READING_KEPT_MS } from '../../src/health/cluster-watch.js';
import {
  ConsumerService,
  EventSubscriberRegistry,
  InboxService,
  IntegrationDeveloperApiService,
  IntegrationModule,
  type IntegrationModuleOptions,
  IntegrationSettingsService,
  OutboxProcessor,
  OutboxService,
} from '../../src/index.js';
import { BEAT_INTERVAL_MS } from '../../src/membership/lease-keeper.js';
import { DEFAULT_SAMPLE_TIMES, SAMPLE_TIMES } from '../../src/rates/backlog-samples.js';
import { DEFAULT_HAND_OVER_LIMIT_MS, HAND_OVER_LIMIT_MS } from '../../src/registration/hand-over.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import type { PrismaClient } from '../generated/prisma/client.js';
import { TEST_LOGGER } from './log-lines.js';
import type { TestDatabase } from './test-database.js';

/** One application process's worth of the module, on a test database. */
export interface TestApp {
  readonly context: INestApplicationContext;
  readonly prisma: PrismaClient;
  readonly api: IntegrationDeveloperApiService;
  readonly processor: OutboxProcessor;
  readonly workers: ConsumerWorkers;
  readonly outbox: OutboxService;
  readonly inbox: InboxService;
  readonly consumers: ConsumerService;
  readonly settings: IntegrationSettingsService;
  /** A second call waits for the first one. */
  close(): Promise<void>;
}

/** Short delays, so that a test waits for the thing itself and not for its default. */
export const FAST = {
  retryBaseDelayMs: 100,
  retryMaxDelayMs: 200,
  pollingIntervalMs: 200,
  idlePollingIntervalMs: 400,
};

/** How long an application of these tests waits between two beats: what waits for one is soon there. */
export const TEST_BEAT_MS = 250;

/** Limits that a test would have to sit out. */
export interface TestLimits {
  /** How long a boot waits for an owner that reads by fewer names, in milliseconds. */
  readonly handOverMs?: number;
  /** Milliseconds between two samples of the backlog. */
  readonly sampleEveryMs?: number;
  /** For how many milliseconds metrics give the same reading of the database again. */
  readonly readingKeptMs?: number;
}

export async function startApp(
  database: TestDatabase,
  subscribers: AnySubscriberDefinition[],
  options: IntegrationModuleOptions = {},
  {
    handOverMs = DEFAULT_HAND_OVER_LIMIT_MS,
    sampleEveryMs = DEFAULT_SAMPLE_TIMES.everyMs,
    readingKeptMs = DEFAULT_READING_KEPT_MS,
  }: TestLimits = {},
): Promise<TestApp> {
  const prisma = database.prisma();
  @Module({
    imports: [
      IntegrationModule.forRoot({
        client: prisma,
        connectionString: database.url,
        ...options,
        settings: { ...FAST, ...options.settings },
      }),
    ],
  })
  class TestModule implements OnModuleInit {
    constructor(@Inject(EventSubscriberRegistry) private readonly registry: EventSubscriberRegistry) {}

    onModuleInit(): void {
      for (const subscriber of subscribers) this.registry.registerAt('test', subscriber);
    }
  }

  const context = await Test.createTestingModule({ imports: [TestModule] })
    .setLogger(TEST_LOGGER)
    .overrideProvider(BEAT_INTERVAL_MS)
    .useValue(TEST_BEAT_MS)
    .overrideProvider(HAND_OVER_LIMIT_MS)
    .useValue(handOverMs)
    .overrideProvider(SAMPLE_TIMES)
    .useValue({ everyMs: sampleEveryMs })
    .overrideProvider(READING_KEPT_MS)
    .useValue(readingKeptMs)
    .compile();
  await context.init();
  let closed: Promise<void> | undefined;
  return {
    context,
    prisma,
    api: context.get(IntegrationDeveloperApiService),
    processor: context.get(OutboxProcessor),
    workers: context.get(ConsumerWorkers, { strict: false }),
    outbox: context.get(OutboxService),
    inbox: context.get(InboxService),
    consumers: context.get(ConsumerService),
    settings: context.get(IntegrationSettingsService),
    close: () => {
      closed ??= context.close();
      return closed;
    },
  };
}
