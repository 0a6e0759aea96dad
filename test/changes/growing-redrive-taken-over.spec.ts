import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { NonRetryableError, OperationService } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { publishOrders } from '../support/orders.js';
import { holderOf, operationEnded } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { startWorker, type WorkerProcess } from '../support/worker-process.js';

/*
 * A redrive that grows, and whose process is killed between two portions, again and again. The processes that
 * work it off handle none of its events. Those are handled in the process of the test, whose role may not work
 * operations off. So the test says which event is handled when, and each number is known.
 */

const ALL = 3_000;
const ROLE = `handler_${process.pid}`;

let database: TestDatabase;
/** Plans and runs operations, and works none off. */
let office: TestApp;
/** Handles the events, and may not work operations off. */
let handling: TestApp;
let workers: WorkerProcess[];
/** Each event that is sent waits here until the test lets it through. */
let turns: ((fate: 'handled' | 'failed') => void)[];
let areFree: boolean;

const operations = () => office.context.get(OperationService);

/** Notes every event that is sent, and after each portion how many are under way and how many were handled. */
const NOTES = `
  CREATE TABLE sent (id uuid);
  CREATE TABLE portion (n bigserial, events int, under_way int, handled int);
  CREATE FUNCTION note_portion() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE operation uuid;
    BEGIN
      WITH added AS (
        INSERT INTO sent SELECT n.id FROM new_rows n JOIN old_rows o USING (id)
        WHERE o.status = 'dead_letter' AND n.status = 'received' RETURNING id
      )
      INSERT INTO portion (events) SELECT count(*) FROM added HAVING count(*) > 0;
      IF NOT FOUND THEN RETURN NULL; END IF;
      SELECT operation_id INTO operation FROM new_rows WHERE operation_id IS NOT NULL LIMIT 1;
      UPDATE portion SET
        under_way = (SELECT count(*) FROM integration.inbox_event WHERE operation_id = operation AND status IN ('received', 'processing')),
        handled = (SELECT count(*) FROM integration.inbox_event WHERE operation_id = operation AND status IN ('processed', 'skipped'))
        WHERE n = (SELECT max(n) FROM portion);
      RETURN NULL;
    END $$;
  CREATE TRIGGER note_portion AFTER UPDATE ON integration.inbox_event
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION note_portion();`;

beforeEach(async () => {
  database = await createTestDatabase();
  workers = [];
  turns = [];
  areFree = false;
  await database.pool.query(`
    CREATE ROLE ${ROLE} LOGIN PASSWORD 'handler';
    GRANT USAGE ON SCHEMA integration TO ${ROLE};
    GRANT ALL ON ALL TABLES IN SCHEMA integration TO ${ROLE};
    GRANT ALL ON ALL SEQUENCES IN SCHEMA integration TO ${ROLE};
    REVOKE UPDATE ON integration.integration_operation FROM ${ROLE}`);
  const url = new URL(database.url);
  url.username = ROLE;
  url.password = 'handler';
  let isFirst = true;
  handling = await startApp(
    database,
    [
      {
        eventName: 'order.placed',
        consumerName: 'billing',
        startFrom: 'earliest',
        handler: async () => {
          const fate = isFirst ? 'failed' : areFree ? 'handled' : await new Promise((go) => turns.push(go));
          if (fate === 'failed') throw new NonRetryableError('the receiver is down');
        },
      },
    ],
    { connectionString: url.toString(), settings: { handlerTimeoutMs: 600_000 } },
  );
  await publishOrders(handling, ALL);
  await until('all are dead', async () => (await count(`status = 'dead_letter'`)) === ALL);
  isFirst = false;
  office = await startApp(database, [], { role: 'publisher' });
  await database.pool.query(`${NOTES} GRANT ALL ON ALL TABLES IN SCHEMA public TO ${ROLE};
    GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO ${ROLE}`);
  startWorkers(2);
}, 120_000);
afterEach(async () => {
  for (const worker of workers) worker.kill('SIGKILL');
  areFree = true;
  letThrough(turns.length);
  await Promise.all([...workers.map(({ ended }) => ended), office.close(), handling.close()]);
  await database.pool.query(`DROP OWNED BY ${ROLE}; DROP ROLE ${ROLE}`);
  await database.drop();
});

