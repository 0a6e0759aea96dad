import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OperationWorkStore } from '../../src/changes/operations/operation-work.store.js';
import {
  AuditService,
  NonRetryableError,
  type Operation,
  type OperationRequest,
  OperationService,
} from '../../src/index.js';
import { operationKindsOf } from '../../src/module/extension.js';
import { startApp, type TestApp } from '../support/app.js';
import { inboxRows } from '../support/inbox-rows.js';
import { publishOrders } from '../support/orders.js';
import { killHolderOf, operationEnded } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilWaiting } from '../support/until-waiting.js';
import { startWorker } from '../support/worker-process.js';

let database: TestDatabase;
let app: TestApp;
/** What the handler does with an event of this aggregate from now on. */
let fate: (aggregateId: string) => void | Promise<void>;
let handled: string[];

const CONSUMER = { eventName: 'order.placed', consumerName: 'billing', startFrom: 'earliest' } as const;
const BY = { by: 'ann', reason: 'the receiver is mended' };

beforeEach(async () => {
  database = await createTestDatabase();
  handled = [];
  fate = () => {
    throw new NonRetryableError('the receiver is down');
  };
  app = await startApp(database, [
    {
      ...CONSUMER,
      handler: async ({ aggregateId }) => {
        await fate(aggregateId);
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

async function withDeadLetters(count: number): Promise<void> {
  await publishOrders(app, count);
  await until('all are dead', async () => (await statuses()).dead_letter === count);
}

async function statuses(): Promise<Record<string, number>> {
  const rows = await inboxRows(database, 'billing');
  const counts: Record<string, number> = {};
  for (const { status } of rows) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

function plan(request: Partial<OperationRequest> = {}): Promise<Operation> {
  return operations().plan({ kind: 'redrive', filter: { consumerName: 'billing' }, ...BY, ...request });
}

const untilEnded = (id: string) => operationEnded(operations(), id);

describe('a list', () => {
  it('loses no operation over pages where many were made at the same time, and repeats none', async () => {
    await database.pool.query(
      `INSERT INTO integration.integration_operation (kind, filter, planned_events, requested_by, via, state, created_at)
       SELECT 'redrive', '{"consumerName": "billing"}', 1, 'ann', 'cli', CASE WHEN n % 2 = 0 THEN 'cancelled' ELSE 'done' END,
         '2026-01-01 10:00:00.123456+00' FROM generate_series(1, 9) AS n`,
    );
    for (const [state, count] of [
      [undefined, 9],
      ['done', 5],
    ] as const) {
      const ids: string[] = [];
      for (let after: string | null | undefined; after !== null; ) {
        const page = await operations().list({ limit: 2, after, state });
        ids.push(...page.operations.map(({ id }) => id));
        after = page.next;
      }
      expect(ids).toHaveLength(count);
      expect(new Set(ids).size).toBe(count);
      // A last page that is full leads nowhere.
      expect((await operations().list({ limit: count, state })).next).toBeNull();
    }
  });
});

describe('a plan', () => {
  it('counts by consumer and kind of failure, and changes nothing', async () => {
    await withDeadLetters(4);
    const before = await inboxRows(database, 'billing');
    const planned = await plan({ maxEvents: 3 });
    expect(planned).toMatchObject({
      kind: 'redrive',
      state: 'planned',
      filter: { consumerName: 'billing' },
      maxEvents: 3,
      plannedEvents: 3,
      plannedAtLeast: false,
      parts: [{ consumerName: 'billing', fingerprint: before[0]?.fingerprint, events: 3 }],
      changed: 0,
      requestedBy: 'ann',
      reason: 'the receiver is mended',
      startedAt: null,
    });
    expect(await inboxRows(database, 'billing')).toEqual(before);
  });

  it.each<[string, object, string]>([
    ['no filter', { filter: {} }, 'Say which events'],
    ['an unknown field', { filter: { consumer: 'billing' } }, 'did you mean consumerName'],
    ['an unknown kind', { kind: 'delete' }, 'kind must be one of redrive, discard'],
    ['a rate of 0', { rate: 0 }, 'rate must be a whole number from 1'],
    ['a discard without a reason', { kind: 'discard', reason: ' ' }, 'Say why'],
    ['states of a redrive', { states: ['failed'] }, 'states is only for the kind "discard"'],
    ['a discard that stops', { kind: 'discard', stopAfter: 1 }, 'stopAfter is of a redrive'],
    ['a discard with a share', { kind: 'discard', stopAbovePercent: 5 }, 'stopAbovePercent is of a redrive'],
    ['a share of 100', { stopAbovePercent: 100 }, 'stopAbovePercent must be a whole number'],
    ['states of single events', { kind: 'discard', states: ['running'] }, 'is for one event'],
  ])('is refused with %s', async (_, request, message) => {
    await expect(plan(request as Partial<OperationRequest>)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
      message: expect.stringContaining(message),
    });
  });

  it('takes nothing that fails after it, also where that is before anything is changed', async () => {
    await withDeadLetters(10);
    const { id } = await plan({ kind: 'discard' });
    await database.pool.query(`
      BEGIN;
      UPDATE integration.integration_operation SET state = 'running', started_at = clock_timestamp() WHERE id = '${id}';
      INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
        SELECT gen_random_uuid(), 1000 + n, 'billing', 'order', 'late-' || n, 'dead_letter' FROM generate_series(1, 10) AS n;
      COMMIT`);
    expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 10 });
    expect(await statuses()).toEqual({ skipped: 10, dead_letter: 10 });
  });

  it('takes no kind of failure that it has not counted, whatever time such a row has', async () => {
    await withDeadLetters(10);
    const { id } = await plan({ kind: 'discard' });
    // As a change that was under way while the plan counted, and was committed after it.
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status,
         error_fingerprint, updated_at)
       VALUES (gen_random_uuid(), 1000, 'billing', 'order', 'late', 'dead_letter', 'of another kind', clock_timestamp() - interval '1 minute')`,
    );
    await operations().run(id, BY);
    expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 10 });
    expect(await statuses()).toEqual({ skipped: 10, dead_letter: 1 });
  });

  it('is worked off to its end where more rows have one position than a portion takes', async () => {
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
       SELECT gen_random_uuid(), 7, 'billing', 'order', 'o' || n, 'dead_letter' FROM generate_series(1, 5) AS n`,
    );
    const { id } = await plan({ kind: 'discard', rate: 2 });
    await operations().run(id);
    expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 5 });
    expect(await statuses()).toEqual({ skipped: 5 });
  });

  it('is refused when it is old, when it has been outgrown, and when it was run', async () => {
    await withDeadLetters(10);
    const old = await plan();
    await database.pool.query(
      `UPDATE integration.integration_operation SET created_at = created_at - interval '11 minutes'`,
    );
    const refused = (message: string) => ({
      code: 'INTEGRATION_OPERATION_REFUSED',
      message: expect.stringContaining(message),
    });
    await expect(operations().run(old.id)).rejects.toMatchObject(refused('older than ten minutes'));

    const outgrown = await plan();
    await app.api.publishEvents(
      ['p1', 'p2'].map((aggregateId) => ({
        eventName: 'order.placed',
        sourceModule: 'test',
        aggregateType: 'order',
        aggregateId,
      })),
    );
    await until('two more are dead', async () => (await statuses()).dead_letter === 12);
    await expect(operations().run(outgrown.id)).rejects.toMatchObject(refused('there are 12 now'));

    const good = await plan();
    const both = await Promise.allSettled([operations().run(good.id), operations().run(good.id)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await expect(operations().run(randomUUID())).rejects.toMatchObject({
      code: 'INTEGRATION_OPERATION_UNKNOWN',
    });
  });
});

describe('a plan that still holds', () => {
  it.each(['redrive', 'discard'] as const)('runs and takes only what it counted, as a %s', async (kind) => {
    await withDeadLetters(10);
    const { id } = await plan({ kind });
    fate = () => {
      throw new NonRetryableError('the address is unknown');
    };
    const order = { eventName: 'order.placed', sourceModule: 'test', aggregateType: 'order' };
    await app.api.publishEvents([{ ...order, aggregateId: 'p1' }]);
    await until('one more is dead', async () => (await statuses()).dead_letter === 11);
    await database.pool.query(
      `UPDATE integration.integration_operation SET created_at = created_at - interval '5 minutes'`,
    );
    // There is a tenth more, and not more than that.
    await operations().run(id, BY);
    expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 10 });
    const untouched = (await inboxRows(database, 'billing')).filter(({ resolution }) => resolution === null);
    expect(untouched.map(({ aggregateId, status }) => [aggregateId, status])).toEqual([
      ['p1', 'dead_letter'],
    ]);
  });
});

