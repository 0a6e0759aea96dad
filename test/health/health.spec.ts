import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { IntegrationHealthIndicator, type ReadyOptions } from 'nestjs-integration/health';
import { IntegrationModule, type IntegrationModuleOptions, NonRetryableError } from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

/** Milliseconds that a test waits for the answer to a probe. A busy machine needs less. */
const NO_ANSWER_MS = 20_000;

let database: TestDatabase;
const opened = new Set<{ close(): Promise<unknown> }>();

beforeEach(async () => {
  database = await createTestDatabase();
});
// Also where a test has failed: an application that is left open would keep the run from ending.
afterEach(async () => {
  for (const each of opened) await close(each);
});
// A hook of its own, so that the server ends the connections of an application that cannot close.
afterEach(() => database.drop());

async function close(each: { close(): Promise<unknown> }): Promise<void> {
  opened.delete(each);
  await each.close();
}

async function start(
  subscribers: AnySubscriberDefinition[],
  options: IntegrationModuleOptions = {},
): Promise<TestApp> {
  const app = await startApp(database, subscribers, options);
  opened.add(app);
  return app;
}

const EVENT = { eventName: 'job.done', sourceModule: 'test', aggregateType: 'job', aggregateId: 'j1' };

const failing = {
  consumerName: 'failing',
  eventName: 'job.done',
  startFrom: 'earliest' as const,
  handler: async () => {
    throw new NonRetryableError('never');
  },
};

const indicatorOf = (app: TestApp) => app.context.get(IntegrationHealthIndicator);

describe('whether the engine lives and is ready', () => {
  it('is up at rest, and says what there is to do', async () => {
    const app = await start([failing]);
    const health = indicatorOf(app);
    await until('somebody works on the consumer', async () => {
      const { integration } = await health.ready();
      return integration.unownedConsumers === 0;
    });
    expect(await health.ready()).toEqual({
      integration: { status: 'up', database: 'up', lagSeconds: null, deadLetters: 0, unownedConsumers: 0 },
    });
    const { engine } = await health.live('engine');
    expect(engine).toEqual({ status: 'up', heartbeatAgeMs: expect.any(Number) });
    await close(app);
    expect(await health.live()).toEqual({ integration: { status: 'up', heartbeatAgeMs: null } });
  });

  it('is not alive once the heartbeat has not begun a round for too long', async () => {
    const app = await start([]);
    const health = indicatorOf(app);
    await until('the limit is over', async () => {
      const { integration } = await health.live('integration', { maxHeartbeatAgeMs: 1 });
      return (
        integration.status === 'down' && /has not begun a round for \d+ ms/.test(`${integration.message}`)
      );
    });
  });

  it('reports dead letters, and is unready because of them where a threshold says so', async () => {
    const app = await start([failing]);
    const health = indicatorOf(app);
    await app.api.publishEvents([EVENT, { ...EVENT, aggregateId: 'j2' }]);
    await until('both are dead letters', async () => (await health.ready()).integration.deadLetters === 2);
    expect((await health.ready('integration', { maxDeadLetters: 2 })).integration.status).toBe('up');
    expect((await health.ready('integration', { maxDeadLetters: 1 })).integration).toMatchObject({
      status: 'down',
      database: 'up',
      message: 'Dead letters: 2, more than 1',
    });
  });

  it('is unready while consumers lag or have no owner, but not because of paused ones', async () => {
    const app = await start([failing], { settings: { 'processor.enabled': false } });
    const health = indicatorOf(app);
    await app.api.publishEvents([EVENT]);
    const limits = { maxUnownedConsumers: 0, maxLagSeconds: 0 };
    await until('the event is a second old', async () => {
      const { integration } = await health.ready('integration', limits);
      return /lags [1-9]\d* s behind, more than 0 s; Consumer partitions without an owner: 1,/.test(
        `${integration.message}`,
      );
    });
    await app.consumers.pause('failing');
    expect((await health.ready('integration', limits)).integration).toMatchObject({
      status: 'up',
      lagSeconds: null,
      unownedConsumers: 0,
    });
  });

  it('counts the lag of an event that has left the log and is tried again', async () => {
    const app = await start([
      {
        ...failing,
        handler: async () => {
          throw new Error('the other side is down');
        },
        retry: { baseDelayMs: 600_000, maxDelayMs: 600_000 },
      },
    ]);
    const health = indicatorOf(app);
    await app.api.publishEvents([EVENT]);
    await until('the event has failed once', async () => {
      const [consumer] = await app.consumers.list();
      const [row] = (await database.pool.query('SELECT status FROM integration.inbox_event')).rows;
      return row?.status === 'failed' && consumer?.pendingPositions === 0;
    });
    await until('it is a second old', async () => {
      const { integration } = await health.ready('integration', { maxLagSeconds: 0 });
      return /^A consumer lags [1-9]\d* s behind, more than 0 s$/.test(`${integration.message}`);
    });
    await app.consumers.pause('failing');
    expect((await health.ready('integration', { maxLagSeconds: 0 })).integration).toMatchObject({
      status: 'up',
      lagSeconds: null,
    });
  });

  it('is not ready from the first hook of a shutdown on, while handlers still end', async () => {
    const hold = gate();
    const running = gate();
    const app = await start([
      {
        ...failing,
        handler: async () => {
          running.open();
          await hold.opened;
        },
      },
    ]);
    const health = indicatorOf(app);
    await app.api.publishEvents([EVENT]);
    await running.opened;
    expect((await health.ready()).integration.status).toBe('up');
    const closed = close(app);
    try {
      await until('it is not ready', async () => (await health.ready()).integration.status === 'down');
      expect(await health.ready()).toEqual({
        integration: { status: 'down', message: 'The application is closing' },
      });
      expect((await health.live()).integration.status).toBe('up');
    } finally {
      hold.open();
      await closed;
    }
    expect((await health.ready()).integration.status).toBe('down');
  });

  it('refuses a threshold that makes no sense', async () => {
    const app = await start([]);
    const health = indicatorOf(app);
    await expect(health.ready('integration', { maxLagSeconds: Number.NaN })).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
      message: expect.stringContaining('maxLagSeconds must be a number that is not negative'),
    });
    await expect(health.ready('integration', { maxlag: 1 } as ReadyOptions)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
      message: expect.stringContaining('maxlag is not an option; there are: timeoutMs, maxLagSeconds'),
    });
    await expect(health.live('integration', { maxHeartbeatAgeMs: Number.NaN })).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
      message: expect.stringContaining('maxHeartbeatAgeMs must be a number that is not negative'),
    });
  });
});

