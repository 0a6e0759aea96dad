import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { NonRetryableError, type Operation, OperationService } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { publishOrders } from '../support/orders.js';
import { holderOf, operationEnded } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { startWorker, type WorkerProcess } from '../support/worker-process.js';

/*
 * Processes that stand still while they work an operation off, as in a frozen container or a debugger. A test
 * holds a row that a portion needs. Then the portion waits at a known place, and its process can be stopped there.
 */

const EVENTS = 40;

let database: TestDatabase;
let app: TestApp;
let workers: WorkerProcess[];
/** What is to be let go at the end, also if a test fails. */
let holders: pg.PoolClient[];

beforeEach(async () => {
  database = await createTestDatabase();
  workers = [];
  holders = [];
  const failing = await startApp(database, [
    {
      eventName: 'order.placed',
      consumerName: 'billing',
      startFrom: 'earliest',
      handler: async () => {
        throw new NonRetryableError('the receiver is down');
      },
    },
  ]);
  await publishOrders(failing, EVENTS);
  await until('all are dead', async () => (await count(`status = 'dead_letter'`)) === EVENTS);
  await failing.close();
  // Every time that an event is sent is noted, whatever becomes of its row later.
  await database.pool.query(`
    CREATE TABLE sent (id uuid);
    CREATE FUNCTION note_sent() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN INSERT INTO sent VALUES (NEW.id); RETURN NULL; END $$;
    CREATE TRIGGER note_sent AFTER UPDATE ON integration.inbox_event FOR EACH ROW
      WHEN (OLD.status <> 'received' AND NEW.status = 'received') EXECUTE FUNCTION note_sent()`);
  app = await startApp(database, [], { role: 'publisher' });
});
afterEach(async () => {
  for (const holder of holders) holder.release(true);
  for (const worker of workers) worker.kill('SIGKILL');
  await Promise.all(workers.map(({ ended }) => ended));
  await app.close();
  await database.drop();
});

const operations = () => app.context.get(OperationService);

async function count(condition: string, table = 'integration.inbox_event'): Promise<number> {
  const { rows } = await database.pool.query(`SELECT count(*)::int AS n FROM ${table} WHERE ${condition}`);
  return rows[0].n;
}

/** Workers of another consumer: they work operations off, and handle nothing of what is sent. */
function startWorkers(number: number): void {
  const other = { eventName: 'order.placed', consumerName: 'other' };
  for (let n = 0; n < number; n++) workers.push(startWorker(database.url, [other]));
}

async function begin(): Promise<Operation> {
  const { id } = await operations().plan({ kind: 'redrive', filter: { consumerName: 'billing' } });
  return operations().run(id);
}

/** A transaction of somebody else that holds rows. */
async function holding(sql: string): Promise<{ readonly pid: number; letGo(): Promise<void> }> {
  const client: pg.PoolClient = await database.pool.connect();
  holders.push(client);
  await client.query('BEGIN');
  await client.query(sql);
  const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
  return {
    pid: rows[0].pid,
    letGo: async () => {
      await client.query('ROLLBACK');
      holders.splice(holders.indexOf(client), 1);
      client.release();
    },
  };
}

const CURSOR = `SELECT FROM integration.inbox_cursor WHERE consumer_name = 'billing' FOR UPDATE`;
const OPERATIONS = 'integration.integration_operation';

