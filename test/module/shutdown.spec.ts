import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type DomainEvent,
  EventSubscriberRegistry,
  IntegrationModule,
  type IntegrationModuleOptions,
  type SubscriberContext,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { inboxRows } from '../support/inbox-rows.js';
import { Recorder } from '../support/recorder.js';
import { holdRegistration } from '../support/registration-hold.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

type Handle = (event: DomainEvent, context: SubscriberContext) => unknown;

let database: TestDatabase;
let apps: TestApp[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.close()));
  apps = [];
});
afterAll(() => database.drop());

/** One application process with one consumer of one event name of its own; the events that it begins are recorded. */
async function consume(
  name: string,
  handle: Handle,
  subscriber: Partial<AnySubscriberDefinition> = {},
  options: IntegrationModuleOptions = {},
): Promise<{ app: TestApp; begun: Recorder<string> }> {
  const begun = new Recorder<string>();
  const app = await startApp(
    database,
    [
      {
        eventName: name,
        consumerName: name,
        ...subscriber,
        handler: async (event: DomainEvent, context: SubscriberContext) => {
          begun.record(event.aggregateId);
          await handle(event, context);
        },
      },
    ],
    options,
  );
  apps.push(app);
  return { app, begun };
}

/** Ends a process as its supervisor would ask it to. */
async function close(app: TestApp): Promise<void> {
  apps = apps.filter((other) => other !== app);
  await app.close();
}

const untilItCloses = (app: TestApp) =>
  until('it has begun to close', async () => app.workers.active.length === 0);

const events = (eventName: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    eventName,
    sourceModule: 'test',
    aggregateType: 'thing',
    aggregateId: `a${i + 1}`,
  }));

/** How many events of this name its consumer has not settled, and whether somebody holds its lease. */
async function stateOf(name: string): Promise<{ unread: number; leased: boolean }> {
  const { rows } = await database.pool.query<{ unread: number; leased: boolean }>(
    `SELECT (SELECT count(*)::int FROM integration.outbox_event e WHERE e.event_name = $1 AND e.position <@ c.unread) AS unread,
            lease_token IS NOT NULL AS leased
     FROM integration.inbox_cursor c WHERE consumer_name = $1`,
    [name],
  );
  return rows[0] ?? { unread: -1, leased: false };
}