describe('health endpoints made with terminus', () => {
  it('say 200 and 503: without its database a process lives and is not ready', async () => {
    const proxy = await startTcpProxy(database.url);
    opened.add(proxy);
    const app = await startServer(proxy.url);
    opened.add(app);
    const ask = async (path: string) => {
      const response = await fetch(`${await app.getUrl()}/${path}`, {
        signal: AbortSignal.timeout(NO_ANSWER_MS),
      });
      return { code: response.status, body: await response.text() };
    };
    // A busy machine may not answer within the limit at first.
    await until('it is ready', async () => (await ask('ready')).code === 200);
    expect(await ask('live')).toMatchObject({ code: 200 });

    // The database falls silent: the probe does not wait for it longer than it was told.
    proxy.silence();
    const silent = await ask('ready');
    expect(silent.code).toBe(503);
    expect(JSON.parse(silent.body).error.integration).toEqual({
      status: 'down',
      database: 'down',
      message: 'The database did not answer within 500 ms',
    });
    expect(await ask('live')).toMatchObject({ code: 200 });

    // Nobody listens any more. What is said of it names neither host nor user.
    await close(proxy);
    await until('the refusal is reported', async () => (await ask('ready')).body.includes('cannot be asked'));
    const refused = await ask('ready');
    expect(refused.code).toBe(503);
    expect(refused.body).not.toMatch(/127\.0\.0\.1|localhost|postgres/);
    expect(await ask('live')).toMatchObject({ code: 200 });
  });
});

async function startServer(databaseUrl: string): Promise<NestExpressApplication> {
  @Controller()
  class HealthController {
    constructor(
      @Inject(HealthCheckService) private readonly terminus: HealthCheckService,
      @Inject(IntegrationHealthIndicator) private readonly integration: IntegrationHealthIndicator,
    ) {}

    @Get('live')
    live() {
      return this.terminus.check([() => this.integration.live()]);
    }

    @Get('ready')
    ready() {
      return this.terminus.check([() => this.integration.ready('integration', { timeoutMs: 500 })]);
    }
  }
  @Module({
    imports: [TerminusModule, IntegrationModule.forRoot({ connectionString: databaseUrl })],
    controllers: [HealthController],
  })
  class HealthModule {}
  const app = await NestFactory.create<NestExpressApplication>(HealthModule, { logger: false });
  await app.listen(0, '127.0.0.1');
  return app;
}
