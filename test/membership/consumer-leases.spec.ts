import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import type { DomainEvent, IntegrationModuleOptions } from '../../src/index.js';
import { Heartbeat } from '../../src/membership/beat/heartbeat.js';
import { IntegrationProcessStore } from '../../src/membership/beat/integration-process.store.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { EngineLogger } from '../../src/words/engine-logger.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { inboxRows, unreadOf } from '../support/inbox-rows.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { BEATS, type StatementProxy, startStatementProxy } from '../support/statement-proxy.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const STRANGER = '00000000-0000-4000-8000-000000000001';

let database: TestDatabase;
const opened: { close(): Promise<void> }[] = [];
const wires: StatementProxy[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((each) => each.close()));
  await Promise.all(wires.splice(0).map((each) => each.close()));
  jest.restoreAllMocks();
  silenceLog();
});
afterAll(() => database.drop());

async function start(
  subscribers: AnySubscriberDefinition[],
  options?: IntegrationModuleOptions,
): Promise<TestApp> {
  const app = await startApp(database, subscribers, options);
  opened.push(app);
  return app;
}

const subscriber = (name: string, handle: (event: DomainEvent) => unknown = () => {}) => ({
  eventName: name,
  consumerName: name,
  handler: async (event: DomainEvent) => {
    await handle(event);
  },
});

const events = (eventName: string, count: number, first = 1) =>
  Array.from({ length: count }, (_, i) => ({
    eventName,
    sourceModule: 'test',
    aggregateType: 'thing',
    aggregateId: `a${first + i}`,
  }));

/** Who holds which of these consumers, by name; undefined: nobody. */
async function owners(...names: string[]): Promise<Record<string, string | undefined>> {
  const { rows } = await database.pool.query<{ name: string; owner: string | null }>(
    `SELECT consumer_name AS name, CASE WHEN lease_expires_at > clock_timestamp() THEN lease_owner END AS owner
     FROM integration.inbox_cursor WHERE consumer_name = ANY ($1)`,
    [names],
  );
  return Object.fromEntries(rows.map(({ name, owner }) => [name, owner ?? undefined]));
}

const untilOwned = (...names: string[]) =>
  until(`${names.join(', ')} are leased`, async () => {
    const byName = await owners(...names);
    return names.every((name) => byName[name] !== undefined);
  });

const untilSettled = (name: string) =>
  until(`${name} is settled`, async () => {
    const { rows } = await database.pool.query(
      `SELECT FROM integration.inbox_cursor c WHERE consumer_name = $1
         AND NOT EXISTS (SELECT FROM integration.outbox_event e WHERE e.event_name = $1 AND e.position <@ c.unread)
         AND NOT EXISTS (SELECT FROM integration.inbox_event i WHERE i.consumer_name = $1
                         AND (i.status IN ('received', 'processing') OR (i.status = 'failed' AND i.available_at IS NOT NULL)))`,
      [name],
    );
    return rows.length > 0;
  });

async function engineSessions(): Promise<string[]> {
  const { rows } = await database.pool.query(
    `SELECT application_name AS name FROM pg_stat_activity
     WHERE datname = current_database() AND application_name LIKE 'nestjs-integration%'`,
  );
  return rows.map(({ name }) => name);
}

/** Resolves when they are gone. */
async function terminateEngineConnections(): Promise<void> {
  await database.pool.query(
    `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
     WHERE application_name LIKE 'nestjs-integration%' AND datname = current_database()`,
  );
}

/** An application of which everything is seen that it sends to the server. */
async function startWatched(
  ...args: Parameters<typeof start>
): Promise<{ app: TestApp; wire: StatementProxy }> {
  const wire = await startStatementProxy(database.url);
  wires.push(wire);
  const [subscribers, options] = args;
  return { app: await start(subscribers, { connectionString: wire.url, ...options }), wire };
}

