import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AuditService, type Operation, type OperationRequest, OperationService } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { publishOrders } from '../support/orders.js';
import { pauseAndWait } from '../support/pause.js';
import { operationEnded } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { startWorker } from '../support/worker-process.js';

let database: TestDatabase;
let app: TestApp;
let handled: string[];
let fate: (aggregateId: string) => void;

const BY = { by: 'ann', reason: 'the receiver has lost them' };
const CONSUMER = { eventName: 'order.placed', consumerName: 'billing', startFrom: 'earliest' } as const;

beforeEach(async () => {
  database = await createTestDatabase();
  handled = [];
  fate = () => {};
  app = await startApp(database, [
    {
      ...CONSUMER,
      retry: { maxAttempts: 1 },
      handler: async ({ aggregateId }) => {
        fate(aggregateId);
        handled.push(aggregateId);
      },
    },
  ]);
});
afterEach(async () => {
  await app.close();
  await database.drop();
});

const operations = () => app.context.get(OperationService);

/** So many events are handled, and each of them is settled. */
async function withHandled(count: number): Promise<void> {
  await publishOrders(app, count);
  await untilSettled(count);
}

const untilSettled = (count: number) =>
  until('all are settled', async () => (await unread()) === `{[${count + 1},)}`);

/** What a replay has sent stands in rows of its own, which the cursor does not show. */
const untilOutcomesStored = () =>
  until('no row waits for its outcome', async () => {
    const { rows } = await database.pool.query(
      "SELECT 1 FROM integration.inbox_event WHERE status IN ('received', 'processing', 'failed') LIMIT 1",
    );
    return rows.length === 0;
  });

async function unread(): Promise<string> {
  const { rows } = await database.pool.query('SELECT unread::text AS unread FROM integration.inbox_cursor');
  return rows[0]?.unread;
}

const of = (part: OperationRequest['filter']) => ({ consumerName: 'billing', ...part });

function plan(request: Partial<OperationRequest> = {}): Promise<Operation> {
  return operations().plan({
    kind: 'replay',
    ...BY,
    ...request,
    filter: request.filter ?? of({ from: 1 }),
  });
}

/** A plan counts only what is handled. So what was sent again is waited for. */
async function planOf(events: number, request: Partial<OperationRequest>): Promise<Operation> {
  let planned = await plan(request);
  await until('that many are handled', async () => {
    if (planned.plannedEvents !== events) planned = await plan(request);
    return planned.plannedEvents === events;
  });
  return planned;
}

/** Those of the consumer. Operations of others and of other kinds are left out. */
const replays = async () => (await operations().list({ kind: 'replay', consumerName: 'billing' })).operations;

const untilEnded = (id: string) => operationEnded(operations(), id);

