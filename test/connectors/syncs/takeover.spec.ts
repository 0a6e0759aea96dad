import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { ConnectorsEngine } from '../../../src/connectors/connectors-engine.js';
import { isEchoOf } from '../../../src/connectors/index.js';
import { IntegrationError } from '../../../src/index.js';
import { runSync } from '../../../src/testing/run-sync.js';
import { createTestDatabase, type TestDatabase } from '../../support/test-database.js';
import { until } from '../../support/until.js';
import type { ConnectorApp } from '../connector-app.js';
import {
  listed,
  person,
  recordEvents,
  replayed,
  type Source,
  type SyncStage,
  stageOf,
  startSyncApp,
} from './sync-app.js';

let database: TestDatabase;
let app: ConnectorApp;
let stage: SyncStage;
const source: Source = { pages: listed() };

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  app = await startSyncApp(database, source, { checkpoint: z.object({ page: z.number() }) });
  stage = await stageOf(app);
});
afterEach(() => app.close());

const run = () => runSync(app.context, stage.connection, 'people');
const status = () => stage.syncs.status(stage.connection.id, 'people');
/** Whoever takes over the lane of an owner that has lost it may come to the stream later. */
const runToTheEnd = async () => {
  let { status: reached } = await run();
  await until('the run has ended', async () => {
    if (reached === 'running') {
      await app.context.get(ConnectorsEngine, { strict: false }).syncs.runDue();
      reached = (await status()).lastRun?.status ?? reached;
    }
    return reached !== 'running';
  });
  return (await status()).lastRun;
};
const live = async () => {
  const { items } = await stage.syncs.records(stage.connection.id, 'people');
  return items.filter(({ deletedAt }) => deletedAt === null).map(({ externalId }) => externalId);
};
const checkpoint = async () => {
  const { rows } = await database.pool.query<{ checkpoint: unknown }>(
    'SELECT checkpoint FROM integration.sync_stream WHERE connection_id = $1',
    [stage.connection.id],
  );
  return rows[0]?.checkpoint;
};

/** Does something once, before the second page is yielded. */
const beforeSecondPage = (act: () => Promise<unknown>) => {
  const pages = listed([person('a')], [person('b')], [person('c')]);
  let isDone = false;
  source.pages = async function* (context) {
    for await (const page of pages(context)) {
      if (!isDone && page.records.some((record) => (record as { id: string }).id === 'b')) {
        isDone = true;
        await act();
      }
      yield page;
    }
  };
};

/** What is saved each time that an attempt begins: its records, and the checkpoint. */
const atEachBegin = () => {
  const begun: unknown[] = [];
  const { pages } = source;
  source.pages = async function* (context) {
    begun.push([await live(), await checkpoint()]);
    yield* pages(context);
  };
  return begun;
};

/**
 * The owner without its right has saved the first page only, and another attempt goes on behind it. On a busy
 * machine there may be further attempts.
 */
const SAVED_BY_THE_FIRST = [
  [[], null],
  [['a'], { page: 1 }],
];

async function expectTheNextToGoOn(begun: readonly unknown[]): Promise<void> {
  expect(await runToTheEnd()).toMatchObject({ status: 'completed', pages: 3, added: 3 });
  expect(begun.slice(0, 2)).toEqual(SAVED_BY_THE_FIRST);
  expect(await recordEvents(database, stage.connection.id)).toEqual(['created a', 'created b', 'created c']);
}

describe('a page of an owner that has lost its right', () => {
  it('is refused whole if the lease of the lane is another one by then, and the next owner goes on', async () => {
    beforeSecondPage(() =>
      database.pool.query(
        `UPDATE integration.integration_lease SET owner = NULL, token = token + 1, expires_at = clock_timestamp() WHERE name LIKE 'lanes.sync.%'`,
      ),
    );
    const begun = atEachBegin();
    await expectTheNextToGoOn(begun);
  });

  it('is refused whole if another attempt has the stream', async () => {
    beforeSecondPage(() =>
      database.pool.query(
        'UPDATE integration.sync_stream SET owner_token = gen_random_uuid() WHERE connection_id = $1',
        [stage.connection.id],
      ),
    );
    const begun = atEachBegin();
    await expectTheNextToGoOn(begun);
  });

  it('is refused whole if the connection is disabled, and goes on when it is enabled again', async () => {
    const { connections } = app;
    beforeSecondPage(() => connections.forTenant('acme').disable(stage.connection.id));
    expect(await run()).toMatchObject({ status: 'running', pages: 1 });
    expect(await live()).toEqual(['a']);
    await connections.forTenant('acme').enable(stage.connection.id);
    const { ConnectorsEngine } = await import('../../../src/connectors/connectors-engine.js');
    await app.context.get(ConnectorsEngine).syncs.runDue();
    expect((await status()).lastRun).toMatchObject({ status: 'completed', added: 3 });
  });
});

