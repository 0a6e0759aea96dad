import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { ConsumerPresence } from '../../src/maintenance/consumer-presence.js';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import { OperatingRecords } from '../../src/maintenance/operating-records.js';
import { UnroutedEventStore } from '../../src/maintenance/unrouted-event.store.js';
import { UnroutedEvents } from '../../src/maintenance/unrouted-events.js';
import { startApp, type TestApp } from '../support/app.js';
import { hearLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let apps: TestApp[];

beforeEach(async () => {
  database = await createTestDatabase();
  apps = [];
});
afterEach(async () => {
  jest.restoreAllMocks();
  for (const app of apps) await app.close();
  await database.drop();
});

async function start(consumers: readonly string[], eventName = 'thing.happened'): Promise<TestApp> {
  const app = await startApp(
    database,
    consumers.map((consumerName) => ({
      consumerName,
      eventName,
      startFrom: 'earliest' as const,
      handler: async () => {},
    })),
  );
  apps.push(app);
  return app;
}

/** What was logged as a warning, from the application's start on. */
function warnings(): () => string[] {
  const lines = hearLog();
  return () => lines.texts('warn');
}

async function publish(app: TestApp, ...eventNames: string[]): Promise<void> {
  await app.api.publishEvents(
    eventNames.map((eventName) => ({
      eventName,
      sourceModule: 'test',
      aggregateType: 'thing',
      aggregateId: '1',
    })),
  );
}

describe('consumers without a live process', () => {
  const look = (app: TestApp) => app.context.get(ConsumerPresence, { strict: false }).run(0);
  const unserved = (days: number) =>
    database.pool.query(
      `UPDATE integration.inbox_cursor SET served_at = clock_timestamp() - $1 * interval '1 day'`,
      [days],
    );
  const hoursUnserved = async () => {
    const { rows } = await database.pool.query<{ name: string; hours: number }>(
      `SELECT consumer_name AS name, extract(epoch FROM clock_timestamp() - served_at)::int / 3600 AS hours
       FROM integration.inbox_cursor ORDER BY 1`,
    );
    return Object.fromEntries(rows.map(({ name, hours }) => [name, hours]));
  };

  it('are reported once orphanAfterDays have passed, and again when they hold back retention no longer', async () => {
    await start(['gone']);
    await apps.pop()?.close();
    const app = await start([]);
    const said = warnings();
    await unserved(6);
    await look(app);
    expect(said()).toEqual([]);
    await unserved(8);
    await look(app);
    await look(app);
    expect(said()).toEqual([
      expect.stringMatching(/"gone" is orphaned.*keeps events from being deleted until/),
    ]);
    await unserved(29);
    await look(app);
    await look(app);
    expect(said()).toHaveLength(2);
    expect(said()[1]).toMatch(/holds events back no longer/);
  });

  it('are told from those that a live process can work on, busy or not', async () => {
    await start(['gone', 'live']);
    await apps.pop()?.close();
    const app = await start(['live']);
    await app.processor.drain();
    await app.consumers.pause('live');
    await unserved(30);
    await look(app);
    expect(await hoursUnserved()).toEqual({ gone: 30 * 24, live: 0 });
  });

  it('are orphaned no more once a process has taken them', async () => {
    await start(['back']);
    await apps.pop()?.close();
    await unserved(30);
    const app = await start(['back']);
    await app.processor.drain();
    expect(await hoursUnserved()).toEqual({ back: 0 });
  });

  it('leave no row of a process behind that has not been seen for a day', async () => {
    const app = await start(['live']);
    await database.pool.query(
      // Each with a cursor: without one it would be forgotten sooner, by a beat.
      `WITH process AS (
         INSERT INTO integration.integration_process (id, role, host, pid, seen_at)
         SELECT gen_random_uuid(), 'all', 'elsewhere', n, clock_timestamp() - n * interval '10 hours' FROM generate_series(1, 4) n
         RETURNING id, pid
       )
       INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, lease_owner)
       SELECT 'of ' || pid, '{thing.done}', '{[1,)}', id FROM process`,
    );
    await look(app);
    const { rows } = await database.pool.query(
      `SELECT pid FROM integration.integration_process WHERE host = 'elsewhere' ORDER BY pid`,
    );
    expect(rows.map(({ pid }) => pid)).toEqual([1, 2]);
  });
});

describe('events that nobody consumes', () => {
  const look = (app: TestApp) =>
    app.context.get(UnroutedEvents, { strict: false }).run(0, new AbortController().signal);
  const known = async () => {
    const db = new EngineDatabase({ connectionString: database.url, schema: 'integration' });
    try {
      return await new UnroutedEventStore(db).listUnrouted(db, 0);
    } finally {
      await db.close();
    }
  };

  it('are not those of this package, which nobody has to ask for', async () => {
    const app = await start(['things'], 'thing.*');
    await publish(app, 'integration.connection.created', 'integrations.made');
    const said = warnings();
    await look(app);
    expect(said()).toEqual([expect.stringContaining('Nobody consumes "integrations.made"')]);
    expect(await known()).toMatchObject([{ eventName: 'integrations.made' }]);
  });

  it('are said with the name that was probably meant', async () => {
    const app = await start(['things'], 'thing.happened');
    await publish(app, 'thing.hapened', 'thing.done');
    const said = warnings();
    await look(app);
    expect(said().sort()).toEqual([
      expect.stringMatching(/^Nobody consumes "thing.done" \(first seen at position 2\)\. Subscribe/),
      expect.stringMatching(/^Nobody consumes "thing.hapened" .*\. Did you mean "thing.happened"\?/),
    ]);
  });

  it('are counted by name and warned about once, whichever process looks', async () => {
    const app = await start(['things'], 'thing.*');
    await publish(app, 'thing.happened', 'nobody.asks', 'nobody.asks', 'nor.this');
    const said = warnings();
    await look(app);
    expect(said().sort()).toEqual([
      expect.stringContaining('Nobody consumes "nobody.asks" (first seen at position 2)'),
      expect.stringContaining('Nobody consumes "nor.this" (first seen at position 4)'),
    ]);
    await publish(app, 'nobody.asks', 'thing.happened');
    const other = await start(['things'], 'thing.*');
    await look(other);
    await look(app);
    expect(said()).toHaveLength(2);
    expect(await known()).toMatchObject([
      { eventName: 'nobody.asks', events: 3, firstPosition: 2 },
      { eventName: 'nor.this', events: 1, firstPosition: 4 },
    ]);
  });

  it('are forgotten once somebody consumes them', async () => {
    const app = await start(['things']);
    await publish(app, 'thing.renamed');
    await look(app);
    expect(await known()).toHaveLength(1);
    const newer = await start(['renames'], 'thing.renamed');
    await look(newer);
    expect(await known()).toEqual([]);
  });

  it('are looked for among the latest, so that a burst costs a bounded time', async () => {
    const app = await start(['things']);
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
       SELECT CASE WHEN n = 60000 THEN 'the.last' ELSE 'the.first' END, 'test', 'thing', '1' FROM generate_series(1, 60000) n`,
    );
    await look(app);
    expect(await known()).toMatchObject([
      { eventName: 'the.first', events: 49_999 },
      { eventName: 'the.last', events: 1 },
    ]);
  });
});

describe('what operating the package has written down', () => {
  const tidyUp = async (app: TestApp) => {
    await database.pool.query(`DELETE FROM integration.integration_maintenance`);
    await app.context.get(OperatingRecords, { strict: false }).run(0, new AbortController().signal);
  };
  const agesOf = async (table: string, time: string, unit: string) => {
    const { rows } = await database.pool.query<{ age: number }>(
      `SELECT round(extract(epoch FROM now() - ${time}) / extract(epoch FROM interval '1 ${unit}'))::int AS age
       FROM integration.${table} ORDER BY 1`,
    );
    return rows.map(({ age }) => age);
  };

  it('is deleted once it was kept long enough: audit 400 days, operations too, plans and keys a day', async () => {
    const app = await start([]);
    const ages = 'unnest(ARRAY[0, 2, 399, 401]) AS age';
    await database.pool.query(`
      INSERT INTO integration.integration_audit (at, actor, via, action, outcome)
        SELECT now() - age * interval '1 day', 'anna', 'code', 'consumer.pause', 'done' FROM ${ages};
      INSERT INTO integration.integration_operation (created_at, kind, state, filter, planned_events, requested_by, via)
        SELECT now() - age * interval '1 day', 'redrive', state, '{}', 1, 'anna', 'code'
        FROM ${ages}, unnest(ARRAY['planned', 'running', 'done']) AS state;
      INSERT INTO integration.integration_idempotency_key (at, actor, key, action, body_hash)
        SELECT now() - age * interval '1 day', 'anna', age::text, 'operation.start', '' FROM ${ages}`);
    await tidyUp(app);
    expect(await agesOf('integration_audit', 'at', 'day')).toEqual([0, 2, 399]);
    expect(await agesOf('integration_idempotency_key', 'at', 'day')).toEqual([0]);
    const { rows } = await database.pool.query(
      `SELECT state, array_agg(round(extract(epoch FROM now() - created_at) / 86400)::int ORDER BY 1) AS ages
       FROM integration.integration_operation GROUP BY state ORDER BY state`,
    );
    expect(rows).toEqual([
      { state: 'done', ages: expect.arrayContaining([0, 2, 399]) },
      { state: 'planned', ages: [0] },
      { state: 'running', ages: expect.arrayContaining([0, 2, 399, 401]) },
    ]);
    expect(rows[0].ages).toHaveLength(3);
  });

  it('keeps samples for a week, and one a minute of those older than an hour', async () => {
    const app = await start([]);
    await database.pool.query(`
      INSERT INTO integration.integration_sample (at, consumer_name, partition, head, backlog, dead)
        SELECT date_trunc('minute', now()) - minutes * interval '1 minute' + seconds * interval '1 second', name, 0, 1, 1, 0
        FROM unnest(ARRAY[10, 50, 70, 71, 600, 11000]) AS minutes, generate_series(0, 50, 10) AS seconds, unnest(ARRAY['a', 'b']) AS name`);
    await tidyUp(app);
    const { rows } = await database.pool.query(
      `SELECT round(extract(epoch FROM date_trunc('minute', now()) - date_trunc('minute', at)) / 60)::int AS minutes, count(*)::int
       FROM integration.integration_sample WHERE consumer_name = 'a' GROUP BY 1 ORDER BY 1`,
    );
    expect(rows.map(({ count }) => count)).toEqual([6, 6, 1, 1, 1]);
    expect(rows.at(-1).minutes).toBeLessThan(700);
    const seconds = await database.pool.query(
      `SELECT DISTINCT extract(second FROM at)::int AS second FROM integration.integration_sample WHERE at < now() - interval '65 minutes'`,
    );
    expect(seconds.rows).toEqual([{ second: 0 }]);
  });

  it('keeps hours and starts for as long as the setting says, and the last start of each version', async () => {
    const app = await start([]);
    await app.settings.set('hourlyRetentionDays', 30);
    await database.pool.query(`
      INSERT INTO integration.integration_hour (consumer_name, at, handled, failed, latency)
        SELECT '', now() - days * interval '1 day', 1, 0, '{}' FROM unnest(ARRAY[29, 31, 61]) AS days;
      INSERT INTO integration.integration_start (minute, version, processes, first_at, host, pid)
        SELECT now() - days * interval '1 day', version, 1, now(), 'h', 1
        FROM (VALUES (29, '1.0.0'), (31, '1.0.0'), (62, '0.9.0'), (61, '0.9.0')) AS s(days, version)`);
    await tidyUp(app);
    expect(await agesOf('integration_hour', 'at', 'day')).toEqual([29]);
    expect((await agesOf('integration_start', 'minute', 'day')).filter((age) => age > 0)).toEqual([29, 61]);
  });

  it('takes one step where there are no samples, and passes over days without them at once', async () => {
    const app = await start([]);
    await database.pool.query(`
      CREATE TABLE step (at timestamptz DEFAULT clock_timestamp());
      CREATE FUNCTION note_step() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.step DEFAULT VALUES; RETURN NULL; END $$;
      CREATE TRIGGER note_step AFTER UPDATE ON integration.integration_maintenance
        FOR EACH ROW WHEN (NEW.task = 'operating-records') EXECUTE FUNCTION public.note_step()`);
    const steps = async () => Number((await database.pool.query('SELECT count(*) FROM step')).rows[0].count);
    try {
      await tidyUp(app);
      expect(await steps()).toBe(1);
      await database.pool.query(`
        INSERT INTO integration.integration_sample (at, consumer_name, partition, head, backlog, dead)
        SELECT now() - days * interval '1 day', 'a', 0, 1, 1, 0 FROM unnest(ARRAY[1, 6]) AS days`);
      await tidyUp(app);
      expect(await steps()).toBeLessThanOrEqual(5);
    } finally {
      await database.pool.query(
        'DROP FUNCTION note_step CASCADE; DROP TABLE step; DELETE FROM integration.integration_sample',
      );
    }
  });
});

describe('maintenance', () => {
  it('does in a round what nobody has done for minutes, and nothing twice', async () => {
    const app = await start(['things']);
    const job = app.context.get(MaintenanceJob, { strict: false });
    const doneAt = async () =>
      (
        await database.pool.query(
          `SELECT task, done_at FROM integration.integration_maintenance ORDER BY task`,
        )
      ).rows;
    await job.runRound();
    const first = await doneAt();
    const [, , , , unrouted] = first;
    expect(first.map(({ task }) => task)).toEqual([
      'consumers',
      'hourly-counts',
      'operating-records',
      'retention',
      'unrouted',
    ]);
    await job.runRound();
    expect(await doneAt()).toEqual(first);
    await database.pool.query(
      `UPDATE integration.integration_maintenance SET done_at = done_at - interval '6 minutes' WHERE task = 'unrouted'`,
    );
    await job.runRound();
    const third = await doneAt();
    expect(third.slice(0, 4)).toEqual(first.slice(0, 4));
    expect(third[4].done_at.getTime()).toBeGreaterThan(unrouted.done_at.getTime() - 60_000);
  });

  it('goes on with the other tasks where one fails, and says which', async () => {
    const app = await start(['things']);
    await database.pool.query('ALTER TABLE integration.unrouted_event RENAME TO elsewhere');
    const job = app.context.get(MaintenanceJob, { strict: false });
    const presence = app.context.get(ConsumerPresence, { strict: false });
    jest.spyOn(presence, 'run').mockRejectedValue(new Error('not this time'));
    await expect(job.runRound()).rejects.toThrow(/^consumers: not this time; unrouted: .*unrouted_event/);
    const { rows } = await database.pool.query(
      'SELECT task FROM integration.integration_maintenance ORDER BY task',
    );
    expect(rows).toEqual([{ task: 'hourly-counts' }, { task: 'operating-records' }, { task: 'retention' }]);
  });

  it('ends a round that is under way when the application closes', async () => {
    const app = await start(['things']);
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, created_at)
       SELECT 'thing.happened', 'test', 'thing', '1', now() - interval '20 days' FROM generate_series(1, 20000) n`,
    );
    await app.processor.drain();
    const round = app.context.get(MaintenanceJob, { strict: false }).runRound();
    await app.close();
    apps.pop();
    await expect(round).resolves.toBeUndefined();
  });
});
