import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { runSync } from '../../../src/testing/run-sync.js';
import { createTestDatabase, type TestDatabase } from '../../support/test-database.js';
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

const run = (kind?: 'full' | 'delta' | 'backfill') =>
  runSync(app.context, stage.connection, 'people', kind === undefined ? {} : { kind });
const people = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => person(`p${String(from + i).padStart(4, '0')}`));
const live = async () => {
  const { items } = await stage.syncs.records(stage.connection.id, 'people', { limit: 1_000 });
  return items.filter(({ deletedAt }) => deletedAt === null).map(({ externalId }) => externalId);
};
const events = () => recordEvents(database, stage.connection.id);

describe('a full sync with sweep', () => {
  beforeEach(async () => {
    app = await startSyncApp(database, source);
    stage = await stageOf(app);
  });
  afterEach(() => app.close());

  it('publishes what is new, changed and gone, and nothing of what is the same', async () => {
    source.pages = listed([person('a'), person('b')], [person('c')]);
    expect(await run()).toMatchObject({ status: 'completed', kind: 'full', pages: 2, added: 3 });
    source.pages = listed([person('a'), person('b', 'Bea')]);
    expect(await run()).toMatchObject({ status: 'completed', updated: 1, unchanged: 1, deleted: 1 });
    source.pages = listed([person('a'), person('b', 'Bea'), person('c')]);
    await run();
    expect(await events()).toEqual([
      'created a',
      'created b',
      'created c',
      'updated b',
      'deleted c',
      'created c',
    ]);
    expect(await replayed(database, stage.connection.id)).toEqual({ a: 'a', b: 'Bea', c: 'c' });
  });

  it('goes on at its page after a failure, deletes nothing then, and sweeps only what no part has seen', async () => {
    source.pages = listed(people(2), people(2, 2), [person('gone')]);
    await run();
    const pages = listed(people(2), people(2, 2));
    source.pages = async function* (context) {
      for await (const page of pages(context)) {
        yield page;
        throw new Error('the other system is down');
      }
    };
    const failed = await run();
    expect(failed).toMatchObject({ status: 'failed', pages: 1, deleted: 0 });
    expect(await live()).toHaveLength(5);
    const asked: unknown[] = [];
    source.pages = async function* (context) {
      asked.push(context.checkpoint);
      yield* pages(context);
    };
    // The second part sees the second page only: the first one was seen by the part that failed.
    expect(await run()).toMatchObject({ status: 'completed', pages: 1, deleted: 1 });
    expect(asked).toEqual([{ page: 1 }]);
    expect(await live()).toEqual(['p0000', 'p0001', 'p0002', 'p0003']);
  });

  it('asks a person before it deletes much, and deletes it when that is confirmed', async () => {
    source.pages = listed(people(40));
    await run();
    source.pages = listed(people(20));
    expect(await run()).toMatchObject({
      status: 'suspicious',
      deleted: 0,
      error: { code: 'INTEGRATION_SYNC_DELETIONS_SUSPICIOUS' },
    });
    expect(await live()).toHaveLength(40);
    await stage.syncs.confirmDeletions(stage.connection.id, 'people');
    await app.context
      .get((await import('../../../src/connectors/connectors-engine.js')).ConnectorsEngine)
      .syncs.runDue();
    expect(await live()).toHaveLength(20);
    await expect(stage.syncs.confirmDeletions(stage.connection.id, 'people')).rejects.toMatchObject({
      code: 'INTEGRATION_SYNC_STATE',
    });
  });

  it('asks also for few records, if the source is empty, and heals by itself', async () => {
    source.pages = listed(people(3));
    await run();
    source.pages = listed([]);
    expect(await run()).toMatchObject({ status: 'suspicious' });
    source.pages = async function* () {};
    expect(await run()).toMatchObject({ status: 'suspicious' });
    expect(await live()).toHaveLength(3);
    source.pages = listed(people(3));
    expect(await run()).toMatchObject({ status: 'completed', unchanged: 3, deleted: 0 });
    expect((await stage.syncs.status(stage.connection.id, 'people')).status).toBe('ok');
  });

  it.each([
    ['no id', [{ name: 'x' }], 'no id'],
    ['two equal ids', [person('a'), person('a')], 'same id'],
    ['no list', 'x' as unknown as unknown[], 'no list'],
  ])('refuses a page with %s, and saves nothing of it', async (_, records, words) => {
    source.pages = async function* () {
      yield { records: [person('good')] };
      yield { records };
    };
    const failed = await run();
    expect(failed).toMatchObject({ status: 'failed', pages: 1, error: { code: 'INTEGRATION_SYNC_PAGE' } });
    expect(failed.error?.message).toContain(words);
    expect(await live()).toEqual(['good']);
  });

  it('sets aside what does not fit, keeps its record, and heals', async () => {
    source.pages = listed([person('a'), person('b')]);
    await run();
    source.pages = listed([person('a'), { id: 'b', name: 7 }]);
    expect(await run()).toMatchObject({ status: 'completed', problems: 1, deleted: 0 });
    expect(await live()).toEqual(['a', 'b']);
    const { items } = await stage.syncs.problems(stage.connection.id, 'people');
    expect(items).toMatchObject([{ externalId: 'b', path: 'person.name' }]);
    source.pages = listed([person('a'), person('b')]);
    await run();
    expect((await stage.syncs.problems(stage.connection.id, 'people')).items).toEqual([]);
  });

  it('fails if too many do not fit, and saves nothing of that page', async () => {
    source.pages = listed(
      [person('a')],
      people(11).map(({ id }) => ({ id, name: 1 })),
    );
    expect(await run()).toMatchObject({
      status: 'failed',
      pages: 1,
      error: { code: 'INTEGRATION_SYNC_MAPPING' },
    });
    expect((await stage.syncs.problems(stage.connection.id, 'people')).items).toEqual([]);
  });

  it('shows a tenant nothing of another', async () => {
    source.pages = listed([person('a')]);
    await run();
    const other = await stageOf(app, 'other');
    for (const look of [
      'status',
      'runs',
      'records',
      'problems',
      'start',
      'pause',
      'reset',
      'cancel',
    ] as const)
      await expect(other.syncs[look](stage.connection.id, 'people')).rejects.toMatchObject({
        code: 'INTEGRATION_CONNECTION_UNKNOWN',
      });
    await expect(other.syncs.upsert(stage.connection.id, 'people', person('x'))).rejects.toMatchObject({
      code: 'INTEGRATION_CONNECTION_UNKNOWN',
    });
  });
});

