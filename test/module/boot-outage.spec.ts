import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import { z } from 'zod';
import { ContractsModule, defineEvent } from '../../src/contracts/index.js';
import {
  EventSubscriberRegistry,
  IntegrationDeveloperApiService,
  IntegrationError,
  IntegrationModule,
} from '../../src/index.js';
import { BEAT_INTERVAL_MS } from '../../src/membership/lease-keeper.js';
import { BOOT_DEADLINE_MS, DEFAULT_BOOT_DEADLINE_MS } from '../../src/module/engine-boot.js';
import type { PrismaClient } from '../generated/prisma/client.js';
import { TEST_BEAT_MS } from '../support/app.js';
import { hearLog, type LogLines, silenceLog, TEST_LOGGER } from '../support/log-lines.js';
import { Outage } from '../support/outage.js';
import { Recorder } from '../support/recorder.js';
import { startStatementProxy } from '../support/statement-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/*
 * The database goes away at each moment of a boot: before each statement that a boot sends, and before the answer to it.
 * The statements are counted and not named, so a step that is new is tried as well. Several applications boot at a time.
 */
const AT_A_TIME = 6;
/** A boot sends more statements than this, so a count below it means that not every moment was tried. */
const SURELY_SENT = 30;

let database: TestDatabase;
let prisma: PrismaClient;
let lines: LogLines;
let made = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  prisma = database.prisma();
});
beforeEach(() => {
  lines = hearLog();
});
afterEach(silenceLog);
afterAll(() => database.drop());

const MOMENTS = ['before the statement', 'before the answer'] as const;
type Moment = (typeof MOMENTS)[number];

/** A boot of an application whose database went away at one moment of it. */
interface Boot {
  /** False if the boot had ended before that moment. */
  readonly isReached: boolean;
  /** The application, or what its boot was refused with. */
  readonly result: Promise<TestingModule | IntegrationError>;
  /** The database is there again. */
  returns(): Promise<void>;
  /** Publishes an event, and resolves when it is handled. */
  deliversAnEvent(): Promise<void>;
  close(): Promise<void>;
}

interface BootOptions {
  readonly deadlineMs?: number;
  /** Whether it boots on a schema of its own that is not there yet. */
  readonly migrates?: boolean;
}

/** An application with a consumer and a contract that the database does not know yet. */
async function application(
  name: string,
  handled: Recorder<string>,
  connectionString: string,
  { deadlineMs = DEFAULT_BOOT_DEADLINE_MS, migrates = false }: BootOptions,
) {
  @Module({})
  class Orders implements OnModuleInit {
    constructor(@Inject(EventSubscriberRegistry) private readonly registry: EventSubscriberRegistry) {}

    onModuleInit(): void {
      this.registry.registerAt('test', {
        eventName: name,
        consumerName: name,
        handler: async ({ aggregateId }) => handled.record(aggregateId),
      });
    }
  }
  const contracts = [defineEvent({ name, schema: z.object({}) })];
  const imports = [ContractsModule.forRoot({}), ContractsModule.forFeature(contracts)];
  const place = migrates ? ({ schema: name.replace(/\W/g, '_'), migrations: 'run' } as const) : {};
  const engine = IntegrationModule.forRoot({ client: prisma, connectionString, imports, ...place });
  return Test.createTestingModule({ imports: [engine, Orders] })
    .overrideProvider(BOOT_DEADLINE_MS)
    .useValue(deadlineMs)
    .overrideProvider(BEAT_INTERVAL_MS)
    .useValue(TEST_BEAT_MS)
    .setLogger(TEST_LOGGER)
    .compile();
}

/** Boots, and takes the database away at the statement of this number. */
async function bootWithout(nth: number, moment: Moment, options: BootOptions): Promise<Boot> {
  const proxy = await startStatementProxy(database.url);
  const outage = await Outage.of(proxy.url);
  const handled = new Recorder<string>();
  const name = `order.placed-${++made}`;
  const app = await application(name, handled, outage.url, options);
  const held = proxy.hold(() => proxy.sent.all.length >= nth - 1);
  const result = app.init().then(
    () => app,
    (error: IntegrationError) => error,
  );
  const isReached = await Promise.race([held.reached.then(() => true), result.then(() => false)]);
  if (moment === 'before the answer') {
    held.letGo();
    // The proxy sends the statement on meanwhile.
    await new Promise(setImmediate);
  }
  if (isReached) await outage.drop();
  held.letGo();
  return {
    isReached,
    result,
    returns: async () => {
      await Promise.race([lines.saying(`Cannot reach Postgres at ${new URL(outage.url).host}/`), result]);
      await outage.end();
    },
    deliversAnEvent: async () => {
      await app.get(IntegrationDeveloperApiService).publishEvent({
        eventName: name,
        sourceModule: 'shop',
        aggregateType: 'order',
        aggregateId: '1',
        payload: {},
      });
      await handled.first(1);
    },
    close: async () => {
      await outage.end();
      await app.close();
      await outage.close();
      await proxy.close();
    },
  };
}

/** Boots once for each statement, until a boot does not come as far as that. Resolves to the number of boots that lost the database. */
async function atEveryStatement(
  moment: Moment,
  options: BootOptions,
  check: (boot: Boot, nth: number) => Promise<void>,
  stride = 1,
): Promise<number> {
  let lost = 0;
  for (let from = 1; ; from += AT_A_TIME * stride) {
    const reached = await Promise.all(
      Array.from({ length: AT_A_TIME }, async (_, each) => {
        const nth = from + each * stride;
        const boot = await bootWithout(nth, moment, options);
        try {
          if (boot.isReached) await check(boot, nth);
        } finally {
          await boot.close();
        }
        return boot.isReached;
      }),
    );
    lost += reached.filter(Boolean).length;
    if (reached.includes(false)) return lost;
  }
}

describe('a database that goes away in the middle of a boot', () => {
  const goesOn = async (boot: Boot) => {
    await boot.returns();
    expect(await boot.result).not.toBeInstanceOf(Error);
    await boot.deliversAnEvent();
  };

  it.each(MOMENTS)(
    'is waited for, and the boot goes on: %s',
    async (moment) => {
      expect(await atEveryStatement(moment, {}, goesOn)).toBeGreaterThan(SURELY_SENT);
    },
    420_000,
  );

  it.each(MOMENTS)(
    'is waited for, and the migrations go on: %s',
    async (moment) => {
      const lost = await atEveryStatement(moment, { migrates: true }, goesOn, 11);
      expect(lost).toBeGreaterThan(SURELY_SENT / 5);
    },
    420_000,
  );

  it('is named, where it does not come back', async () => {
    const lost = await atEveryStatement('before the statement', { deadlineMs: 300 }, async (boot, nth) => {
      const result = await boot.result;
      // The boot ends while it is not needed any more.
      if (!(result instanceof Error)) return expect(nth).toBeGreaterThan(SURELY_SENT);
      expect(result).toBeInstanceOf(IntegrationError);
      expect(result).toMatchObject({
        code: 'INTEGRATION_DATABASE_UNREACHABLE',
        message: expect.stringMatching(
          /^cannot reach Postgres at 127\.0\.0\.1:\d+\/\S+ \(tried for \d s\): /,
        ),
      });
    });
    expect(lost).toBeGreaterThan(SURELY_SENT);
  }, 420_000);
});
