import { type INestApplicationContext, Module, type ModuleMetadata } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  ConsumerService,
  IntegrationDeveloperApiService,
  IntegrationModule,
  type IntegrationModuleOptions,
  OutboxProcessor,
} from '../../src/index.js';
import { BEAT_INTERVAL_MS } from '../../src/membership/lease-keeper.js';
import { FAST, TEST_BEAT_MS } from './app.js';
import { TEST_LOGGER } from './log-lines.js';
import type { TestDatabase } from './test-database.js';

export interface PartApp {
  readonly context: INestApplicationContext;
  readonly api: IntegrationDeveloperApiService;
  readonly processor: OutboxProcessor;
  readonly consumers: ConsumerService;
  close(): Promise<void>;
}

/** An application with the engine and with what a part brings. Events are written by `api.publishEvents`. */
export async function startPartApp(
  database: TestDatabase,
  options: IntegrationModuleOptions,
  { imports = [], ...metadata }: ModuleMetadata,
): Promise<PartApp> {
  @Module({
    ...metadata,
    imports: [
      IntegrationModule.forRoot({
        client: database.prisma(),
        connectionString: database.url,
        ...options,
        settings: { ...FAST, ...options.settings },
      }),
      ...imports,
    ],
  })
  class TestModule {}
  const context = await Test.createTestingModule({ imports: [TestModule] })
    .setLogger(TEST_LOGGER)
    .overrideProvider(BEAT_INTERVAL_MS)
    .useValue(TEST_BEAT_MS)
    .compile();
  try {
    await context.init();
  } catch (error) {
    await context.close();
    throw error;
  }
  return {
    context,
    api: context.get(IntegrationDeveloperApiService),
    processor: context.get(OutboxProcessor),
    consumers: context.get(ConsumerService),
    close: () => context.close(),
  };
}

/** An event of a test. */
export const event = (eventName: string, aggregateId: string, payload: unknown = {}) => ({
  eventName,
  sourceModule: 'test',
  aggregateType: 'order',
  aggregateId,
  payload,
});