describe('a planned replay', () => {
  it('counts what the consumer would get again, and changes nothing', async () => {
    await withHandled(6);
    await pauseAndWait(app.consumers, 'billing');
    // These are not handled yet, so the consumer gets them anyway.
    await publishOrders(app, 2);
    const before = await unread();
    const planned = await plan({ filter: of({ from: 3 }) });
    expect(planned).toMatchObject({
      kind: 'replay',
      state: 'planned',
      filter: { consumerName: 'billing', from: 3 },
      plannedEvents: 4,
      plannedAtLeast: false,
      parts: [{ consumerName: 'billing', fingerprint: null, events: 4 }],
      changed: 0,
      nextPosition: null,
    });
    expect(await plan({ filter: of({ since: new Date(Date.now() - 3_600_000) }) })).toMatchObject({
      plannedEvents: 6,
    });
    expect(await plan({ filter: { consumerName: 'billing', from: 1, eventName: 'order.l*' } })).toMatchObject(
      {
        plannedEvents: 0,
      },
    );
    expect(await plan({ maxEvents: 2 })).toMatchObject({ plannedEvents: 2, plannedAtLeast: false });
    expect(await unread()).toBe(before);
    expect(handled).toHaveLength(6);
  });

  it('looks at 100,000 positions, and says that there may be more', async () => {
    await withHandled(1);
    await app.consumers.pause('billing');
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
       SELECT 'other.thing', 'test', 'thing', '1' FROM generate_series(1, 100000)`,
    );
    expect(await plan()).toMatchObject({ plannedEvents: 1, plannedAtLeast: true });
    expect(
      await plan({ filter: { consumerName: 'billing', aggregateType: 'order', aggregateId: 'o1' } }),
    ).toMatchObject({ plannedAtLeast: false });
  });

  it.each<[string, Partial<OperationRequest>, string]>([
    ['no consumer', { filter: {} }, 'one consumer'],
    ['nothing to replay', { filter: of({}) }, 'what to replay'],
    ['a kind of failure', { filter: { consumerName: 'billing', errorFingerprint: 'x' } }, 'errorFingerprint'],
    ['states', { states: ['dead_letter'] }, 'states'],
    ['an unknown field', { filter: of({ form: 1 } as object) }, 'form'],
    ['a range that ends before it begins', { filter: of({ from: 3, to: 2 }) }, 'before it begins'],
  ])('is refused with %s', async (_, request, says) => {
    await expect(plan(request)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
      message: expect.stringContaining(says),
    });
  });

  it('is refused when it is old, and when it has been outgrown', async () => {
    await withHandled(10);
    const old = await plan();
    await database.pool.query(
      `UPDATE integration.integration_operation SET created_at = created_at - interval '11 minutes'`,
    );
    const outgrown = await plan();
    await publishOrders(app, 2);
    await untilSettled(12);
    for (const [{ id }, message] of [
      [old, 'older than ten minutes'],
      [outgrown, 'there are 12 now'],
    ] as const)
      await expect(operations().run(id, BY)).rejects.toMatchObject({
        code: 'INTEGRATION_OPERATION_REFUSED',
        message: expect.stringContaining(message),
      });
    expect(handled).toHaveLength(12);
  });

  it('is refused for a consumer that is not there', async () => {
    await expect(plan({ filter: { consumerName: 'nobody', from: 1 } })).rejects.toMatchObject({
      code: 'INTEGRATION_CONSUMER_UNKNOWN',
    });
  });
});

describe('a replay that runs', () => {
  it('delivers each event once more, says how far it is, and has one row in the audit', async () => {
    await withHandled(7);
    const { id } = await plan({ filter: of({ from: 2, to: 6 }) });
    expect(await operations().run(id, BY)).toMatchObject({ state: 'running', toPosition: 6 });
    expect(await untilEnded(id)).toMatchObject({
      state: 'done',
      changed: 5,
      nextPosition: 7,
      toPosition: 6,
      error: null,
    });
    await until('all are delivered', async () => (await operations().verdict(id)).pending === 0);
    expect(await operations().verdict(id)).toMatchObject({ succeeded: 5, pending: 0 });
    expect(handled).toHaveLength(12);
    const { entries } = await app.context.get(AuditService).list({ target: `operation/${id}` });
    expect(entries.map(({ action, actor, reason }) => [action, actor, reason])).toEqual([
      ['operations.run', 'ann', BY.reason],
    ]);
    expect(entries[0]?.after).toMatchObject({ kind: 'replay', filter: { from: 2, to: 6 } });
    await expect(operations().run(id)).rejects.toMatchObject({ code: 'INTEGRATION_OPERATION_REFUSED' });
  });

  it('delivers nothing again that was written after its plan', async () => {
    await withHandled(10);
    const { id } = await plan();
    await publishOrders(app, 1);
    await untilSettled(11);
    // There is a tenth more, and not more than that.
    expect(await operations().run(id, BY)).toMatchObject({ state: 'running', toPosition: 10 });
    expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 10 });
  });

  it('takes the oldest, and no more than it may', async () => {
    await withHandled(6);
    const { id } = await plan({ maxEvents: 2 });
    await operations().run(id, BY);
    expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 2, nextPosition: 3 });
    await until('both are delivered', async () => (await operations().verdict(id)).succeeded === 2);
    expect(handled).toHaveLength(8);
  });

  it('is cancelled at once: what was sent is delivered, and nothing is sent after the answer', async () => {
    await withHandled(40);
    const { id } = await plan({ rate: 1 });
    await operations().run(id, BY);
    await until('some are sent', async () => (await operations().get(id)).changed > 0);
    const { changed, state, cancelledBy } = await operations().cancel(id, BY);
    expect([state, cancelledBy]).toEqual(['cancelled', 'ann']);
    expect(changed).toBeLessThan(40);
    // A second replay ends, which waits for windows of the first one.
    const second = await plan({ maxEvents: 1, filter: of({ from: 40 }) });
    await operations().run(second.id, BY);
    await untilEnded(second.id);
    await until('both are delivered', async () => handled.length === 41 + changed);
    expect(await operations().get(id)).toMatchObject({ state: 'cancelled', changed });
    const lost = await app.consumers.replay('billing', { eventNames: ['order.lost'] });
    await until('all replays have ended', async () =>
      (await replays()).every(({ finishedAt }) => finishedAt !== null),
    );
    expect((await replays()).map(({ id, state }) => [id, state])).toEqual([
      [lost.id, 'done'],
      [second.id, 'done'],
      [id, 'cancelled'],
    ]);
  });

  it('is paused at once, holds up no later one, and goes on from where it was', async () => {
    await withHandled(40);
    const { id } = await plan({ rate: 1 });
    await operations().run(id, BY);
    await until('some are sent', async () => (await operations().get(id)).changed > 0);
    const paused = await operations().pause(id, BY);
    expect(paused).toMatchObject({ state: 'paused', finishedAt: null });
    await expect(operations().pause(id)).rejects.toMatchObject({ code: 'INTEGRATION_OPERATION_REFUSED' });
    expect(await operations().changeRate(id, null, BY)).toMatchObject({ state: 'paused', rate: null });
    // A second replay ends meanwhile, by windows of the same consumer.
    const second = await plan({ maxEvents: 1, filter: of({ from: 40 }) });
    await operations().run(second.id, BY);
    expect(await untilEnded(second.id)).toMatchObject({ state: 'done', changed: 1 });
    const { changed, nextPosition } = paused;
    expect(await operations().get(id)).toMatchObject({ state: 'paused', changed, nextPosition });
    await until('what was sent is delivered', async () => handled.length === 41 + changed);
    // Before its outcome is stored, an event is not sent once more.
    await untilOutcomesStored();
    await operations().resume(id, BY);
    expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 40 });
    await until('each was delivered once more', async () => handled.length === 81);
    const { entries } = await app.context.get(AuditService).list({ target: `operation/${id}` });
    expect(entries.map(({ action }) => action)).toEqual([
      'operations.resume',
      'operations.rate',
      'operations.pause',
      'operations.run',
    ]);
  });

  it('stops by itself after so many failures, and has sent no more than could fail', async () => {
    await withHandled(20);
    fate = () => {
      throw new Error('the receiver is down');
    };
    const { id } = await plan({ stopAfter: 3 });
    await operations().run(id, BY);
    expect(await untilEnded(id)).toMatchObject({
      state: 'failed',
      changed: 3,
      error: expect.stringContaining('3 of its events'),
    });
    expect(await replays()).toMatchObject([{ id, state: 'failed' }]);
  });

  it.each(['running', 'paused'])('fails if its consumer is removed while it is %s', async (state) => {
    await withHandled(3);
    await pauseAndWait(app.consumers, 'billing');
    const { id } = await plan();
    await operations().run(id, BY);
    if (state === 'paused') await operations().pause(id, BY);
    expect(await replays()).toMatchObject([{ id, state }]);
    await app.consumers.remove('billing', { force: true });
    expect(await operations().get(id)).toMatchObject({ state: 'failed', error: 'The consumer was removed' });
  });

  it('keeps the reason of the run if the plan had none', async () => {
    await withHandled(1);
    const { id } = await plan({ reason: undefined });
    expect(await operations().run(id, BY)).toMatchObject({ reason: BY.reason, fromPosition: 1 });
    const other = await planOf(1, { reason: 'first' });
    expect(await operations().run(other.id, BY)).toMatchObject({ reason: 'first' });
  });

  it('goes on under the new name when its consumer is renamed midway, and repeats nothing', async () => {
    await withHandled(60);
    const { id } = await plan({ rate: 1 });
    await operations().run(id, BY);
    await until('some are sent', async () => (await operations().get(id)).changed > 0);
    await app.close();
    app = await startApp(database, [], { role: 'publisher' });
    await app.consumers.rename('billing', 'invoicing');
    expect(await operations().get(id)).toMatchObject({
      state: 'running',
      filter: { consumerName: 'invoicing' },
    });
    await database.pool.query('UPDATE integration.integration_operation SET rate = NULL');
    await app.close();
    app = await startApp(database, [
      {
        ...CONSUMER,
        consumerName: 'invoicing',
        handler: async ({ aggregateId }) => void handled.push(aggregateId),
      },
    ]);
    expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 60 });
    await until('all are delivered', async () => (await operations().verdict(id)).succeeded === 60);
    expect(handled).toHaveLength(120);
  });

  it('goes on at once in another process when the owner of the consumer is killed, and repeats no event', async () => {
    await withHandled(60);
    await app.close();
    app = await startApp(database, [], { role: 'publisher' });
    const workers = [startWorker(database.url, [CONSUMER], { processingLeaseMs: 600_000 })];
    try {
      const { id } = await plan({ rate: 1 });
      await operations().run(id, BY);
      await until('some are sent', async () => (await operations().get(id)).changed > 0);
      workers.push(startWorker(database.url, [CONSUMER], { processingLeaseMs: 600_000 }));
      workers[0]?.kill('SIGKILL');
      expect(await workers[0]?.ended).toBe('SIGKILL');
      await database.pool.query(
        `UPDATE integration.integration_operation SET rate = NULL WHERE state = 'running'`,
      );
      expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 60 });
      await until('all are delivered', async () => (await operations().verdict(id)).succeeded === 60);
    } finally {
      for (const worker of workers) worker.kill('SIGKILL');
      await Promise.all(workers.map((worker) => worker.ended));
    }
  });
});
