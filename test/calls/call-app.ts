import { type INestApplicationContext, Module, type Type } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { CallsModule, ExternalCallsService } from '../../src/calls/index.js';
import {
  IntegrationDeveloperApiService,
  IntegrationModule,
  type IntegrationModuleOptions,
} from '../../src/index.js';
import { BEAT_INTERVAL_MS } from '../../src/membership/lease-keeper.js';
import { FAST, TEST_BEAT_MS } from '../support/app.js';
import { TEST_LOGGER } from '../support/log-lines.js';
import type { TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

export interface CallApp {
  readonly context: INestApplicationContext;
  readonly api: IntegrationDeveloperApiService;
  readonly calls: ExternalCallsService;
  close(): Promise<void>;
}

export interface CallAppOptions extends Omit<IntegrationModuleOptions, 'imports'> {
  readonly imports?: readonly unknown[];
}

/** An application with types of calls. */
export async function startCallApp(
  database: TestDatabase,
  providers: readonly Type[],
  { imports = [], ...options }: CallAppOptions = {},
): Promise<CallApp> {
  @Module({
    imports: [
      IntegrationModule.forRoot({
        client: database.prisma(),
        connectionString: database.url,
        ...options,
        settings: { ...FAST, ...options.settings },
      }),
      CallsModule.forRoot({ network: { allow: ['127.0.0.1'], http: true } }),
      ...(imports as Type[]),
    ],
    providers: [...providers],
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
    calls: context.get(ExternalCallsService),
    close: () => context.close(),
  };
}

/** The steps of a call as its events tell them, in their order: `requested`, `initialized`, … */
export async function stepsOf(database: TestDatabase, callId: string): Promise<string[]> {
  return (await eventsOf(database, callId)).map(({ eventName }) => eventName.split('.').at(-1) ?? '');
}

export interface CallEventRow {
  readonly eventName: string;
  readonly payload: Record<string, unknown>;
  readonly metadata: Record<string, unknown>;
}

export async function eventsOf(database: TestDatabase, callId: string): Promise<CallEventRow[]> {
  const { rows } = await database.pool.query<CallEventRow>(
    `SELECT event_name AS "eventName", payload, metadata FROM integration.outbox_event
     WHERE aggregate_type = 'external_call' AND aggregate_id = $1 ORDER BY position`,
    [callId],
  );
  return rows;
}

/** Resolves when the call has ended, to its row. */
export async function untilEnded(app: CallApp, callId: string) {
  return until(`call ${callId} has ended`, async () => {
    const call = await app.calls.get(callId);
    return call?.endedAt === null ? undefined : call;
  });
}

/** Resolves when the call has this status. */
export async function untilStatus(app: CallApp, callId: string, status: string) {
  return until(`call ${callId} is ${status}`, async () => {
    const call = await app.calls.get(callId);
    return call?.status === status ? call : undefined;
  });
}