describe('an owner', () => {
  it('whose token was changed saves nothing, says so, counts it, and leaves the events to the next one', async () => {
    const lines = hearLog();
    const hold = gate();
    const calls = new Recorder<string>();
    const { app, wire } = await startWatched([
      subscriber('fenced', async (event) => {
        calls.record(event.aggregateId);
        await hold.opened;
      }),
    ]);
    await app.api.publishEvents(events('fenced', 1));
    await calls.first(1);
    const before = await unreadOf(database, 'fenced');
    // A beat would tell the owner before its save does.
    const beats = wire.hold(BEATS);
    await beats.reached;
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET lease_token = gen_random_uuid(), lease_owner = $1,
         lease_expires_at = clock_timestamp() + interval '1 hour' WHERE consumer_name = 'fenced'`,
      [STRANGER],
    );
    hold.open();
    await lines.saying(/lease was lost|taken over/);
    expect(await unreadOf(database, 'fenced')).toBe(before);
    expect((await app.processor.getStats()).refusedSaves).toBe(1);
    beats.letGo();
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET lease_expires_at = clock_timestamp() WHERE consumer_name = 'fenced'`,
    );
    expect(await calls.first(2)).toEqual(['a1', 'a1']);
    await untilSettled('fenced');
  });

  it('starts nothing once the time of its lease has passed without a renewal', async () => {
    const proxy = await startTcpProxy(database.url);
    opened.push(proxy);
    const settings = { processingLeaseMs: 2_000 };
    const [first, second] = [new Recorder<string>(), new Recorder<string>()];
    const hold = gate();
    const owner = await start(
      [
        {
          ...subscriber('stale', async (event) => {
            first.record(event.aggregateId);
            await hold.opened;
          }),
          concurrency: 1,
        },
      ],
      { connectionString: proxy.url, settings },
    );
    await untilOwned('stale');
    await owner.api.publishEvents(events('stale', 3));
    await first.first(1);
    await start([{ ...subscriber('stale', (event) => second.record(event.aggregateId)), concurrency: 1 }], {
      settings,
    });
    proxy.freeze();
    await second.first(1);
    // The first owner has two more events at hand.
    hold.open();
    await untilSettled('stale');
    expect(first.all).toEqual(['a1']);
    expect(second.all).toEqual(['a1', 'a2', 'a3']);
  });

  it('that loses a connection while it hands a consumer over saves nothing from memory', async () => {
    const hold = gate();
    const handled = new Recorder<string>();
    const { app, wire } = await startWatched([
      subscriber('leaving', async (event) => {
        handled.record(event.aggregateId);
        if (event.aggregateId === 'a1') await hold.opened;
      }),
    ]);
    await app.api.publishEvents(events('leaving', 1));
    await handled.first(1);
    await app.consumers.pause('leaving');
    await until('it is being handed over', async () => app.workers.active.length === 0);
    // The server that answers from now on never had the event, and gives its position to another one.
    await terminateEngineConnections();
    await database.pool.query(
      `WITH lost AS (DELETE FROM integration.outbox_event WHERE event_name = 'leaving' RETURNING position)
       INSERT INTO integration.outbox_event (position, event_name, source_module, aggregate_type, aggregate_id)
       OVERRIDING SYSTEM VALUE SELECT position, 'leaving', 'test', 'thing', 'new' FROM lost`,
    );
    await wire.more(1, BEATS);
    hold.open();
    await app.consumers.resume('leaving');
    await handled.find((id) => id === 'new');
    await untilSettled('leaving');
    expect(handled.all).toEqual(['a1', 'new']);
  });

  it('of an older version, whose code does not handle every stored name, takes nothing of the consumer', async () => {
    const names = ['version.one', 'version.two'];
    const handled = new Recorder<string>();
    const handler = async (event: DomainEvent) => handled.record(event.eventName);
    const both = { eventName: names, consumerName: 'versions', handler };
    const newer = await start([both]);
    await untilOwned('versions');
    const { app: older, wire } = await startWatched([
      { eventName: 'version.one', consumerName: 'versions', handler: async () => handled.record('wrong') },
      subscriber('versions-alive'),
    ]);
    await untilOwned('versions-alive');
    opened.splice(opened.indexOf(newer), 1);
    await newer.close();
    await older.api.publishEvents(names.flatMap((name) => events(name, 1)));
    await wire.more(3, BEATS);
    expect(await owners('versions')).toEqual({ versions: undefined });
    await start([both]);
    expect((await handled.first(2)).sort()).toEqual(names);
  });
});