async function count(condition: string, table = 'integration.inbox_event'): Promise<number> {
  const { rows } = await database.pool.query(`SELECT count(*)::int AS n FROM ${table} WHERE ${condition}`);
  return rows[0].n;
}

function startWorkers(number: number): void {
  for (let n = 0; n < number; n++)
    workers.push(startWorker(database.url, [{ eventName: 'other.made', consumerName: 'other' }]));
}

function letThrough(number: number, fate: 'handled' | 'failed' = 'handled'): void {
  for (const go of turns.splice(0, number)) go(fate);
}

/** Lets this number of the events under way come to their end. */
async function end(number: number, fate: 'handled' | 'failed' = 'handled'): Promise<void> {
  for (let left = number; left > 0; ) {
    await until('one waits', async () => turns.length > 0);
    const some = Math.min(left, turns.length);
    letThrough(some, fate);
    left -= some;
  }
}

async function begin(): Promise<string> {
  const { id } = await operations().plan({
    kind: 'redrive',
    filter: { consumerName: 'billing' },
    stopAbovePercent: 5,
  });
  await operations().run(id);
  return id;
}

/** Waits until `changed` events were sent, and until the process that has the operation has looked again and sends no more. */
async function sends(id: string, changed: number): Promise<WorkerProcess> {
  await until(`${changed} are sent`, async () => (await operations().get(id)).changed >= changed);
  const holder = await holderOf(id, workers, database, changed);
  const { progressedAt } = await operations().get(id);
  await until('it looks again', async () => {
    const now = await operations().get(id);
    return now.changed > changed || (now.progressedAt?.getTime() ?? 0) > (progressedAt?.getTime() ?? 0) + 600;
  });
  expect((await operations().get(id)).changed).toBe(changed);
  return holder;
}

/** Kills the process that waits for outcomes, and waits until another one has the operation. */
async function killBetweenPortions(id: string, holder: WorkerProcess): Promise<void> {
  holder.kill('SIGKILL');
  expect(await holder.ended).toBe('SIGKILL');
  workers.splice(workers.indexOf(holder), 1);
  startWorkers(1);
  await holderOf(id, workers, database);
}

it('goes on from what was proved, sends each event once and leaves none out', async () => {
  const id = await begin();
  await killBetweenPortions(id, await sends(id, 5));
  // Nothing is proved yet, so another process sends no five of its own.
  await sends(id, 5);
  await end(5);
  // 45 are under way behind 5 that were handled: 50 in all.
  await killBetweenPortions(id, await sends(id, 50));
  await sends(id, 50);
  await end(45);
  await killBetweenPortions(id, await sends(id, 500));
  await sends(id, 500);
  // It does not begin with 5 again: one more that is handled makes room for ten.
  await end(1);
  const holder = await sends(id, 510);
  areFree = true;
  letThrough(turns.length);
  // Once more, wherever it is.
  holder.kill('SIGKILL');
  expect(await operationEnded(operations(), id)).toMatchObject({ state: 'done', changed: ALL });
  await until('all are handled', async () => (await count(`status = 'processed'`)) === ALL);
  expect(await count('true', 'sent')).toBe(ALL);
  expect(await count('true', '(SELECT DISTINCT id FROM sent) AS s')).toBe(ALL);
  // Outcomes that came between the look and the portion can only make the bound wider.
  expect(await count('under_way > least(5000, greatest(5, 9 * handled))', 'portion')).toBe(0);
}, 240_000);

it('is stopped by the share of what failed, also by a process that has seen none of it succeed', async () => {
  const id = await begin();
  await sends(id, 5);
  await end(5);
  await sends(id, 50);
  await end(45);
  await killBetweenPortions(id, await sends(id, 500));
  await end(450, 'failed');
  const { state, changed, error } = await operationEnded(operations(), id);
  expect([state, error]).toEqual(['failed', expect.stringContaining('more than 5 percent')]);
  // Two failures of 52 are within the share, and each makes room for one more.
  expect(changed).toBeGreaterThanOrEqual(500);
  expect(changed).toBeLessThanOrEqual(502);
  expect(await count('true', 'sent')).toBe(changed);
}, 240_000);