describe('what a person does in a page', () => {
  beforeEach(async () => {
    app = await startSyncApp(database, source);
    stage = await stageOf(app);
  });
  afterEach(() => app.close());

  /** Does something while the second page is under way. */
  const within = (act: () => Promise<unknown>) => {
    const pages = listed([person('a')], [person('b')], [person('c')]);
    let number = 0;
    source.pages = async function* (context) {
      for await (const page of pages(context)) {
        if (++number === 2) await act();
        yield page;
      }
    };
  };

  it('saves the page of a run that is paused, and goes on behind it', async () => {
    within(() => stage.syncs.pause(stage.connection.id, 'people'));
    expect(await run()).toMatchObject({ status: 'running', pages: 2 });
    await expect(run()).rejects.toMatchObject({ code: 'INTEGRATION_SYNC_STATE' });
    await stage.syncs.resume(stage.connection.id, 'people');
    await app.context
      .get((await import('../../../src/connectors/connectors-engine.js')).ConnectorsEngine)
      .syncs.runDue();
    const { lastRun } = await stage.syncs.status(stage.connection.id, 'people');
    expect(lastRun).toMatchObject({ status: 'completed', pages: 3, added: 3 });
  });

  it('saves nothing of a run that was cancelled or reset, and starts no second one beside it', async () => {
    within(async () => {
      await expect(stage.syncs.start(stage.connection.id, 'people')).rejects.toMatchObject({
        code: 'INTEGRATION_SYNC_RUNNING',
      });
      await stage.syncs.cancel(stage.connection.id, 'people');
    });
    expect(await run()).toMatchObject({ status: 'canceled', pages: 1 });
    expect(await live()).toEqual(['a']);
    within(() => stage.syncs.reset(stage.connection.id, 'people'));
    expect(await run()).toMatchObject({ status: 'canceled', pages: 1 });
    source.pages = listed([person('a')]);
    expect(await run()).toMatchObject({ status: 'completed', unchanged: 1 });
  });
});