describe('two processes', () => {
  const names = ['spread-1', 'spread-2', 'spread-3', 'spread-4'];

  it('share the consumers evenly, and what one gives back at its end the other takes', async () => {
    const [first, second] = [new Recorder<string>(), new Recorder<string>()];
    const of = (recorder: Recorder<string>) =>
      names.map((name) => subscriber(name, (event) => recorder.record(event.eventName)));
    const one = await start(of(first));
    await untilOwned(...names);
    const two = await start(of(second));
    await until('two consumers each', async () => {
      const counts = new Map<string, number>();
      for (const owner of Object.values(await owners(...names)))
        if (owner !== undefined) counts.set(owner, (counts.get(owner) ?? 0) + 1);
      return [...counts.values()].join() === '2,2';
    });
    await two.api.publishEvents(names.flatMap((name) => events(name, 1)));
    await Promise.all([first.first(2), second.first(2)]);
    opened.splice(opened.indexOf(one), 1);
    await one.close();
    const left = Object.values(await owners(...names));
    expect(new Set(left.filter((owner) => owner !== undefined)).size).toBe(1);
    await two.api.publishEvents(names.flatMap((name) => events(name, 1)));
    expect((await second.first(6)).slice(2).sort()).toEqual(names);
  });

  it('leave everything to the one whose processor is enabled', async () => {
    const disabled = await start(
      names.map((name) => subscriber(`on-${name}`)),
      { settings: { 'processor.enabled': false } },
    );
    await start(names.map((name) => subscriber(`on-${name}`)));
    await untilOwned(...names.map((name) => `on-${name}`));
    const byName = await owners(...names.map((name) => `on-${name}`));
    expect(new Set(Object.values(byName)).size).toBe(1);
    expect(disabled.workers.active).toEqual([]);
  });
});

describe('expiry is judged by the database: a process whose clock is a day ahead', () => {
  it('takes no lease that is held, and takes it when it has run out', async () => {
    await (await start([subscriber('clock')])).processor.drain();
    await Promise.all(opened.splice(0).map((each) => each.close()));
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET lease_token = gen_random_uuid(), lease_owner = $1,
         lease_expires_at = clock_timestamp() + interval '1 hour' WHERE consumer_name = 'clock'`,
      [STRANGER],
    );
    const now = Date.now.bind(Date);
    jest.spyOn(Date, 'now').mockImplementation(() => now() + 24 * 3_600_000);
    const { wire } = await startWatched([subscriber('clock')]);
    await wire.more(3, BEATS);
    expect(await owners('clock')).toEqual({ clock: STRANGER });
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET lease_expires_at = clock_timestamp() WHERE consumer_name = 'clock'`,
    );
    await untilOwned('clock');
  });
});

describe('when every connection of the engine is cut, again and again', () => {
  it('everything is delivered, with no unhandled rejection and no attempt counted', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    const seen = new Recorder<string>();
    const app = await start([
      subscriber('cut', async (event) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        seen.record(event.aggregateId);
      }),
    ]);
    for (let round = 0; round < 6; round++) {
      await app.api.publishEvents(events('cut', 300, round * 300 + 1));
      await seen.first(round * 300 + 100);
      await terminateEngineConnections();
    }
    await untilSettled('cut');
    expect(new Set(seen.all).size).toBe(1_800);
    expect(await inboxRows(database, 'cut')).toEqual([]);
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('a retry that was running is not blamed, however often', async () => {
    const attempts = new Recorder<number>();
    const holds = [gate(), gate(), gate()];
    const app = await start([
      {
        eventName: 'blameless',
        consumerName: 'blameless',
        retry: { maxAttempts: 2 },
        handler: async (_event: DomainEvent, { attempt }) => {
          attempts.record(attempt);
          if (attempt === 1) throw new Error('the first fails');
          await holds[attempts.all.length - 2]?.opened;
        },
      },
    ]);
    await app.api.publishEvents(events('blameless', 1));
    for (const [times, hold] of holds.entries()) {
      await attempts.first(times + 2);
      await terminateEngineConnections();
      // Its outcome is of no use any more when it is made known.
      await until('the consumer has been dropped', async () => app.workers.active.length === 0);
      hold.open();
    }
    await untilSettled('blameless');
    expect(attempts.all).toEqual([1, 2, 2, 2, 2]);
    expect(await inboxRows(database, 'blameless')).toMatchObject([{ status: 'processed', attempts: 2 }]);
  });
});

