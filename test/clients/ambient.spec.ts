import { AsyncLocalStorage } from 'node:async_hooks';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import {
  addTransactionalDataSource,
  deleteDataSourceByName,
  initializeTransactionalContext,
  runInTransaction,
  StorageDriver,
} from 'typeorm-transactional';
import { typeOrmAmbient } from '../../src/clients/typeorm.js';
import type { DomainEventInput, IntegrationModuleOptions } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { emptyTables } from '../support/empty-tables.js';
import { gate } from '../support/gate.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { openKysely } from './kysely.js';
import type { TriedLibrary } from './tried-library.js';
import { openTypeOrm } from './typeorm.js';

const FAILURE = new Error('on purpose');
const CLS_APPLICATION = join(import.meta.dirname, '../support/processes/cls-ambient.mjs');

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query('CREATE TABLE note (text text)');
});
afterEach(() => emptyTables(database.pool, 'integration.outbox_event', 'note'));
afterAll(() => database?.drop());

const event = (aggregateId: string): DomainEventInput => ({
  eventName: 'thing.changed',
  sourceModule: 'clients',
  aggregateType: 'thing',
  aggregateId,
});

async function published(): Promise<string[]> {
  const { rows } = await database.pool.query<{ id: string }>(
    'SELECT aggregate_id AS id FROM integration.outbox_event ORDER BY aggregate_id',
  );
  return rows.map(({ id }) => id);
}

async function notes(): Promise<string[]> {
  const { rows } = await database.pool.query<{ text: string }>('SELECT text FROM note ORDER BY text');
  return rows.map(({ text }) => text);
}

const forgotten = (message: string) => ({
  code: 'INTEGRATION_TRANSACTION_FORGOTTEN',
  message: expect.stringContaining(message),
});

describe('a transaction that typeorm-transactional keeps around the calling code', () => {
  const connectionName = 'tried';
  let library: TriedLibrary;
  let dataSource: DataSource;
  let app: TestApp;

  beforeAll(() => {
    initializeTransactionalContext({ storageDriver: StorageDriver.ASYNC_LOCAL_STORAGE });
  });
  beforeEach(async () => {
    library = await openTypeOrm(database.url, 12);
    dataSource = library.root as DataSource;
    addTransactionalDataSource({ name: connectionName, dataSource });
  });
  afterEach(async () => {
    await app.close();
    deleteDataSourceByName(connectionName);
    await library.close();
  });

  async function start(ambientPublishing: IntegrationModuleOptions['ambientPublishing']): Promise<void> {
    const ambient = typeOrmAmbient(dataSource);
    app = await startApp(database, [], { client: library.adapter, ambient, ambientPublishing });
  }
  const run = <R>(fn: () => Promise<R>) => runInTransaction(fn, { connectionName });
  const publish = (id: string, options = {}) => app.api.publishEvent(event(id), options);
  const write = (text: string) => dataSource.query('INSERT INTO note (text) VALUES ($1)', [text]);

  it('is a guard: a publish that forgets it is refused, one that names it or means to stay outside is not', async () => {
    await start('refuse');
    await run(async () => {
      await expect(publish('forgotten')).rejects.toMatchObject(forgotten("ambientPublishing: 'join'"));
      await publish('named', { persistenceClient: dataSource.manager });
      await publish('outside', { outsideTransaction: true });
    });
    await publish('absent');
    expect(await published()).toEqual(['absent', 'named', 'outside']);
  });

  it('is joined where the option says so: the event comes and goes with it', async () => {
    await start('join');
    await run(async () => {
      await write('kept');
      await run(() => publish('kept'));
    });
    const rolledBack = run(async () => {
      await write('gone');
      await publish('gone');
      throw FAILURE;
    });
    await expect(rolledBack).rejects.toThrow(FAILURE.message);
    await publish('absent');
    expect(await published()).toEqual(['absent', 'kept']);
    expect(await notes()).toEqual(['kept']);
  });

  it('keeps ten transactions side by side apart: each event goes the way of its own', async () => {
    await start('join');
    const ids = Array.from({ length: 10 }, (_, i) => `t${i}`);
    const runs = ids.map((id, i) =>
      run(async () => {
        await write(id);
        await publish(id);
        if (i % 2 === 1) throw FAILURE;
      }),
    );
    await Promise.allSettled(runs);
    expect(await published()).toEqual(['t0', 't2', 't4', 't6', 't8']);
    expect(await notes()).toEqual(['t0', 't2', 't4', 't6', 't8']);
  });

  it('is forgotten by the library when it ends: work that was left behind is outside of it', async () => {
    await start('refuse');
    const ended = gate();
    let leftBehind: Promise<unknown> = Promise.resolve();
    await run(async () => {
      leftBehind = ended.opened.then(() => publish('late'));
    });
    ended.open();
    await leftBehind;
    expect(await published()).toEqual(['late']);
  });
});

describe.each(['TypeORM', 'Kysely'])('@nestjs-cls/transactional on %s', (library) => {
  it('guards, joins, keeps ten transactions apart, and refuses what a method left behind', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [CLS_APPLICATION, library], {
      env: { ...process.env, DATABASE_URL: database.url },
    });
    const FORGOTTEN = 'INTEGRATION_TRANSACTION_FORGOTTEN: Publishing without persistenceClient';
    const inside = expect.stringContaining(`${FORGOTTEN} inside an ambient transaction`);
    const hasEnded = expect.stringContaining(`${FORGOTTEN} after the ambient transaction has ended`);
    expect(JSON.parse(stdout)).toEqual({
      forgotten: inside,
      // The library forgets the transaction when it ends, except where a method took part in it.
      leftBehind: 'done',
      leftBehindInMethod: hasEnded,
      joinedInMethod: hasEnded,
      sideBySide: Array.from({ length: 10 }, (_, i) => (i % 2 === 1 ? FAILURE.message : 'done')),
    });
    const kept = ['t0', 't2', 't4', 't6', 't8'];
    expect(await published()).toEqual(['absent', 'late', 'named', 'outside', ...kept]);
    expect(await notes()).toEqual(kept);
  });
});

describe('work that was left behind, where the current transaction is kept for it', () => {
  it.each(['refuse', 'join'] as const)('is refused (%s)', async (ambientPublishing) => {
    const storage = new AsyncLocalStorage<object>();
    const library = await openKysely(database.url);
    const options = { ambient: () => storage.getStore(), ambientPublishing };
    const app = await startApp(database, [], { client: library.adapter, ...options });
    const ended = gate();
    let leftBehind: Promise<unknown> = Promise.resolve();
    await library.transaction((tx) =>
      storage.run(tx, async () => {
        leftBehind = ended.opened.then(() => app.api.publishEvent(event('late')));
      }),
    );
    ended.open();
    await expect(leftBehind).rejects.toMatchObject(forgotten('has ended'));
    expect(await published()).toEqual([]);
    await app.close();
    await library.close();
  });
});

it('says nothing without the option, and refuses a way of publishing without it', async () => {
  await expect(startApp(database, [], { ambientPublishing: 'join' })).rejects.toMatchObject({
    message: expect.stringContaining('ambientPublishing has no effect without ambient'),
  });
});
