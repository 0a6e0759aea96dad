import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type INestApplicationContext, Module, type OnModuleInit } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { IntegrationModule } from '../../src/index.js';
import { startApp } from '../support/app.js';
import { hearLog, type LogLines, silenceLog, TEST_LOGGER } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { METERED, meteredEvent } from './metered.js';
import { TestSdk } from './sdk.js';

const TELEMETRY = { spans: true, metrics: true };
const NO_SDK = /no SDK of OpenTelemetry is registered/;

let database: TestDatabase;
let sdk: TestSdk;
let lines: LogLines;
let closing: (() => Promise<void>)[];

beforeEach(async () => {
  database = await createTestDatabase();
  sdk = new TestSdk();
  lines = hearLog();
  closing = [];
});
afterEach(async () => {
  for (const close of closing) await close();
  silenceLog();
  await sdk.unregister();
  await database.drop();
});

const warnings = () => lines.all.filter(({ text }) => NO_SDK.test(text));
const ownMetrics = async () =>
  (await sdk.readings()).map(({ name }) => name).filter((name) => name.startsWith('nestjs_integration.'));

describe('an SDK that is registered', () => {
  it('in onModuleInit of a module gets the metrics', async () => {
    @Module({})
    class SdkModule implements OnModuleInit {
      onModuleInit(): void {
        sdk.register();
      }
    }
    const context: INestApplicationContext = await Test.createTestingModule({
      imports: [
        IntegrationModule.forRoot({
          client: database.prisma(),
          connectionString: database.url,
          telemetry: TELEMETRY,
        }),
        SdkModule,
      ],
    })
      .setLogger(TEST_LOGGER)
      .compile();
    closing.push(() => context.close());
    await context.init();
    const found = await until('the process is counted', async () => {
      const names = await ownMetrics();
      return names.includes('nestjs_integration.processes') && names;
    });
    expect(found).toContain('nestjs_integration.handlers.running');
    expect(warnings()).toEqual([]);
  });

  it('after the boot gets the spans and no metrics, and the boot has warned of it once', async () => {
    const app = await startApp(database, [METERED], { telemetry: TELEMETRY });
    closing.push(() => app.close());
    expect(warnings()).toEqual([expect.objectContaining({ level: 'warn' })]);
    sdk.register();
    await app.api.publishEvent(meteredEvent('1'));
    await untilConsumerSettled(database, 'metered');
    await until('the attempt has ended', async () => sdk.spans('process metered').length === 1);
    expect(sdk.spans('publish metered')).toHaveLength(1);
    expect(await ownMetrics()).toEqual([]);
  });
});
