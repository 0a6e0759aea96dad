import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { IntegrationSettingsService, LeaseService } from '../../src/index.js';
import type { Lease } from '../../src/membership/leases/lease.js';
import { ScheduleStore } from '../../src/schedules/schedule.store.js';
import { SchedulesEngine } from '../../src/schedules/schedules-engine.js';
import { Ticker } from '../../src/schedules/ticker.js';
import { gate } from '../support/gate.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilWaiting } from '../support/until-waiting.js';
import { moveTo, publishedOf, type ScheduleApp, startScheduleApp, untilPublished } from './schedule-app.js';

/*
 * The ticker of the application is switched off, so that the tests tick by hand.
 */
describe('beside a tick', () => {
  let database: TestDatabase;
  let app: ScheduleApp;
  let end = gate();

  beforeEach(async () => {
    database = await createTestDatabase();
    app = await startScheduleApp(database);
    await app.context.get(IntegrationSettingsService).set('core.integration.schedules.enabled', false);
    end = gate();
  });
  afterEach(async () => {
    end.open();
    await app?.close();
    await database?.drop();
  });

  /** A ticker of its own, under a lease of its own. Where `isStalled`, it stops behind its fence. */
  const tickerOf = async (name: string) => {
    const engine = app.context.get(SchedulesEngine, { strict: false });
    const lease = await new Promise<Lease>((resolve) => {
      app.context.get(LeaseService, { strict: false }).hold(name, async (taken) => {
        resolve(taken);
        await end.opened;
      });
    });
    const parts = engine.tickerParts(await engine.times(), { warnOfFailure: () => true, log: () => {} });
    return { lease, parts: { ...parts, settings: () => ({ isOn: true, graceMs: 60_000 }) } };
  };

  const due = async (name: string) => {
    await app.schedules.upsert(name, { cron: '0 0 * * *', overlap: 'queue' });
    await moveTo(database, name, `date_trunc('milliseconds', clock_timestamp())`);
  };

  it('a ticker whose lease another process has taken publishes nothing', async () => {
    await due('fenced');
    const { lease, parts } = await tickerOf('stalled');
    const before = await app.schedules.get('fenced');
    // The process stalls here, and another one takes the lease: its token is another one from then on.
    await database.pool.query(
      `UPDATE integration.integration_lease SET token = token + 1 WHERE name = 'stalled'`,
    );
    await expect(new Ticker(parts).tick(lease)).rejects.toMatchObject({ code: 'INTEGRATION_LEASE_LOST' });
    expect(await publishedOf(database, 'fenced')).toEqual([]);
    expect(await app.schedules.get('fenced')).toMatchObject({ nextAt: before?.nextAt });
  });

  /** Starts a tick that has taken what is due, and does not go on before `goOn`. */
  const halfTicked = async (name = 'half') => {
    const { lease, parts } = await tickerOf(name);
    const inside = gate();
    const goOn = gate();
    class Halting extends ScheduleStore {
      override async moveOn(...given: Parameters<ScheduleStore['moveOn']>): Promise<void> {
        inside.open();
        await goOn.opened;
        return super.moveOn(...given);
      }
    }
    const ticking = new Ticker({ ...parts, store: new Halting(parts.db) }).tick(lease);
    await inside.opened;
    return { goOn, ticking };
  };

  it('a lease is not taken from a ticker that is about to commit', async () => {
    await due('held');
    const { goOn, ticking } = await halfTicked('committing');
    // What a taking does: it passes over a row that a save holds.
    const { rowCount } = await database.pool.query(
      `SELECT FROM integration.integration_lease WHERE name = 'committing' FOR UPDATE SKIP LOCKED`,
    );
    expect(rowCount).toBe(0);
    goOn.open();
    expect(await ticking).toEqual({ taken: 1, published: 1 });
  });

  it('two tickers at once publish each time once', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `twice.${i}`);
    for (const name of names) await due(name);
    const first = await tickerOf('first');
    const second = await tickerOf('second');
    const counts = await Promise.all(
      [first, second, first, second].map(({ lease, parts }) => new Ticker(parts).tick(lease)),
    );
    expect(counts.reduce((sum, { published }) => sum + published, 0)).toBe(20);
    for (const name of names) expect(await publishedOf(database, name)).toHaveLength(1);
  });

  it('a restored backup, which brings an old time back, publishes it no second time', async () => {
    await due('restored');
    const { rows } = await database.pool.query<{ next: string }>(
      `SELECT next_at::text AS next FROM integration.integration_schedule WHERE name = 'restored'`,
    );
    const { lease, parts } = await tickerOf('one');
    await new Ticker(parts).tick(lease);
    const [event] = await publishedOf(database, 'restored');
    await moveTo(database, 'restored', `'${rows[0]?.next}'`);
    await new Ticker(parts).tick(lease);
    expect(await publishedOf(database, 'restored')).toEqual([event]);
    expect(await app.schedules.get('restored')).toMatchObject({ lastEventId: event?.id });
  });

  it.each(['pause', 'trigger', 'upsert', 'remove'] as const)(
    '%s waits for it, and finds what it has written',
    async (change) => {
      await due('changed');
      const { goOn, ticking } = await halfTicked();
      const changing =
        change === 'upsert'
          ? app.schedules.upsert('changed', { cron: '0 12 * * *', overlap: 'queue' })
          : app.schedules[change]('changed');
      await untilWaiting(database);
      goOn.open();
      await ticking;
      await changing;
      const published = await publishedOf(database, 'changed');
      expect(published.map(({ cause }) => cause)).toEqual(
        change === 'trigger' ? ['time', 'trigger'] : ['time'],
      );
      const found = await app.schedules.get('changed');
      if (change === 'remove') expect(found).toBeUndefined();
      else {
        expect(found?.lastAt?.toISOString()).toBe(published[0]?.at);
        expect(found?.lastEventId).toBe(published.at(-1)?.id);
        expect(found?.nextAt?.getUTCHours()).toBe(change === 'upsert' ? 12 : 0);
      }
    },
  );

  it('a tick passes over what a change holds, and publishes the rest', async () => {
    await due('locked');
    await due('free');
    const client = await database.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(`SELECT FROM integration.integration_schedule WHERE name = 'locked' FOR UPDATE`);
      const { lease, parts } = await tickerOf('passing');
      expect(await new Ticker(parts).tick(lease)).toEqual({ taken: 1, published: 1 });
      expect(await publishedOf(database, 'free')).toHaveLength(1);
      await client.query('ROLLBACK');
      expect(await new Ticker(parts).tick(lease)).toEqual({ taken: 1, published: 1 });
    } finally {
      client.release();
    }
  });

  it('a tick that dies before its commit has published nothing, and the next one publishes', async () => {
    await due('dying');
    const { lease, parts } = await tickerOf('dead');
    class Dying extends ScheduleStore {
      override moveOn(): Promise<void> {
        throw new Error('the process dies here');
      }
    }
    await expect(new Ticker({ ...parts, store: new Dying(parts.db) }).tick(lease)).rejects.toThrow(
      'dies here',
    );
    expect(await publishedOf(database, 'dying')).toEqual([]);
    expect(await new Ticker(parts).tick(lease)).toEqual({ taken: 1, published: 1 });
  });

  it('an idle process looks at nothing, however many schedules there are, and hears what is due', async () => {
    await database.pool.query(
      `INSERT INTO integration.integration_schedule (name, cron, time_zone, anchor_at, missed, overlap, consumer, next_at, changed_by)
       SELECT 'many.' || n, '0 * * * *', 'UTC', now(), 'once', 'skip', 'many', now() + interval '50 minutes', 'test' FROM generate_series(1, 10000) AS n`,
    );
    const { lease, parts } = await tickerOf('idle');
    let looks = 0;
    class Counting extends ScheduleStore {
      override nextIn(except: readonly string[]): Promise<number | undefined> {
        looks++;
        return super.nextIn(except);
      }
    }
    const ticker = new Ticker({ ...parts, store: new Counting(parts.db), isListening: () => true });
    const running = ticker.run(lease);
    await until('it has looked', async () => looks === 1);
    await app.schedules.upsert('soon', { every: 1_000, limit: 1, startAt: new Date() });
    expect(looks).toBe(1);
    ticker.changed();
    await untilPublished(database, 'soon', 1);
    expect(looks).toBeLessThan(6);
    end.open();
    await app.close();
    await running;
  });
});
