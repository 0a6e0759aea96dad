import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OperationWorkStore } from '../../src/changes/operations/operation-work.store.js';
import {
  AuditService,
  ConsumerService,
  NonRetryableError,
  type Operation,
  type OperationRequest,
  OperationService,
} from '../../src/index.js';
import { operationKindsOf } from '../../src/module/extension.js';
import { startApp, type TestApp } from '../support/app.js';
import { type InboxRow, inboxRows } from '../support/inbox-rows.js';
import { publishOrders } from '../support/orders.js';
import { changedBy, killHolderOf, operationEnded } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { startWorker } from '../support/worker-process.js';

let database: TestDatabase;
let app: TestApp;
/** What the handlers do with an event of this aggregate from now on. */
let fate: (aggregateId: string) => void;
/** `consumer aggregate` of each event that was handled. */
let handled: string[];

const CONSUMERS = ['billing', 'mails'] as const;
const BY = { by: 'ann', reason: 'these are mended' };
const SUBSCRIPTION = { eventName: 'order.placed', startFrom: 'earliest' } as const;

beforeEach(async () => {
  database = await createTestDatabase();
  handled = [];
  fate = () => {
    throw new NonRetryableError('the receiver is down');
  };
  app = await startApp(
    database,
    CONSUMERS.map((consumerName) => ({
      ...SUBSCRIPTION,
      consumerName,
      handler: async ({ aggregateId }: { aggregateId: string }) => {
        fate(aggregateId);
        handled.push(`${consumerName} ${aggregateId}`);
      },
    })),
  );
});
afterEach(async () => {
  await app.close();
  await database.drop();
});

const operations = () => app.context.get(OperationService);

/** Publishes orders that die at both consumers. Returns the ids of their events by position. */
async function withDeadLetters(count: number): Promise<string[]> {
  await publishOrders(app, count);
  for (const consumer of CONSUMERS)
    await until(`all of ${consumer} are dead`, async () => {
      const rows = await inboxRows(database, consumer);
      return rows.filter(({ status }) => status === 'dead_letter').length === count;
    });
  return (await inboxRows(database, 'billing')).map(({ outboxEventId }) => outboxEventId);
}

function plan(outboxEventIds: unknown, request: Partial<OperationRequest> = {}): Promise<Operation> {
  const filter = { consumerName: 'billing', ...request.filter, outboxEventIds } as OperationRequest['filter'];
  return operations().plan({ kind: 'redrive', ...BY, ...request, filter });
}

const untilEnded = (id: string) => operationEnded(operations(), id);

/** The ids of the rows of a consumer in a state that `isMeant`. */
async function idsOf(isMeant: (row: InboxRow) => boolean, consumer = 'billing'): Promise<string[]> {
  const rows = await inboxRows(database, consumer);
  return rows.filter(isMeant).map(({ outboxEventId }) => outboxEventId);
}

const isDead = ({ status }: InboxRow) => status === 'dead_letter';
const everySecond = (ids: readonly string[]) => ids.filter((_, index) => index % 2 === 0);