describe('an operation that runs', () => {
  it('sends each event once, and has one row in the audit', async () => {
    await withDeadLetters(25);
    fate = () => {};
    const { id } = await plan();
    await operations().run(id, BY);
    const ended = await untilEnded(id);
    expect(ended).toMatchObject({ state: 'done', changed: 25, error: null });
    await until('all are handled', async () => (await operations().verdict(id)).succeeded === 25);
    expect(handled.sort()).toEqual(Array.from({ length: 25 }, (_, n) => `o${n}`).sort());
    const { entries } = await app.context.get(AuditService).list();
    expect(entries.map(({ action, actor, reason }) => [action, actor, reason])).toEqual([
      ['operations.run', 'ann', 'the receiver is mended'],
    ]);
  });

  it('as a canary takes the oldest, and says which failed in the same way and which otherwise', async () => {
    await withDeadLetters(6);
    fate = (aggregateId) => {
      if (aggregateId === 'o0') throw new NonRetryableError('the receiver is down');
      if (aggregateId === 'o1') throw new RangeError('something else');
    };
    const { id } = await plan({ maxEvents: 3 });
    await operations().run(id);
    await untilEnded(id);
    // The verdict that is judged is the one that was waited for: `o1` is tried again, and has no outcome meanwhile.
    let verdict = await operations().verdict(id);
    await until('each has an outcome', async () => {
      verdict = await operations().verdict(id);
      return verdict.pending === 0;
    });
    expect(verdict).toEqual({
      succeeded: 1,
      failedTheSameWay: 1,
      failedOtherwise: 1,
      pending: 0,
      isPartial: false,
    });
    expect(handled).toEqual(['o2']);
  });

  it('stops by itself after so many failures, and has sent no more than could fail', async () => {
    await withDeadLetters(30);
    const { id } = await plan({ stopAfter: 4 });
    await operations().run(id);
    const ended = await untilEnded(id);
    expect(ended).toMatchObject({ state: 'failed', error: expect.stringContaining('4 of its events') });
    expect(ended.changed).toBe(4);
  });

  it('grows while its events are handled, and stops within its bound once they fail', async () => {
    await withDeadLetters(300);
    const failing = new Set(Array.from({ length: 300 }, (_, n) => n).filter((n) => n >= 39 && n % 2 === 1));
    fate = (aggregateId) => {
      if (failing.has(Number(aggregateId.slice(1)))) throw new NonRetryableError('the receiver is down');
    };
    const { id } = await plan({ stopAbovePercent: 5 });
    await operations().run(id);
    const ended = await untilEnded(id);
    expect(ended).toMatchObject({
      state: 'failed',
      stopAbovePercent: 5,
      error: expect.stringContaining('more than 5 percent'),
    });
    // 50 were sent when the first failed. What was handled by then may have let 9 follow each.
    expect(ended.changed).toBeGreaterThan(39);
    expect(ended.changed).toBeLessThan(300);
  });

  it('grows no further while nothing becomes of its events', async () => {
    await withDeadLetters(30);
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    fate = () => held;
    const { id } = await plan({ stopAbovePercent: 5 });
    await operations().run(id);
    const looks = () =>
      until('it has sent the first', async () => (await operations().get(id)).changed > 0).then(() =>
        operations().get(id),
      );
    const { progressedAt } = await looks();
    // A look that sends nothing notes its time as well.
    await until('it has looked again', async () => {
      const now = (await operations().get(id)).progressedAt;
      return (now?.getTime() ?? 0) > (progressedAt?.getTime() ?? 0) + 100;
    });
    expect((await operations().get(id)).changed).toBe(5);
    letGo();
    expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 30 });
  });

  it('comes to its end by the share alone, where nothing fails', async () => {
    await withDeadLetters(700);
    fate = () => {};
    const { id } = await plan({ stopAbovePercent: 1 });
    await operations().run(id);
    expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 700 });
  });

  it('is paused at once, goes on from where it was, and takes another rate meanwhile', async () => {
    await withDeadLetters(40);
    fate = () => {};
    const { id } = await plan({ rate: 1 });
    await operations().run(id);
    await until('it has begun', async () => (await operations().get(id)).changed > 0);
    const paused = await operations().pause(id, BY);
    expect(paused).toMatchObject({ state: 'paused', finishedAt: null });
    await expect(operations().pause(id)).rejects.toMatchObject({ code: 'INTEGRATION_OPERATION_REFUSED' });
    expect(await operations().changeRate(id, 100, BY)).toMatchObject({ state: 'paused', rate: 100 });
    await until('what was sent is handled', async () => handled.length === paused.changed);
    expect(await operations().get(id)).toMatchObject({ state: 'paused', changed: paused.changed });
    await operations().resume(id, BY);
    expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 40 });
    await until('each is handled', async () => handled.length === 40);
    expect(new Set(handled).size).toBe(40);
    const { entries } = await app.context.get(AuditService).list();
    expect(entries.map(({ action }) => action)).toEqual([
      'operations.resume',
      'operations.rate',
      'operations.pause',
      'operations.run',
    ]);
    await expect(operations().changeRate(id, 5)).rejects.toMatchObject({
      code: 'INTEGRATION_OPERATION_REFUSED',
    });
  });

  it('is cancelled at once: nothing is sent after the answer', async () => {
    await withDeadLetters(40);
    fate = () => {};
    const { id } = await plan({ rate: 1 });
    await operations().run(id);
    await until('it has begun', async () => (await operations().get(id)).changed > 0);
    const cancelled = await operations().cancel(id, BY);
    expect(cancelled).toMatchObject({ state: 'cancelled', cancelledBy: 'ann' });
    const { changed } = await operations().get(id);
    expect(changed).toBeLessThan(40);
    await until('what was sent is handled', async () => handled.length === changed);
    expect((await statuses()).dead_letter).toBe(40 - changed);
    await expect(operations().cancel(id)).rejects.toMatchObject({ code: 'INTEGRATION_OPERATION_REFUSED' });
  });

  it('discards for the reason that its run gives, where its plan gave none, and not without one', async () => {
    await withDeadLetters(1);
    const { id } = await plan({ kind: 'discard', reason: undefined });
    await expect(operations().run(id, { by: 'ann' })).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
      message: expect.stringContaining('Say why'),
    });
    await operations().run(id, { by: 'ann', reason: 'test orders' });
    expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 1, reason: 'test orders' });
    const [row] = await inboxRows(database, 'billing');
    expect(row).toMatchObject({ status: 'skipped', resolution: { reason: 'test orders' } });
  });

  it('discards with its reason', async () => {
    await withDeadLetters(3);
    const { id } = await plan({ kind: 'discard', reason: 'test orders' });
    await operations().run(id, BY);
    expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 3 });
    const rows = await inboxRows(database, 'billing');
    expect(rows.map(({ status, resolution }) => [status, resolution?.by, resolution?.reason])).toEqual(
      Array.from({ length: 3 }, () => ['skipped', 'ann', 'test orders']),
    );
  });
});