describe('a heartbeat connection that falls silent', () => {
  it.each([
    ['while it is opened', 'nestjs-integration heartbeat'],
    ['while the process signs in', 'integration_process (id, role'],
    ['while it beats', 'alive AS ('],
  ])('%s is given up, and the consumers are taken over another one', async (when, text) => {
    const proxy = await startTcpProxy(database.url);
    opened.push(proxy);
    const seen = new Recorder<string>();
    const name = `silent ${when}`;
    // The first of the engine's pool is set up before.
    const app = await start([subscriber(name, (event) => seen.record(event.aggregateId))], {
      connectionString: proxy.url,
      settings: { 'processor.enabled': false },
    });
    // One that is still being opened is not among the sessions yet, and would not be ended below.
    await until('the heartbeat has its connection', async () =>
      (await engineSessions()).includes('nestjs-integration heartbeat'),
    );
    const silenced = proxy.silenceAt(text);
    await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'nestjs-integration heartbeat' AND datname = current_database()`,
    );
    await silenced;
    await app.api.publishEvents(events(name, 1));
    expect(await app.processor.drain()).toMatchObject({ drained: true });
    expect(seen.all).toEqual(['a1']);
  });
});

describe('the processor', () => {
  it('is switched off and on by its setting while it runs', async () => {
    const seen = new Recorder<string>();
    const { app, wire } = await startWatched([
      subscriber('switched', (event) => seen.record(event.aggregateId)),
    ]);
    await untilOwned('switched');
    await app.settings.set('processor.enabled', false, 'a test');
    await until(
      'it has given its consumer back',
      async () => (await owners('switched')).switched === undefined,
    );
    await app.api.publishEvents(events('switched', 1));
    await wire.more(2, BEATS);
    expect(seen.all).toEqual([]);
    await app.settings.set('processor.enabled', true, 'a test');
    expect(await seen.first(1)).toEqual(['a1']);
    await app.settings.reset('processor.enabled');
  });

  it('of a publisher takes no lease and listens to nobody', async () => {
    const { app: publisher, wire } = await startWatched([subscriber('published')], { role: 'publisher' });
    // The session of an application that was closed before may still be ending.
    await until(
      'nobody listens',
      async () => !(await engineSessions()).includes('nestjs-integration listen'),
    );
    await wire.more(2, BEATS);
    expect(await engineSessions()).not.toContain('nestjs-integration listen');
    expect(await owners('published')).toEqual({ published: undefined });
    const seen = new Recorder<string>();
    await publisher.api.publishEvents(events('published', 1));
    await start([subscriber('published', (event) => seen.record(event.aggregateId))], { role: 'worker' });
    await seen.first(1);
    await publisher.api.publishEvents(events('published', 1, 2));
    expect(await seen.first(2)).toEqual(['a1', 'a2']);
  });
});

describe('a heartbeat', () => {
  it('ends though the server has fallen silent', async () => {
    const proxy = await startTcpProxy(database.url);
    const db = new EngineDatabase({ connectionString: proxy.url, schema: 'integration' });
    const processes = new IntegrationProcessStore(db);
    const self = { id: randomUUID(), role: 'all' } as const;
    const heartbeat = new Heartbeat(
      db,
      processes,
      self,
      () => 60_000,
      () => {},
      new EngineLogger('test'),
    );
    await new Promise<void>((beaten) => {
      heartbeat.start(() => heartbeat.beat(async () => beaten()));
    });
    proxy.freeze();
    await heartbeat.stop();
    expect(heartbeat.isRunning).toBe(false);
    await proxy.close();
    await db.close();
  });
});
