import { AsyncLocalStorage } from 'node:async_hooks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { clsAmbient } from '../../src/clients/cls.js';
import type { DomainEventInput, IntegrationModuleOptions } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { openKysely } from './kysely.js';
import type { OpenLibrary, TriedLibrary } from './tried-library.js';
import { openTypeOrm } from './typeorm.js';

/** A library that keeps the current transaction around the calling code, as @nestjs-cls/transactional does. */
class AmbientTransactions {
  private readonly storage = new AsyncLocalStorage<object>();

  constructor(private readonly library: TriedLibrary) {}

  readonly host = ((storage) => ({
    get tx() {
      return storage.getStore();
    },
    isTransactionActive: () => storage.getStore() !== undefined,
  }))(this.storage);

  run<R>(fn: () => Promise<R>): Promise<R> {
    return this.library.transaction((tx) => this.storage.run(tx, fn));
  }
}

const LIBRARIES: readonly [string, OpenLibrary][] = [
  ['TypeORM', openTypeOrm],
  ['Kysely', openKysely],
];

const event = (aggregateId: string): DomainEventInput => ({
  eventName: 'thing.changed',
  sourceModule: 'clients',
  aggregateType: 'thing',
  aggregateId,
});

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

describe.each(LIBRARIES)('a transaction that %s keeps around the calling code', (_, open) => {
  let library: TriedLibrary;
  let ambient: AmbientTransactions;
  let app: TestApp;

  async function start(options: IntegrationModuleOptions = {}): Promise<void> {
    library = await open(database.url, 12);
    ambient = new AmbientTransactions(library);
    await database.pool.query('CREATE TABLE IF NOT EXISTS note (text text)');
    app = await startApp(database, [], {
      client: library.adapter,
      ambient: clsAmbient(ambient.host),
      ...options,
    });
  }
  afterEach(async () => {
    await app.close();
    await library.close();
    await database.pool.query('TRUNCATE integration.outbox_event, note');
  });

  const publish = (id: string, options = {}) => app.api.publishEvent(event(id), options);
  const write = (text: string) =>
    library.adapter.query(ambient.host.tx, 'INSERT INTO note (text) VALUES ($1)', [text]);
  const published = async (): Promise<string[]> => {
    const { rows } = await database.pool.query<{ id: string }>(
      'SELECT aggregate_id AS id FROM integration.outbox_event ORDER BY aggregate_id',
    );
    return rows.map(({ id }) => id);
  };

  it('is a guard: a publish that forgets it is refused, one that names it or means to stay outside is not', async () => {
    await start();
    await ambient.run(async () => {
      await expect(publish('forgotten')).rejects.toMatchObject({
        code: 'INTEGRATION_TRANSACTION_FORGOTTEN',
        message: expect.stringContaining("ambientPublishing: 'join'"),
      });
      await publish('named', { persistenceClient: ambient.host.tx });
      await publish('outside', { outsideTransaction: true });
    });
    await publish('absent');
    expect(await published()).toEqual(['absent', 'named', 'outside']);
  });

  it('is joined where the option says so: the event comes and goes with it', async () => {
    await start({ ambientPublishing: 'join' });
    await ambient.run(async () => {
      await write('kept');
      await publish('kept');
    });
    const rolledBack = ambient.run(async () => {
      await write('gone');
      await publish('gone');
      throw new Error('on purpose');
    });
    await expect(rolledBack).rejects.toThrow('on purpose');
    expect(await published()).toEqual(['kept']);
    expect((await database.pool.query('SELECT text FROM note')).rows).toEqual([{ text: 'kept' }]);
  });

  it('keeps ten transactions side by side apart: each event goes the way of its own', async () => {
    await start({ ambientPublishing: 'join' });
    const ids = Array.from({ length: 10 }, (_, i) => `t${i}`);
    const runs = ids.map((id, i) =>
      ambient.run(async () => {
        await write(id);
        await publish(id);
        if (i % 2 === 1) throw new Error('on purpose');
      }),
    );
    await Promise.allSettled(runs);
    expect(await published()).toEqual(['t0', 't2', 't4', 't6', 't8']);
  });

  it.each(['refuse', 'join'] as const)(
    'refuses work that was left behind after it has ended (%s)',
    async (ambientPublishing) => {
      await start({ ambientPublishing });
      let leftBehind: Promise<unknown> = Promise.resolve();
      let goOn = () => {};
      const ended = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      await ambient.run(async () => {
        await write('done');
        leftBehind = ended.then(() => publish('late'));
      });
      goOn();
      await expect(leftBehind).rejects.toMatchObject({
        code: 'INTEGRATION_TRANSACTION_FORGOTTEN',
        message: expect.stringContaining('has ended'),
      });
      expect(await published()).toEqual([]);
    },
  );
});

it('says nothing without the option, and refuses a way of publishing without it', async () => {
  await expect(startApp(database, [], { ambientPublishing: 'join' })).rejects.toMatchObject({
    message: expect.stringContaining('ambientPublishing says nothing without ambient'),
  });
});