describe('several operations', () => {
  it('take turns: one that waits for what becomes of its events holds up no other one', async () => {
    await withDeadLetters(4);
    const canary = await plan({ maxEvents: 4, stopAfter: 1 });
    const discard = await plan({ kind: 'discard', maxEvents: 2, reason: 'test orders' });
    // Nothing becomes of what the canary sends.
    let letGo = () => {};
    const held = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    fate = () => held;
    await operations().run(canary.id, BY);
    await until('the canary waits', async () => (await operations().get(canary.id)).changed === 1);
    await operations().run(discard.id, BY);
    expect(await untilEnded(discard.id)).toMatchObject({ state: 'done', changed: 2 });
    expect(await operations().get(canary.id)).toMatchObject({ state: 'running', changed: 1 });
    letGo();
  });
});

describe('several processes', () => {
  it('go on at once with an operation whose process was killed: its lease does not matter', async () => {
    await withDeadLetters(40);
    await app.close();
    app = await startApp(database, [], { role: 'publisher' });
    const workers = [1, 2].map(() => startWorker(database.url, [{ ...CONSUMER, consumerName: 'other' }]));
    try {
      const { id } = await plan({ rate: 1 });
      await operations().run(id, BY);
      await killHolderOf(id, workers, database);
      await database.pool.query(
        `UPDATE integration.integration_operation SET rate = NULL, lease_expires_at = clock_timestamp() + interval '1 hour'
         WHERE id = $1 AND state = 'running'`,
        [id],
      );
      expect(await untilEnded(id)).toMatchObject({ state: 'done', changed: 40 });
      expect(await statuses()).toEqual({ received: 40 });
    } finally {
      for (const worker of workers) worker.kill('SIGKILL');
      await Promise.all(workers.map((worker) => worker.ended));
    }
  });

  it('take over from one that died, and what it still sends changes nothing', async () => {
    await withDeadLetters(9);
    const { id } = await plan();
    await app.close();
    const db = database.engine();
    try {
      const work = new OperationWorkStore(db, operationKindsOf([]));
      await database.pool.query(`UPDATE integration.integration_operation SET state = 'running'`);
      const first = await work.claim(randomUUID());
      if (first === undefined) throw new Error('there is an operation to claim');
      expect(first.id).toBe(id);
      expect(await work.portion(first, 4)).toEqual({ state: 'went-on', changed: 4 });
      expect(await work.claim(randomUUID())).toBeUndefined();

      await database.pool.query(
        `UPDATE integration.integration_operation SET lease_expires_at = clock_timestamp()`,
      );
      const second = await work.claim(randomUUID());
      if (second === undefined) throw new Error('the lease has run out');
      expect(await work.portion(first, 4)).toEqual({ state: 'lost' });
      expect(await work.portion(second, 4)).toEqual({ state: 'went-on', changed: 4 });
      expect(await work.portion(second, 4)).toEqual({ state: 'ended' });

      const rows = await inboxRows(database, 'billing');
      expect(rows.map(({ status }) => status)).toEqual(Array.from({ length: 9 }, () => 'received'));
      const { rows: stored } = await database.pool.query(
        `SELECT state, changed FROM integration.integration_operation`,
      );
      expect(stored).toEqual([{ state: 'done', changed: '9' }]);
    } finally {
      await db.close();
    }
  });

  it('change nothing where another process takes them over between a look and the change', async () => {
    await withDeadLetters(3);
    await plan();
    await app.close();
    const db = database.engine();
    const other = await database.pool.connect();
    try {
      const work = new OperationWorkStore(db, operationKindsOf([]));
      await other.query(`UPDATE integration.integration_operation SET state = 'running'`);
      const first = await work.claim(randomUUID());
      if (first === undefined) throw new Error('there is an operation to claim');
      await other.query('BEGIN');
      await other.query(`UPDATE integration.integration_operation SET lease_token = gen_random_uuid()`);
      // The look still sees the token of the first one, and the change waits for the lock.
      const changing = work.portion(first, 3);
      await untilWaiting(database);
      await other.query('COMMIT');
      expect(await changing).toEqual({ state: 'lost' });
      const rows = await inboxRows(database, 'billing');
      expect(rows.map(({ status }) => status)).toEqual(Array.from({ length: 3 }, () => 'dead_letter'));
    } finally {
      other.release();
      await db.close();
    }
  });
});
