import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { NonRetryableError, type OperationFilter, OperationService } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { inboxRows } from '../support/inbox-rows.js';
import { changedBy } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let app: TestApp;

const EVENTS = [
  ['order.placed', 'order', 'a'],
  ['order.placed', 'order', 'b'],
  ['invoice.paid', 'invoice', 'b'],
  ['order.shipped', 'order', 'a'],
  ['order.shipped', 'order', 'b'],
  ['order.placed', 'order', 'c'],
] as const;
const LAST = new Date('2026-11-20T10:00:00Z').getTime();
/** An event is written one minute after the one before. */
const timeOf = (position: number) => new Date(LAST - (EVENTS.length - position) * 60_000);

beforeAll(async () => {
  database = await createTestDatabase();
  app = await startApp(database, [
    {
      eventName: ['order.*', 'invoice.*'],
      consumerName: 'billing',
      ordered: false,
      handler: async () => {
        throw new NonRetryableError('the receiver is down');
      },
    },
  ]);
  await app.api.publishEvents(
    EVENTS.map(([eventName, aggregateType, aggregateId]) => ({
      eventName,
      sourceModule: 'test',
      aggregateType,
      aggregateId,
    })),
  );
  await untilDead();
  for (const [index] of EVENTS.entries())
    await database.pool.query('UPDATE integration.outbox_event SET created_at = $1 WHERE position = $2', [
      timeOf(index + 1),
      index + 1,
    ]);
});
beforeEach(async () => {
  // A discarded event is dead once more.
  await database.pool.query(
    `UPDATE integration.inbox_event SET status = 'dead_letter', resolution = NULL, operation_id = NULL WHERE status = 'skipped'`,
  );
  await untilDead();
});
afterAll(async () => {
  await app.close();
  await database.drop();
});

async function untilDead(): Promise<void> {
  await until('all are dead', async () => {
    const rows = await inboxRows(database, 'billing');
    return rows.filter(({ status }) => status === 'dead_letter').length === EVENTS.length;
  });
}

/** The positions of the events that the operation has changed. */
async function changedPositions(id: string): Promise<number[]> {
  const { rows } = await database.pool.query<{ position: number }>(
    'SELECT position::int AS position FROM integration.inbox_event WHERE operation_id = $1 ORDER BY 1',
    [id],
  );
  return rows.map(({ position }) => position);
}

const START = {
  redrive: (filter: OperationFilter) => app.consumers.redrive({ consumerName: 'billing', ...filter }),
  discard: (filter: OperationFilter) =>
    app.consumers.discard({ consumerName: 'billing', ...filter }, 'not wanted'),
  replay: (filter: OperationFilter) => app.consumers.replay('billing', filter),
};

describe.each(['redrive', 'discard', 'replay'] as const)('a %s', (kind) => {
  it.each<[string, OperationFilter, number[]]>([
    ['one name', { eventName: 'order.placed' }, [1, 2, 6]],
    ['a prefix of names', { eventName: 'order.*' }, [1, 2, 4, 5, 6]],
    ['several names', { eventNames: ['invoice.paid', 'order.sh*'] }, [3, 4, 5]],
    ['a type of aggregate', { aggregateType: 'invoice' }, [3]],
    ['an aggregate', { aggregateType: 'order', aggregateId: 'b' }, [2, 5]],
    ['positions from one on', { from: 4 }, [4, 5, 6]],
    ['positions up to one', { eventName: 'order.*', to: 2 }, [1, 2]],
    ['a range of positions', { from: 2, to: 4 }, [2, 3, 4]],
    ['what was written since a time', { since: timeOf(5) }, [5, 6]],
    ['what was written until a time', { until: timeOf(3) }, [1, 2]],
    [
      'all of these together',
      { eventNames: ['order.*'], from: 2, since: timeOf(2), until: timeOf(6) },
      [2, 4, 5],
    ],
    ['a name that no event has', { eventName: 'order.lost' }, []],
  ])('takes %s', async (_, filter, expected) => {
    const started = await START[kind](filter);
    expect(started).toMatchObject({ kind, plannedEvents: expected.length, plannedAtLeast: false });
    expect(await changedBy(app, Promise.resolve(started))).toBe(expected.length);
    expect(await changedPositions(started.id)).toEqual(expected);
    expect((await app.context.get(OperationService).get(started.id)).filter).toEqual(
      JSON.parse(JSON.stringify({ consumerName: 'billing', ...filter })),
    );
  });

  it.each<[string, OperationFilter]>([
    ['an end before the beginning', { from: 5, to: 4 }],
    ['a position that is none', { from: 0 }],
    ['a date that is none', { since: new Date('yesterday') }],
    ['no names', { eventNames: [] }],
    ['a name beside names', { eventName: 'order.placed', eventNames: ['order.placed'] }],
    ['a field that there is not', { form: 1 } as object],
  ])('refuses %s', async (_, filter) => {
    await expect(START[kind](filter)).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
  });

  it('takes the oldest, no more than it may', async () => {
    const started =
      kind === 'replay'
        ? app.consumers.replay('billing', { from: 2 }, { maxEvents: 2 })
        : kind === 'redrive'
          ? app.consumers.redrive({ consumerName: 'billing', from: 2 }, { maxEvents: 2 })
          : app.consumers.discard({ consumerName: 'billing', from: 2 }, 'not wanted', { maxEvents: 2 });
    expect(await changedBy(app, started)).toBe(2);
    expect(await changedPositions((await started).id)).toEqual([2, 3]);
  });
});

describe('one event', () => {
  it('is sent again at once, with no operation, and only where it is dead', async () => {
    const event = { consumerName: 'billing', position: 3 };
    expect(await app.consumers.redriveOne(event, { by: 'ann' })).toBe(true);
    await untilDead();
    const { rows } = await database.pool.query(
      'SELECT resolution FROM integration.inbox_event WHERE position = 3',
    );
    expect(rows).toMatchObject([{ resolution: { action: 'redrive', by: 'ann' } }]);
    expect(await app.consumers.redriveOne({ consumerName: 'nobody', position: 3 })).toBe(false);
    expect(await app.consumers.redriveOne({ ...event, errorFingerprint: 'another' })).toBe(false);
  });

  it.each([
    ['no consumer', { position: 3 }],
    ['no event', { consumerName: 'billing', eventName: 'order.placed' }],
    ['several', { consumerName: 'billing', outboxEventIds: ['00000000-0000-4000-8000-000000000001'] }],
  ])('is named: %s is refused', async (_, filter) => {
    const refused = { code: 'INTEGRATION_ADMIN_INVALID', message: expect.stringContaining('Name one event') };
    await expect(app.consumers.redriveOne(filter)).rejects.toMatchObject(refused);
    await expect(app.consumers.discardOne(filter, 'not wanted')).rejects.toMatchObject(refused);
  });
});

describe('without a process that delivers', () => {
  it('operations are worked off by one whose processing is switched off, before it is switched on', async () => {
    await app.settings.set('processor.enabled', false, 'ann');
    try {
      await until('it has given the consumer back', async () => app.workers.active.length === 0);
      const started = app.consumers.discard(
        { consumerName: 'billing', from: 2, to: 3 },
        'a copy of production',
      );
      expect(await changedBy(app, started)).toBe(2);
    } finally {
      await app.settings.set('processor.enabled', true, 'ann');
    }
  });
});