describe('a page whose transaction fails', () => {
  it.each([
    ['records', 'sync_record', 'INSERT', 'true'],
    ['events', 'outbox_event', 'INSERT', "NEW.event_name LIKE 'people.%'"],
    ['counts', 'sync_run', 'UPDATE', 'NEW.pages > OLD.pages'],
    ['checkpoint', 'sync_stream', 'UPDATE', 'NEW.checkpoint IS DISTINCT FROM OLD.checkpoint'],
  ])('at its %s leaves records, events and checkpoint as they were', async (_, table, verb, when) => {
    beforeSecondPage(async () => {
      await database.pool.query(
        `CREATE FUNCTION integration.fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$;
         CREATE TRIGGER fails BEFORE ${verb} ON integration.${table} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION integration.fails()`,
      );
    });
    // What ends the run cannot be saved either, so the stream is put off.
    await run();
    await database.pool.query(
      `DROP TRIGGER fails ON integration.${table}; DROP FUNCTION integration.fails()`,
    );
    expect([await live(), await checkpoint(), await recordEvents(database, stage.connection.id)]).toEqual([
      ['a'],
      { page: 1 },
      ['created a'],
    ]);
    const { runId } = await status();
    if (runId === null) await run();
    else {
      await database.pool.query('UPDATE integration.sync_stream SET next_run_at = now() WHERE run_id = $1', [
        runId,
      ]);
      await database.pool.query(
        `UPDATE integration.outgoing_target SET ready_at = now() WHERE kind = 'sync'`,
      );
      const { ConnectorsEngine } = await import('../../../src/connectors/connectors-engine.js');
      await app.context.get(ConnectorsEngine).syncs.runDue();
    }
    expect(await replayed(database, stage.connection.id)).toEqual({ a: 'a', b: 'b', c: 'c' });
    expect(await recordEvents(database, stage.connection.id)).toHaveLength(3);
  });
});

describe('a limit that is reached', () => {
  it('gives the place back, is no failure, and the run goes on when it is due', async () => {
    beforeSecondPage(async () => {
      throw new IntegrationError('INTEGRATION_RATE_LIMITED', 'not now', { retryAfterMs: 60_000 });
    });
    expect(await run()).toMatchObject({ status: 'running', pages: 1, error: null });
    const waiting = await status();
    expect(waiting).toMatchObject({ failures: 0, status: 'new' });
    expect(Number(waiting.nextRunAt) - Date.now()).toBeGreaterThan(50_000);
  });
});

describe('a process that dies again and again', () => {
  it('is not begun for ever: the run fails, and waits for its next time', async () => {
    source.pages = listed([person('a')]);
    await stage.syncs.status(stage.connection.id, 'people');
    await database.pool.query('UPDATE integration.sync_stream SET starts = 5 WHERE connection_id = $1', [
      stage.connection.id,
    ]);
    expect(await run()).toMatchObject({ status: 'failed', error: { code: 'INTEGRATION_SYNC_CRASHED' } });
    expect(await live()).toEqual([]);
  });
});

describe('an event of a record', () => {
  it('is an echo for its own connection, and for no other of the tenant', async () => {
    source.pages = listed([person('a')]);
    await run();
    const other = await stageOf(app);
    const { rows } = await database.pool.query<{ metadata: Record<string, string>; aggregate_id: string }>(
      `SELECT metadata, aggregate_id FROM integration.outbox_event WHERE event_name = 'people.person.created' AND payload->>'connectionId' = $1`,
      [stage.connection.id],
    );
    const [event] = rows;
    expect(event).toMatchObject({ metadata: { tenantId: 'acme' }, aggregate_id: `${stage.connection.id}/a` });
    expect(isEchoOf({ metadata: event?.metadata ?? {} }, stage.connection)).toBe(true);
    expect(isEchoOf({ metadata: event?.metadata ?? {} }, other.connection)).toBe(false);
  });

  it('goes with its connection: nothing of the stream stays', async () => {
    source.pages = listed([person('a'), { id: 'b' }]);
    await run();
    await app.connections.forTenant('acme').remove(stage.connection.id);
    for (const table of ['sync_stream', 'sync_run', 'sync_record', 'sync_problem']) {
      const { rows } = await database.pool.query(
        `SELECT 1 FROM integration.${table} t WHERE t::text LIKE $1`,
        [`%${stage.connection.id}%`],
      );
      expect(rows).toEqual([]);
    }
    const { rows: left } = await database.pool.query(
      'SELECT 1 FROM integration.sync_record r WHERE NOT EXISTS (SELECT FROM integration.sync_stream s WHERE s.id = r.stream_id)',
    );
    expect(left).toEqual([]);
  });
});
