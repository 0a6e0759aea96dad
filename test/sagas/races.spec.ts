import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom, take, toArray } from 'rxjs';
import type { DomainEvent } from '../../src/index.js';
import { Saga, type SagaContext, SagaStart, SagaStep } from '../../src/sagas/index.js';
import { gate } from '../support/gate.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { startProcess, type WorkerProcess } from '../support/worker-process.js';
import { event, published, type SagaApp, startSagaApp, untilSagaSettled } from './saga-app.js';

/** What a handler of a key waits for, and whether it has begun to. */
const held = new Map<string, { entered: ReturnType<typeof gate>; go: ReturnType<typeof gate> }>();
const keyOf = ({ payload }: DomainEvent) => (payload as { key: string }).key;

async function hold(key: string, at: string): Promise<void> {
  const gates = held.get(`${key} ${at}`);
  gates?.entered.open();
  await gates?.go.opened;
}

@Saga({ name: 'race', steps: ['next'] })
class RaceSaga {
  @SagaStart('race.begun', { key: keyOf })
  async begun(_: DomainEvent, saga: SagaContext<string[]>): Promise<void> {
    saga.state = ['begun'];
    await hold(saga.key, 'begun');
  }

  @SagaStep('race.next', { key: keyOf, in: 'started' })
  async next(_: DomainEvent, saga: SagaContext<string[]>): Promise<void> {
    saga.state.push('next');
    saga.become('next');
    await hold(saga.key, 'next');
  }

  @SagaStep('race.more', { key: keyOf, in: 'next' })
  more(_: DomainEvent, saga: SagaContext<string[]>): void {
    saga.state.push('more');
  }
}

describe('two that work on one saga at once', () => {
  let database: TestDatabase;
  let app: SagaApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startSagaApp(database, [RaceSaga]);
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  function holds(key: string, at: string) {
    const gates = { entered: gate(), go: gate() };
    held.set(`${key} ${at}`, gates);
    return gates;
  }
  const happens = (name: string, key: string) =>
    app.api.publishEvent(event(name, `${name} of ${key}`, { key }));
  const stateOf = async (key: string) => (await app.sagas.get('race', key))?.state;
  /** Resolves when somebody waits for a lock of a saga, or the event is in the inbox already. */
  const cameTo = (aggregateId: string) =>
    until(`${aggregateId} came to the saga`, async () => {
      const { rows } = await database.pool.query<{ came: boolean }>(
        `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
           OR EXISTS (SELECT FROM integration.inbox_event WHERE aggregate_id = $1)
           OR EXISTS (SELECT FROM integration.saga_waiting WHERE event->>'aggregateId' = $1) AS came`,
        [aggregateId],
      );
      return rows[0]?.came;
    });

  it('a step waits for the start that runs, and is handled behind it', async () => {
    const { entered, go } = holds('a', 'begun');
    await happens('race.begun', 'a');
    await entered.opened;
    await happens('race.next', 'a');
    await cameTo('race.next of a');
    go.open();
    await untilSagaSettled(database, 'race');
    expect(await stateOf('a')).toEqual(['begun', 'next']);
    // It has not waited in the table: it found the saga when it had the lock.
    expect(await published(database, 'integration.saga.race.again')).toEqual([]);
  });

  it('an event finds the step that was reached while it waited for the lock', async () => {
    const { entered, go } = holds('b', 'next');
    await happens('race.begun', 'b');
    await happens('race.next', 'b');
    await entered.opened;
    await happens('race.more', 'b');
    await cameTo('race.more of b');
    go.open();
    await untilSagaSettled(database, 'race');
    expect(await stateOf('b')).toEqual(['begun', 'next', 'more']);
  });

  it('the end by hand waits for the step that runs, and knows what it did', async () => {
    const { entered, go } = holds('c', 'next');
    await happens('race.begun', 'c');
    await happens('race.next', 'c');
    await entered.opened;
    const ended = app.sagas.end('race', 'c', { outcome: 'completed', by: 'ops', reason: 'it is done' });
    await cameTo('nobody');
    go.open();
    await ended;
    expect(await app.sagas.get('race', 'c')).toMatchObject({
      status: 'completed',
      step: 'next',
      state: ['begun', 'next'],
    });
    expect((await app.sagas.history('race', 'c')).at(-1)).toMatchObject({
      n: 3,
      name: 'end',
      outboxEventId: null,
      reason: 'completed by ops: it is done',
    });
  });

  it('of two starts of one key, one begins the saga', async () => {
    const { entered, go } = holds('d', 'begun');
    await happens('race.begun', 'd');
    await entered.opened;
    await app.api.publishEvent(event('race.begun', 'another', { key: 'd' }));
    await cameTo('another');
    go.open();
    await untilSagaSettled(database, 'race');
    const history = await app.sagas.history('race', 'd');
    expect(history.map(({ reason }) => reason)).toEqual([null, 'the saga has begun already']);
  });
});

describe('sagas whose process is killed again and again', () => {
  const COUNT = 100;
  const KILLS = 4;
  let database: TestDatabase;
  const workers: WorkerProcess<{ ready?: boolean; step?: string }>[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
    await database.pool.query('CREATE TABLE journal (key text, what text, at bigserial)');
  });
  afterAll(async () => {
    for (const worker of workers) worker.kill('SIGKILL');
    await database?.drop();
  });

  function start() {
    const worker = startProcess<{ ready?: boolean; step?: string }>('saga-worker.mjs', {
      DATABASE_URL: database.url,
    });
    workers.push(worker);
    return worker;
  }

  it('do each step once, and none of them is stuck', async () => {
    const keys = Array.from({ length: COUNT }, (_, i) => `w${i}`);
    const first = start();
    await firstValueFrom(first.lines$.pipe(filter((line) => line.ready === true)));
    for (const name of ['walk.whole', 'walk.begun', 'walk.half']) {
      const rows = keys.map((key, i) => ({ ...event(name, `${name}-${i % 7}`, { key }), key }));
      for (const { key, ...row } of rows)
        await database.pool.query(
          `INSERT INTO integration.outbox_event (id, event_name, event_version, source_module, aggregate_type, aggregate_id, payload, payload_bytes, metadata)
           VALUES (gen_random_uuid(), $1, 1, 'test', 'walk', $2, $3, 20, '{}')`,
          [row.eventName, row.aggregateId, JSON.stringify({ key })],
        );
    }
    let worker = first;
    for (let kill = 0; kill < KILLS; kill++) {
      await firstValueFrom(
        worker.lines$.pipe(
          filter((line) => line.step !== undefined),
          take(20 + kill * 10),
          toArray(),
        ),
      );
      worker.kill('SIGKILL');
      await worker.ended;
      worker = start();
    }
    await until('all of them have ended', async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM integration.saga_instance WHERE status = 'completed'`,
      );
      return rows.length === COUNT;
    });
    const { rows: journal } = await database.pool.query<{ key: string; what: string[] }>(
      'SELECT key, array_agg(what ORDER BY at) AS what FROM journal GROUP BY key',
    );
    expect(journal).toHaveLength(COUNT);
    for (const { what } of journal) expect(what).toEqual(['begun', 'half', 'rest', 'whole']);
    const { rows: histories } = await database.pool.query<{ names: string[] }>(
      `SELECT array_agg(name ORDER BY n) AS names FROM integration.saga_step GROUP BY id`,
    );
    for (const { names } of histories)
      expect(names).toEqual(['walk.begun', 'walk.half', 'timeout:rest', 'walk.whole']);
    expect(await published(database, 'walk.told')).toHaveLength(COUNT);
  }, 180_000);
});