/** Resolves to the session that waits for rows that `pid` holds, and that has locked rows of a table itself. */
function waitingFor(pid: number, having?: string): Promise<number> {
  return until('a portion waits for the row', async () => {
    const { rows } = await database.pool.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity a WHERE datname = current_database() AND $1 = ANY (pg_blocking_pids(pid))
         AND ($2::text IS NULL OR EXISTS (SELECT FROM pg_locks l
           WHERE l.pid = a.pid AND l.relation = to_regclass($2) AND l.mode = 'RowShareLock' AND l.granted))`,
      [pid, having ?? null],
    );
    return rows[0]?.pid;
  });
}

const transactionHasEnded = (pid: number) =>
  until('its transaction has ended', async () => {
    const { rows } = await database.pool.query(
      'SELECT FROM pg_stat_activity WHERE pid = $1 AND xact_start IS NOT NULL',
      [pid],
    );
    return rows.length === 0;
  });

/** Runs an operation and stops the process that works it off when it has the rows of a consumer. */
async function stoppedWithCursor(): Promise<{ id: string; victim: WorkerProcess; session: number }> {
  const holder = await holding(CURSOR);
  const { id } = await begin();
  const session = await waitingFor(holder.pid);
  const victim = await holderOf(id, workers, database);
  victim.kill('SIGSTOP');
  await holder.letGo();
  return { id, victim, session };
}

/** The same, when it has the row of the operation as well. */
async function stoppedWithOperation(): Promise<{ id: string; victim: WorkerProcess; session: number }> {
  const cursor = await holding(CURSOR);
  const { id } = await begin();
  const session = await waitingFor(cursor.pid);
  const victim = await holderOf(id, workers, database);
  const operation = await holding(`SELECT FROM ${OPERATIONS} FOR UPDATE`);
  await cursor.letGo();
  await waitingFor(operation.pid);
  victim.kill('SIGSTOP');
  await operation.letGo();
  return { id, victim, session };
}

const PLACES = [
  ['the rows of a consumer', stoppedWithCursor],
  ['the row of the operation', stoppedWithOperation],
] as const;

/** Runs an operation that finds nothing to do. All processes that work operations off look for it at once. */
async function lookAtOnce(): Promise<void> {
  const { id } = await operations().plan({
    kind: 'discard',
    filter: { consumerName: 'nobody' },
    reason: 'there is nothing',
  });
  await operations().run(id);
  await operationEnded(operations(), id);
}

describe.each(PLACES)('a process that stands still while a portion has %s', (_, stopped) => {
  it('does not keep anybody from cancelling the operation, and sends nothing when it goes on', async () => {
    startWorkers(1);
    const { id, victim, session } = await stopped();
    expect(await operations().cancel(id)).toMatchObject({ state: 'cancelled', changed: 0 });
    victim.kill('SIGCONT');
    await transactionHasEnded(session);
    // It does another operation, so it is done with the portion of the first one.
    await lookAtOnce();
    expect(await operations().get(id)).toMatchObject({ state: 'cancelled', changed: 0 });
    expect(await count('true', 'sent')).toBe(0);
  });
});

describe('a portion that waits for rows that others hold', () => {
  it('keeps nobody from cancelling its operation', async () => {
    startWorkers(1);
    const cursor = await holding(CURSOR);
    const { id } = await begin();
    const session = await waitingFor(cursor.pid);
    const waits = async () => {
      const { rows } = await database.pool.query(
        'SELECT query_start FROM pg_stat_activity WHERE pid = $1 AND $2 = ANY (pg_blocking_pids(pid))',
        [session, cursor.pid],
      );
      return rows;
    };
    const before = await waits();
    expect(await operations().cancel(id)).toMatchObject({ state: 'cancelled', changed: 0 });
    // It was not the end of the portion that let the cancellation through.
    expect([before.length, await waits()]).toEqual([1, before]);
    await cursor.letGo();
    await transactionHasEnded(session);
    await lookAtOnce();
    expect(await count('true', 'sent')).toBe(0);
  });
});

describe('a process that stands still in the middle of a portion for longer than its lease', () => {
  it('is replaced by another one, and neither sends nor notes anything when it goes on', async () => {
    startWorkers(2);
    const { id, victim } = await stoppedWithOperation();
    await database.pool.query(`UPDATE ${OPERATIONS} SET lease_expires_at = clock_timestamp()`);
    await lookAtOnce();
    expect(await operationEnded(operations(), id)).toMatchObject({ state: 'done', changed: EVENTS });
    // All of them fail again here. A process that sent them now would send them a second time.
    await database.pool.query(
      `UPDATE integration.inbox_event SET status = 'dead_letter', available_at = NULL`,
    );
    const before = await operations().get(id);
    for (const worker of workers) if (worker !== victim) worker.kill('SIGKILL');
    victim.kill('SIGCONT');
    await lookAtOnce();
    expect(await operations().get(id)).toEqual(before);
    expect([await count('true', 'sent'), await count(`status = 'dead_letter'`)]).toEqual([EVENTS, EVENTS]);
  });
});

describe('a process that loses an operation in the middle of a portion', () => {
  it('changes nothing, and whoever has it then sends each event once', async () => {
    startWorkers(1);
    const cursor = await holding(CURSOR);
    const { id } = await begin();
    const session = await waitingFor(cursor.pid);
    await database.pool.query(
      `UPDATE ${OPERATIONS} SET lease_owner = gen_random_uuid(), lease_token = gen_random_uuid(),
         lease_expires_at = clock_timestamp() + interval '1 hour'`,
    );
    await cursor.letGo();
    await transactionHasEnded(session);
    expect(await operations().get(id)).toMatchObject({ state: 'running', changed: 0 });
    expect(await count('true', 'sent')).toBe(0);
    await database.pool.query(`UPDATE ${OPERATIONS} SET lease_expires_at = clock_timestamp()`);
    await lookAtOnce();
    expect(await operationEnded(operations(), id)).toMatchObject({ state: 'done', changed: EVENTS });
    expect(await count('true', 'sent')).toBe(EVENTS);
  });
});

/** Runs a replay of a consumer that has an owner. */
async function replay({ from, rate }: { from: number; rate?: number }): Promise<string> {
  const filter = { consumerName: 'billing', from };
  const { id } = await operations().plan({ kind: 'replay', filter, rate });
  await operations().run(id);
  return id;
}

describe('an owner of a consumer that stands still in the middle of a replay', () => {
  it.each([
    ['cancelling', 'cancel', 'cancelled'],
    ['pausing', 'pause', 'paused'],
  ] as const)('keeps nobody from %s it, and sends nothing when it goes on', async (_, act, held) => {
    const worker = startWorker(database.url, [{ eventName: 'order.placed', consumerName: 'billing' }]);
    workers.push(worker);
    const id = await replay({ from: 1, rate: 1 });
    await until('it has begun', async () => (await operations().get(id)).changed > 0);
    const request = await holding('SELECT FROM integration.inbox_replay FOR UPDATE');
    const session = await waitingFor(request.pid);
    worker.kill('SIGSTOP');
    await request.letGo();
    const { state, changed } = await operations()[act](id);
    expect(state).toBe(held);
    worker.kill('SIGCONT');
    await transactionHasEnded(session);
    const last = await replay({ from: EVENTS });
    expect(await operationEnded(operations(), last)).toMatchObject({ state: 'done', changed: 1 });
    expect(await operations().get(id)).toMatchObject({ state: held, changed });
    expect(await count('true', 'sent')).toBe(changed + 1);
  });
});

describe('a pause of a replay that comes while a window sends', () => {
  it('waits for the window, and no other one follows', async () => {
    workers.push(startWorker(database.url, [{ eventName: 'order.placed', consumerName: 'billing' }]));
    const id = await replay({ from: 1, rate: 1 });
    await until('the first were delivered', async () => {
      const { changed } = await operations().get(id);
      return changed > 0 && (await count(`status = 'processed'`)) === changed;
    });
    // A window has chosen what it sends, and waits to write it. A delivery may wait as well.
    const rows = await holding('LOCK TABLE integration.inbox_event IN SHARE MODE');
    const window = await waitingFor(rows.pid, OPERATIONS);
    const pausing = operations().pause(id);
    await waitingFor(window);
    await rows.letGo();
    const { state, changed } = await pausing;
    expect([state, await count('true', 'sent')]).toEqual(['paused', changed]);
    const last = await replay({ from: EVENTS });
    expect(await operationEnded(operations(), last)).toMatchObject({ state: 'done', changed: 1 });
    expect(await operations().get(id)).toMatchObject({ state: 'paused', changed });
    expect(await count('true', 'sent')).toBe(changed + 1);
  });
});

describe('an operation whose database ends all sessions again and again', () => {
  it('sends each event once, and says how far it is', async () => {
    startWorkers(2);
    await database.pool.query(`CREATE UNIQUE INDEX ON sent (id)`);
    const { id } = await operations().plan({
      kind: 'redrive',
      filter: { consumerName: 'billing' },
      rate: 20,
    });
    await operations().run(id);
    for (let changed = 0; changed < EVENTS; ) {
      const progress = await until('it goes on', async () => {
        const [row] = (
          await database.pool.query<{ changed: number }>(`SELECT changed::int FROM ${OPERATIONS}`)
        ).rows;
        return row !== undefined && row.changed > changed ? row : undefined;
      });
      changed = progress.changed;
      expect(await count('true', 'sent')).toBeGreaterThanOrEqual(changed);
      await database.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name LIKE 'nestjs-integration%'`,
      );
    }
    await until('it is done', async () => (await count(`state = 'done'`, OPERATIONS)) === 1);
    expect(await count(`changed = ${EVENTS}`, OPERATIONS)).toBe(1);
    expect(await count('true', 'sent')).toBe(EVENTS);
  });
});
