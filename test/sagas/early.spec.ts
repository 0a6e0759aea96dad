import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DomainEvent } from '../../src/index.js';
import { Saga, type SagaContext, SagaStart, SagaStep } from '../../src/sagas/index.js';
import { inboxRows } from '../support/inbox-rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { event, published, type SagaApp, startSagaApp, untilSagaSettled } from './saga-app.js';

/** Events of other aggregates name the trip in their payload. */
const tripOf = ({ aggregateId, payload }: DomainEvent) => {
  const { trip = aggregateId } = payload as { trip?: string | null };
  return trip ?? undefined;
};

@Saga({ name: 'trip', steps: ['booked', 'flown'], partitions: 2 })
class TripSaga {
  @SagaStart('trip.planned', { key: tripOf })
  planned(_: DomainEvent, saga: SagaContext<string[]>): void {
    saga.state = ['planned'];
  }

  @SagaStep('trip.booked', { key: tripOf, in: 'started' })
  booked(_: DomainEvent, saga: SagaContext<string[]>): void {
    saga.state.push('booked');
    saga.become('booked');
  }

  @SagaStep('trip.flown', { key: tripOf, in: 'booked', waitMs: 3_600_000 })
  flown({ payload }: DomainEvent, saga: SagaContext<string[]>): void {
    saga.state.push(`flown ${JSON.stringify(payload)}`);
    saga.become('flown');
  }

  @SagaStep('trip.liked', { key: tripOf, in: 'flown', waitMs: 1 })
  liked(_: DomainEvent, saga: SagaContext<string[]>): void {
    saga.state.push('liked');
  }

  @SagaStep('trip.looked', { key: tripOf, in: 'flown', otherwise: 'skip' })
  looked(): void {}

  @SagaStep('trip.praised', { key: tripOf, in: 'flown', otherwise: 'dead' })
  praised(): void {}

  @SagaStep('trip.noticed', { key: tripOf })
  noticed(_: DomainEvent, saga: SagaContext<string[]>): void {
    saga.state.push('noticed');
  }

  @SagaStep('trip.over', { key: tripOf })
  over(_: DomainEvent, saga: SagaContext<string[]>): void {
    saga.complete();
  }
}