describe('an operation on events that were chosen one by one', () => {
  it('sends these and no others, of the consumer that is named, and has one row in the audit', async () => {
    const ids = await withDeadLetters(20);
    const chosen = everySecond(ids).reverse();
    fate = () => {};
    const planned = await plan(chosen);
    expect(planned).toMatchObject({
      plannedEvents: 10,
      plannedAtLeast: false,
      chosenEvents: 10,
      filter: { consumerName: 'billing', outboxEventIds: chosen },
      leftOut: { unknown: 0, notTaken: 0, events: [] },
    });
    expect(Object.keys(planned.filter).sort()).toEqual(['consumerName', 'outboxEventIds']);
    await operations().run(planned.id, BY);
    expect(await untilEnded(planned.id)).toMatchObject({ state: 'done', changed: 10, error: null });
    await until('all are handled', async () => (await operations().verdict(planned.id)).succeeded === 10);
    expect(handled.sort()).toEqual(everySecond(ids.map((_, n) => `billing o${n}`)).sort());
    expect(await idsOf(isDead)).toEqual(ids.filter((id) => !chosen.includes(id)));
    expect(await idsOf(isDead, 'mails')).toEqual(ids);

    const { entries } = await app.context.get(AuditService).list();
    expect(entries.map(({ action, actor, reason, after }) => [action, actor, reason, after])).toEqual([
      ['operations.run', 'ann', 'these are mended', expect.objectContaining({ filter: planned.filter })],
    ]);
  });

  it('is of all consumers if none is named', async () => {
    const ids = await withDeadLetters(4);
    const chosen = ids.slice(0, 3);
    const { id, plannedEvents, parts } = await plan(chosen, {
      kind: 'discard',
      filter: { consumerName: undefined },
    });
    expect([plannedEvents, parts.map(({ consumerName, events }) => [consumerName, events])]).toEqual([
      6,
      [
        ['billing', 3],
        ['mails', 3],
      ],
    ]);
    await operations().run(id, BY);
    expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 6 });
    for (const consumer of CONSUMERS) expect(await idsOf(isDead, consumer)).toEqual([ids[3]]);
    const [discarded] = await inboxRows(database, 'mails');
    expect(discarded).toMatchObject({ status: 'skipped', resolution: { by: 'ann', reason: BY.reason } });
  });

  it('says how many it leaves out, and which: unknown ones, and those with nothing to take', async () => {
    const ids = await withDeadLetters(4);
    await app.context
      .get(ConsumerService)
      .discardOne({ consumerName: 'billing', outboxEventId: ids[1] }, 'test');
    const unknown = randomUUID();
    const planned = await plan([unknown.toUpperCase(), ids[3], ids[1], ids[0]]);
    expect(planned).toMatchObject({
      plannedEvents: 2,
      chosenEvents: 4,
      leftOut: { unknown: 1, notTaken: 1, events: [unknown, ids[1]] },
    });
    // One that the other consumer still has is not left out of an operation on both.
    expect((await plan([unknown, ids[1]], { filter: { consumerName: undefined } })).leftOut).toEqual({
      unknown: 1,
      notTaken: 0,
      events: [unknown],
    });
    const [nothing] = await plan([unknown]).then((each) => [each.plannedEvents]);
    expect(nothing).toBe(0);
    expect(
      (await operations().plan({ kind: 'redrive', filter: { consumerName: 'billing' } })).leftOut,
    ).toBeNull();
  });

  it('lists them only where one operation is asked for', async () => {
    const ids = await withDeadLetters(2);
    const { id } = await plan(ids);
    const { operations: listed } = await operations().list();
    expect(listed).toMatchObject([{ id, chosenEvents: 2, filter: { consumerName: 'billing' } }]);
    expect(listed[0]?.filter).not.toHaveProperty('outboxEventIds');
    expect((await operations().get(id)).filter.outboxEventIds).toEqual(ids);
  });

  const id = randomUUID();
  it.each<[string, unknown, Partial<OperationRequest>, string, string]>([
    ['none', [], {}, 'is empty', 'outboxEventIds'],
    ['no list', 'all', {}, 'must be a list', 'outboxEventIds'],
    ['null', null, {}, 'must be a list', 'outboxEventIds'],
    ['more than 1,000', Array.from({ length: 1_001 }, () => randomUUID()), {}, '1001 ids', 'outboxEventIds'],
    ['one that is no uuid', [id, 'order-7'], {}, 'must be a uuid', 'outboxEventIds.1'],
    ['one that is no text', [id, null], {}, 'must be a uuid', 'outboxEventIds.1'],
    ['one twice', [randomUUID(), id, id.toUpperCase()], {}, 'in the list twice', 'outboxEventIds.2'],
    ['a single event beside', [id], { filter: { outboxEventId: id } }, 'Give either', 'outboxEventIds'],
    ['a replay', [id], { kind: 'replay' }, 'does not choose by', 'filter.outboxEventIds'],
  ])('is refused with %s', async (_, ids, request, message, field) => {
    await expect(plan(ids, request)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
      message: expect.stringContaining(message),
      details: { field },
    });
  });

  it('stops by itself after so many failures, and is cancelled midway: the others stay as they are', async () => {
    const ids = await withDeadLetters(30);
    const chosen = everySecond(ids);
    const stopping = await plan(chosen, { stopAfter: 2 });
    await operations().run(stopping.id, BY);
    expect(await untilEnded(stopping.id)).toMatchObject({ state: 'failed', changed: 2 });
    await until('both have died again', async () => (await idsOf(isDead)).length === 30);

    fate = () => {};
    const slow = await plan(chosen, { rate: 1 });
    await operations().run(slow.id, BY);
    await until('it has begun', async () => (await operations().get(slow.id)).changed > 0);
    await operations().cancel(slow.id, BY);
    const { state, changed } = await operations().get(slow.id);
    expect(state).toBe('cancelled');
    expect(changed).toBeLessThan(chosen.length);
    await until('what was sent is handled', async () => handled.length === changed);
    expect(await idsOf(isDead)).toEqual(ids.filter((each) => !chosen.slice(0, changed).includes(each)));
  });

  it('is started by the service of consumers too, with all of its events', async () => {
    const ids = await withDeadLetters(5);
    const consumers = app.context.get(ConsumerService);
    const mails = { consumerName: 'mails', outboxEventIds: [ids[4], ids[1]] as string[] };
    expect(await changedBy(app, consumers.discard(mails, 'test orders'))).toBe(2);
    expect(await idsOf(isDead, 'mails')).toEqual([ids[0], ids[2], ids[3]]);
    fate = () => {};
    expect(await changedBy(app, consumers.redrive({ outboxEventIds: ids.slice(0, 2) }))).toBe(3);
    await until('they are handled', async () => handled.length === 3);
    expect(handled.sort()).toEqual(['billing o0', 'billing o1', 'mails o0']);
    await expect(consumers.redrive({ outboxEventIds: [] })).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
  });
});

