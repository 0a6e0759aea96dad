import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AdminDatabase } from '../../src/database/admin-database.js';
import type { DomainEvent, SubscriberContext } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let app: TestApp;
let handled: Recorder<string>;
let signals: AbortSignal[];

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  handled = new Recorder();
  signals = [];
  app = await startApp(database, [
    {
      eventName: 'order.placed',
      consumerName: 'billing',
      handler: async ({ aggregateId }: DomainEvent, { signal }: SubscriberContext) => {
        signals.push(signal);
        handled.record(aggregateId);
      },
    },
  ]);
});
afterEach(() => app.close());
afterAll(() => database.drop());

const publish = (aggregateId: string) =>
  app.api.publishEvent({
    eventName: 'order.placed',
    sourceModule: 'test',
    aggregateType: 'order',
    aggregateId,
  });

async function deliver(aggregateId: string): Promise<void> {
  await publish(aggregateId);
  await handled.find((each) => each === aggregateId);
}

const adminOf = ({ context }: TestApp) => context.get(AdminDatabase, { strict: false });

async function adminSessions(): Promise<number[]> {
  const { rows } = await database.pool.query<{ pid: number }>(
    `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'nestjs-integration admin'`,
  );
  return rows.map(({ pid }) => pid);
}

describe('the connections of admins', () => {
  it('are opened when an admin first asks, and are two at most', async () => {
    await deliver('before');
    expect(await adminSessions()).toEqual([]);
    await app.consumers.list();
    expect(await adminSessions()).toHaveLength(1);
    await Promise.all(Array.from({ length: 6 }, () => app.consumers.list()));
    expect(await adminSessions()).toHaveLength(2);
  });

  it('can only read outside of a change', async () => {
    const admin = adminOf(app);
    await expect(admin.query('DELETE FROM integration.integration_setting')).rejects.toMatchObject({
      code: '25006',
    });
    await admin.transaction((session) => session.query('DELETE FROM integration.integration_setting'));
    await expect(admin.query('DELETE FROM integration.integration_setting')).rejects.toMatchObject({
      code: '25006',
    });
  });

  it('may both hang in a slow read: delivery goes on, and the reads end with an error that says what to do', async () => {
    await deliver('before');
    const slow = [1, 2].map(() => adminOf(app).query('SELECT pg_sleep(60)'));
    const ends = Promise.allSettled(slow);
    await until('both are at it', async () => (await adminSessions()).length === 2);
    for (let n = 0; n < 20; n++) await deliver(`meanwhile ${n}`);
    for (const end of await ends)
      expect(end).toMatchObject({ status: 'rejected', reason: { code: 'INTEGRATION_ADMIN_TIMEOUT' } });
    expect(await app.consumers.list()).toHaveLength(1);
  });

  it.each([
    ['takes too long', `SET LOCAL statement_timeout = 20`, 'SELECT pg_sleep(60)'],
    [
      'waits for rows that others hold',
      `SET LOCAL lock_timeout = 20`,
      'SELECT FROM integration.inbox_cursor FOR UPDATE',
    ],
  ])('end a change that %s with an error that says what to do', async (_, limit, sql) => {
    const holder = await database.pool.connect();
    try {
      await holder.query('BEGIN; SELECT FROM integration.inbox_cursor FOR UPDATE');
      const change = adminOf(app).transaction(async (session) => {
        await session.query(limit);
        await session.query(sql);
      });
      await expect(change).rejects.toMatchObject({
        code: 'INTEGRATION_ADMIN_TIMEOUT',
        message: expect.stringContaining('Its transaction was rolled back'),
      });
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
    }
  });

  it('may both be held by changes: delivery goes on, and a further call says that they are busy', async () => {
    const done = gate();
    const begun = new Recorder<true>();
    const changes = [1, 2].map(() =>
      adminOf(app).transaction(async (session) => {
        await session.query('SELECT 1');
        begun.record(true);
        await done.opened;
      }),
    );
    await begun.first(2);
    const refused = app.consumers.list();
    await Promise.all([
      expect(refused).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_BUSY' }),
      deliver('meanwhile'),
    ]);
    await app.consumers.list().then(
      () => expect('a free connection').toBe('none'),
      (error) => expect(error).toMatchObject({ code: 'INTEGRATION_ADMIN_BUSY' }),
    );
    done.open();
    await Promise.all(changes);
    expect(await app.consumers.list()).toHaveLength(1);
  });

  it('may be lost: no consumer drops what it has in hand, and admins are answered again', async () => {
    const held = gate();
    const running = new Recorder<AbortSignal>();
    const other = await startApp(database, [
      {
        eventName: 'order.placed',
        consumerName: 'held',
        startFrom: 'latest',
        handler: async (_: DomainEvent, { signal }: SubscriberContext) => {
          running.record(signal);
          await held.opened;
        },
      },
    ]);
    try {
      await deliver('in hand');
      const [signal] = await running.first(1);
      await other.consumers.list();
      await app.consumers.list();
      const pids = await adminSessions();
      expect(pids).toHaveLength(2);
      await database.pool.query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS pid', [pids]);
      await until('the sessions are gone', async () => (await adminSessions()).length === 0);
      await until('admins are answered', () => other.consumers.list().catch(() => undefined));
      await deliver('after');
      expect(signal?.aborted).toBe(false);
      expect(signals.some(({ aborted }) => aborted)).toBe(false);
      held.open();
      await running.first(2);
      expect(running.all).toHaveLength(2);
    } finally {
      held.open();
      await other.close();
    }
  });
});