describe('an event that comes too early', () => {
  let database: TestDatabase;
  let app: SagaApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startSagaApp(database, [TripSaga]);
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  const stateOf = async (key: string) => (await app.sagas.get('trip', key))?.state;
  const deadLetters = async (aggregateId: string) =>
    (await inboxRows(database, 'saga.trip')).filter(
      (row) => row.status === 'dead_letter' && row.aggregateId === aggregateId,
    );

  it('waits for its saga and for its step, in one aggregate', async () => {
    await app.api.publishEvents([
      event('trip.flown', 'one', { seat: 7 }),
      event('trip.booked', 'one'),
      event('trip.planned', 'one'),
    ]);
    await untilSagaSettled(database, 'trip');
    expect(await stateOf('one')).toEqual(['planned', 'booked', 'flown {"seat":7}']);
    expect((await app.sagas.get('trip', 'one'))?.waiting).toEqual([]);
    const [again] = await published(database, 'integration.saga.trip.again');
    expect(again).toMatchObject({ aggregateId: 'one', payload: { key: 'one' } });
  });

  it('waits in other aggregates, which other partitions handle', async () => {
    const others = Array.from({ length: 8 }, (_, i) => `two-${i}`);
    await app.api.publishEvents(others.map((id) => event('trip.flown', id, { trip: `t-${id}` })));
    await untilSagaSettled(database, 'trip');
    const [id] = others as [string];
    expect((await app.sagas.get('trip', `t-${id}`))?.waiting).toBeUndefined();
    await app.api.publishEvents(
      others.map((each) => event('trip.booked', `booking-${each}`, { trip: `t-${each}` })),
    );
    await app.api.publishEvents(others.map((each) => event('trip.planned', `t-${each}`)));
    await untilSagaSettled(database, 'trip');
    for (const each of others)
      expect(await stateOf(`t-${each}`)).toEqual(['planned', 'booked', `flown {"trip":"t-${each}"}`]);
  });

  it('is handled once, also where an admin sends it again while it waits', async () => {
    // What is released comes later than what the admin sends.
    await database.pool.query(
      `CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.available_at := clock_timestamp() + interval '1 second'; RETURN NEW; END $$;
       CREATE TRIGGER later BEFORE INSERT ON integration.outbox_event FOR EACH ROW WHEN (NEW.event_name = 'integration.saga.trip.again')
         EXECUTE FUNCTION later()`,
    );
    await app.api.publishEvents([event('trip.noticed', 'again')]);
    await untilSagaSettled(database, 'trip');
    const { rows } = await database.pool.query<{ position: number }>(
      `SELECT position::int FROM integration.saga_waiting WHERE key = 'again'`,
    );
    const from = rows[0]?.position ?? 0;
    await app.api.publishEvents([event('trip.planned', 'again')]);
    await until('the saga', async () => (await app.sagas.get('trip', 'again')) !== undefined);
    await app.consumers.replayAtOnce('saga.trip', { from, to: from });
    await until('the event is handled', async () => ((await stateOf('again')) as string[]).length > 1);
    await until('it waits no more', async () => (await app.sagas.get('trip', 'again'))?.waiting.length === 0);
    await untilSagaSettled(database, 'trip');
    expect(await stateOf('again')).toEqual(['planned', 'noticed']);
    await database.pool.query('DROP TRIGGER later ON integration.outbox_event');
  });

  it('is a dead letter when it has waited for too long, and is handled all the same when its step comes', async () => {
    await app.api.publishEvents([event('trip.planned', 'three'), event('trip.liked', 'three')]);
    const [dead] = await until('the dead letter', async () => {
      const rows = await deadLetters('three');
      return rows.length > 0 && rows;
    });
    expect(dead?.error).toContain('trip.liked');
    expect(dead?.error).toContain('to be in "flown". It is in "started"');
    expect((await app.sagas.get('trip', 'three'))?.waiting).toMatchObject([
      { eventName: 'trip.liked', wanted: ['flown'], releasedAt: null },
    ]);
    await app.api.publishEvents([event('trip.booked', 'three'), event('trip.flown', 'three')]);
    await until('the event', async () => ((await stateOf('three')) as string[]).includes('liked'));
    // The dead letter is sent again, and has nothing to do any more.
    expect(await app.sagas.retry('trip', 'three', { by: 'ops' })).toBe(1);
    await untilSagaSettled(database, 'trip');
    expect(await deadLetters('three')).toEqual([]);
  });

  it('is skipped in the history, or a dead letter at once, where the step says so', async () => {
    await app.api.publishEvents([
      event('trip.looked', 'none'),
      event('trip.planned', 'four'),
      event('trip.looked', 'four'),
      event('trip.praised', 'four'),
      event('trip.planned', 'four'),
    ]);
    await untilSagaSettled(database, 'trip');
    const rows = await inboxRows(database, 'saga.trip');
    expect(rows.filter(({ aggregateId }) => aggregateId === 'none').map(({ status }) => status)).toEqual([
      'skipped',
    ]);
    const history = await app.sagas.history('trip', 'four');
    expect(history.map(({ name, reason }) => [name, reason])).toEqual([
      ['trip.planned', null],
      ['trip.looked', 'the saga is in the step "started"'],
      ['trip.planned', 'the saga has begun already'],
    ]);
    const [dead] = await deadLetters('four');
    expect(dead?.error).toContain('trip.praised cannot be handled by saga "trip" "four"');
  });

  it('stands in the history when the saga ends before its step', async () => {
    await app.api.publishEvents([
      event('trip.planned', 'five'),
      event('trip.flown', 'five'),
      event('trip.over', 'five'),
    ]);
    await untilSagaSettled(database, 'trip');
    const saga = await app.sagas.get('trip', 'five');
    expect(saga).toMatchObject({ status: 'completed', steps: 3, waiting: [] });
    const history = await app.sagas.history('trip', 'five');
    expect(history.map(({ n, name, reason }) => [n, name, reason])).toEqual([
      [1, 'trip.planned', null],
      [2, 'trip.over', null],
      [3, 'trip.flown', 'the saga has ended'],
    ]);
  });

  it('is settled and not kept where the key function says that it is for no saga', async () => {
    await app.api.publishEvents([
      event('trip.planned', 'six', { trip: null }),
      event('trip.flown', 'six', { trip: null }),
    ]);
    await untilSagaSettled(database, 'trip');
    expect(await app.sagas.get('trip', 'six')).toBeUndefined();
    const { rows } = await database.pool.query(`SELECT FROM integration.saga_waiting WHERE key = 'six'`);
    expect(rows).toEqual([]);
    expect((await inboxRows(database, 'saga.trip')).filter((row) => row.aggregateId === 'six')).toEqual([]);
  });
});