const untilNobodyIsConnected = () =>
  until('no connection is left', async () => {
    const { rowCount } = await database.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'nestjs-integration%'`,
    );
    return rowCount === 0;
  });

describe('a shutdown', () => {
  it('lets the handlers that run finish, saves what they did, begins no other, and gives the lease back', async () => {
    const hold = gate();
    const { app, begun } = await consume('graceful', () => hold.opened, { concurrency: 5 });
    await app.api.publishEvents(events('graceful', 20));
    await begun.first(5);
    const closing = close(app);
    await untilItCloses(app);
    hold.open();
    await closing;
    expect(begun.all).toHaveLength(5);
    expect(await stateOf('graceful')).toEqual({ unread: 15, leased: false });
    const next = await consume('graceful', () => {});
    await next.begun.first(15);
    expect(new Set([...begun.all, ...next.begun.all]).size).toBe(20);
  });

  it('waits no longer than shutdownTimeoutMs for one that hangs: told so, it is run again by the next process', async () => {
    const reasons: unknown[] = [];
    const { app, begun } = await consume(
      'hanging',
      ({ aggregateId }, { signal }) => {
        if (aggregateId !== 'a2') return;
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        return new Promise(() => {});
      },
      {},
      { shutdownTimeoutMs: 500, settings: { processingLeaseMs: 3_000, flushIntervalMs: 1_000 } },
    );
    await app.api.publishEvents(events('hanging', 3));
    await begun.first(3);
    const startedAt = performance.now();
    await close(app);
    // The handler never returns.
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(reasons).toMatchObject([{ code: 'INTEGRATION_CLOSED' }]);
    // What the others did is saved.
    expect(await stateOf('hanging')).toMatchObject({ unread: 1 });
    const next = await consume('hanging', () => {});
    expect(await next.begun.first(1)).toEqual(['a2']);
  });

  it.each([
    ['when what runs finishes in time', false],
    ['when what runs does not', true],
  ])('gives retries that were claimed and have not begun their attempt back, %s', async (_when, hangs) => {
    const name = `claimed, ${hangs}`;
    const hold = gate();
    const seconds = new Recorder<string>();
    const { app } = await consume(
      name,
      async ({ aggregateId }, { attempt }) => {
        if (attempt === 1) throw new Error('the first fails');
        seconds.record(aggregateId);
        await hold.opened;
      },
      {},
      { maxConcurrency: 1, shutdownTimeoutMs: 1_000 },
    );
    await app.api.publishEvents(events(name, 5));
    await seconds.first(1);
    await until('all five are claimed', async () => {
      const rows = await inboxRows(database, name);
      return rows.filter((row) => row.status === 'processing' && row.attempts === 2).length === 5;
    });
    const closing = close(app);
    await untilItCloses(app);
    if (!hangs) hold.open();
    await closing;
    const rows = await inboxRows(database, name);
    const begun = rows.find((row) => row.aggregateId === seconds.all[0]);
    expect(begun).toMatchObject({ status: hangs ? 'processing' : 'processed', attempts: 2 });
    const others = rows.filter((row) => row !== begun);
    expect(others.map(({ status, attempts }) => ({ status, attempts }))).toEqual(
      Array(4).fill({ status: 'failed', attempts: 1 }),
    );
    hold.open();
  });
});

describe('a shutdown while events run one by one after unclean ends', () => {
  it('lets the one that runs finish, and leaves the others as they are', async () => {
    const hold = gate();
    const startFrom = 'earliest' as const;
    const off = { settings: { 'processor.enabled': false } };
    const former = await consume('suspects', () => {}, { startFrom }, off);
    await former.app.api.publishEvents(events('suspects', 20));
    await close(former.app);
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET lease_owner = gen_random_uuid(), lease_token = gen_random_uuid(),
         lease_expires_at = clock_timestamp(), unclean_takeovers = 2,
         read_upto = (SELECT max(position) + 1 FROM integration.outbox_event)
       WHERE consumer_name = 'suspects'`,
    );
    const { app, begun } = await consume('suspects', () => hold.opened, { startFrom });
    await begun.first(1);
    const closing = close(app);
    await untilItCloses(app);
    hold.open();
    await closing;
    expect(begun.all).toHaveLength(1);
    expect(await inboxRows(database, 'suspects')).toMatchObject([{ aggregateId: 'a1', status: 'processed' }]);
    expect(await stateOf('suspects')).toEqual({ unread: 19, leased: false });
  });
});

describe('an application that has closed', () => {
  it('leaves no connection behind where it is drained afterwards', async () => {
    const { app } = await consume('drained', () => {}, {}, { settings: { 'processor.enabled': false } });
    await close(app);
    await app.processor.drain({ timeoutMs: 1_000 }).catch(() => {});
    await untilNobodyIsConnected();
  });

  it('leaves no connection behind where it was closed while it drained', async () => {
    const hold = gate();
    const off = { settings: { 'processor.enabled': false } };
    const { app, begun } = await consume('draining', () => hold.opened, { concurrency: 1 }, off);
    await app.api.publishEvents(events('draining', 5));
    const draining = app.processor.drain({ timeoutMs: 2_000 }).catch(() => {});
    await begun.first(1);
    const closing = close(app);
    await untilItCloses(app);
    hold.open();
    await Promise.all([closing, draining]);
    await untilNobodyIsConnected();
  });

  it('leaves no connection behind where it was closed while it booted', async () => {
    @Module({ imports: [IntegrationModule.forRoot({ connectionString: database.url })] })
    class BootingModule {}

    if (!process.env.TEST_LOG) Logger.overrideLogger(false);
    const app = await NestFactory.create(BootingModule, { abortOnError: false });
    app
      .get(EventSubscriberRegistry)
      .registerAt('test', { eventName: 'booting', consumerName: 'booting', handler: async () => {} });
    const held = await holdRegistration(database);
    const booting = app.init().catch(() => {});
    await held.waiting();
    const closing = app.close();
    // What closing does without an answer of the server it has done by then.
    for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
    await held.letGo();
    await Promise.all([booting, closing]);
    // One that is opened later still is found at the end of this file.
    await untilNobodyIsConnected();
  });
});

describe('a process whose application has closed', () => {
  it.each([
    ['its handlers having returned', {}],
    ['a handler hanging', { HANG: '1' }],
  ])('ends by itself, %s', async (_how, env) => {
    const child = spawn(process.execPath, ['test/support/processes/closing.mjs'], {
      env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) said.push(line);
    expect(await exited).toEqual([0, null]);
    expect(said).toEqual(['handling', 'closed']);
  });
});