describe('a webhook beside a page', () => {
  beforeEach(async () => {
    app = await startSyncApp(database, source, { changedAt: 'at' });
    stage = await stageOf(app);
  });
  afterEach(() => app.close());

  const told = (record: unknown) => stage.syncs.upsert(stage.connection.id, 'people', record);
  const removed = (id: string, at?: Date) => stage.syncs.remove(stage.connection.id, 'people', id, at);

  it('wins over a page that was asked for before, with and without a record', async () => {
    source.pages = listed([person('a'), person('b')]);
    await run();
    source.pages = async function* () {
      expect(await removed('a')).toBe('deleted');
      expect(await removed('new')).toBe('unchanged');
      expect(await told(person('b', 'Bea'))).toBe('updated');
      yield { records: [person('a'), person('b'), person('new')] };
    };
    await run();
    expect(await replayed(database, stage.connection.id)).toEqual({ b: 'Bea' });
    expect(await live()).toEqual(['b']);
  });

  it('is never swept, if it comes while a full run is under way', async () => {
    source.pages = listed([person('a'), person('b')]);
    await run();
    source.pages = async function* () {
      yield { records: [person('a')] };
      await told(person('late'));
      await told(person('b'));
    };
    expect(await run()).toMatchObject({ deleted: 0 });
    expect(await live()).toEqual(['a', 'b', 'late']);
  });

  it('never overwrites a newer state with an older one, in either order', async () => {
    await told(person('a', 'new', '2026-02-01T00:00:00Z'));
    source.pages = listed([person('a', 'old', '2026-01-01T00:00:00Z')]);
    await run();
    expect(await told(person('a', 'old', '2026-01-01T00:00:00Z'))).toBe('older');
    expect(await removed('a', new Date('2026-01-15T00:00:00Z'))).toBe('older');
    expect(await replayed(database, stage.connection.id)).toEqual({ a: 'new' });
    source.pages = async function* () {
      await told(person('a', 'told', '2026-02-02T00:00:00Z'));
      yield { records: [person('a', 'newest', '2026-03-01T00:00:00Z')] };
    };
    await run();
    expect(await replayed(database, stage.connection.id)).toEqual({ a: 'newest' });
  });
});

describe('a sync that keeps only hashes', () => {
  it('has nothing of the other system in any table', async () => {
    app = await startSyncApp(database, source, { records: 'hash', events: 'thin' });
    stage = await stageOf(app);
    try {
      source.pages = listed([person('a', 'ZEBRA-PAYLOAD'), { id: 'b', name: { zebra: 'ZEBRA-PAYLOAD' } }]);
      await run();
      source.pages = async function* () {
        yield { records: [person('c', 'ZEBRA-PAYLOAD')] };
        throw new Error('ZEBRA-PAYLOAD');
      };
      await run();
      await stage.syncs.upsert(stage.connection.id, 'people', person('d', 'ZEBRA-PAYLOAD'));
      const { rows: tables } = await database.pool.query<{ name: string }>(
        `SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'integration' AND table_type = 'BASE TABLE'`,
      );
      for (const { name } of tables) {
        const { rows } = await database.pool.query<{ count: string }>(
          `SELECT count(*)::text AS count FROM integration.${name} t WHERE t::text LIKE '%ZEBRA%'`,
        );
        expect(`${name}: ${rows[0]?.count}`).toBe(`${name}: 0`);
      }
      expect(await live()).toEqual(['a', 'c', 'd']);
    } finally {
      await app.close();
    }
  });
});

describe('a run that takes its time', () => {
  beforeEach(async () => {
    app = await startSyncApp(database, source, { maxRunMs: 1_000 });
    stage = await stageOf(app);
  });
  afterEach(() => app.close());

  const hangs = (signal: AbortSignal) =>
    new Promise<never>((_, reject) =>
      signal.addEventListener('abort', () => reject(signal.reason), { once: true }),
    );

  it('has stalled after two times without a checkpoint that moves', async () => {
    source.pages = async function* ({ signal }) {
      yield { records: [person('a')] };
      await hangs(signal);
    };
    expect(await run()).toMatchObject({
      status: 'stalled',
      error: { code: 'INTEGRATION_SYNC_STALLED' },
      deleted: 0,
    });
    expect((await stage.syncs.status(stage.connection.id, 'people')).status).toBe('stalled');
  });

  it('goes on if the checkpoint has moved', async () => {
    const pages = listed([person('a')], [person('b')], [person('c')]);
    source.pages = async function* (context) {
      let isFirst = true;
      for await (const page of pages(context)) {
        if (!isFirst) await hangs(context.signal);
        isFirst = false;
        yield page;
      }
    };
    expect(await run()).toMatchObject({ status: 'completed', pages: 3, added: 3 });
  });
});