describe('several processes', () => {
  it('go on with the list of one that was killed: each event is sent once, and no other one', async () => {
    const ids = await withDeadLetters(40);
    await app.close();
    app = await startApp(database, [], { role: 'publisher' });
    const workers = [1, 2].map(() => startWorker(database.url, [{ ...SUBSCRIPTION, consumerName: 'other' }]));
    try {
      const chosen = everySecond(ids);
      const { id } = await plan(chosen, { rate: 1 });
      await operations().run(id, BY);
      await killHolderOf(id, workers, database);
      await database.pool.query(
        `UPDATE integration.integration_operation SET rate = NULL WHERE id = $1 AND state = 'running'`,
        [id],
      );
      // Nobody runs the consumer, so each event that was sent is counted once and stays as it was sent.
      expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 20 });
      expect(await idsOf(({ status }) => status === 'received')).toEqual(chosen);
      expect(await idsOf(isDead)).toEqual(ids.filter((each) => !chosen.includes(each)));
    } finally {
      for (const worker of workers) worker.kill('SIGKILL');
      await Promise.all(workers.map((worker) => worker.ended));
    }
  });

  it('of a version that knows no lists take none of the events, where they would otherwise take all', async () => {
    const ids = await withDeadLetters(3);
    const { id } = await plan(ids.slice(0, 1));
    await app.close();
    const db = database.engine();
    try {
      const work = new OperationWorkStore(db, operationKindsOf([]));
      await database.pool.query(`UPDATE integration.integration_operation SET state = 'running'`);
      const claimed = await work.claim(randomUUID());
      if (claimed?.id !== id) throw new Error('there is an operation to claim');
      const { outboxEventIds: _, ...filter } = claimed.filter;
      expect(await work.portion({ ...claimed, filter }, 100)).toEqual({ state: 'ended' });
      expect(await idsOf(isDead)).toEqual(ids);
    } finally {
      await db.close();
    }
  });
});
