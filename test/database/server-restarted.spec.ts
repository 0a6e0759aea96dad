import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { filter, firstValueFrom } from 'rxjs';
import { IntegrationHealthIndicator } from '../../src/health/index.js';
import {
  createIntegrationTestDatabase,
  type EmbeddedPostgres,
  type IntegrationTestDatabase,
  startEmbeddedPostgres,
} from '../../src/testing/index.js';
import { type AdminApp, PATH, startAdminApp, TOKEN } from '../admin/admin-app.js';
import { Outage } from '../support/outage.js';
import type { TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { startWorker, type WorkerProcess } from '../support/worker-process.js';

/*
 * The whole server is stopped and started again while operations are in the middle. Two processes work them off,
 * and a third one has the admin API. Nobody can connect until the test has seen that all have noticed.
 */

/** Dead letters of each consumer. */
const EVENTS = 1_200;
const RATE = 300;
/** Enough for a busy machine. */
const TIMEOUT_MS = 120_000;

let server: EmbeddedPostgres;
let database: IntegrationTestDatabase;
let pool: pg.Pool;
let outage: Outage;
let workers: WorkerProcess[];
let admin: AdminApp;
let stream: Stream | undefined;

beforeAll(async () => {
  server = await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
});
afterAll(() => server.stop());

beforeEach(async () => {
  database = await createIntegrationTestDatabase({ server });
  pool = new pg.Pool({ connectionString: database.url, max: 2 });
  pool.on('error', () => {});
  await fill();
  outage = await Outage.of(database.url);
  workers = [1, 2].map(() =>
    startWorker(outage.url, [{ eventName: 'order.placed', consumerName: 'replayed' }]),
  );
  admin = await startAdminApp({ url: outage.url } as TestDatabase);
  // A process whose boot meets the outage would end.
  for (const { lines$ } of workers) await firstValueFrom(lines$.pipe(filter(({ ready }) => ready === true)));
});
afterEach(async () => {
  await outage.end();
  await admin.close();
  await stream?.ended;
  for (const worker of workers) worker.kill('SIGKILL');
  await Promise.all(workers.map(({ ended }) => ended));
  await outage.close();
  await pool.end();
  await database.drop();
});

/** Each consumer has a dead letter for each event. Whatever is taken from the dead letters is noted, and once only. */
async function fill(): Promise<void> {
  await pool.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
     SELECT 'order.placed', 'shop', 'order', n::text FROM generate_series(1, ${EVENTS}) AS n`,
  );
  await pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
     SELECT name, '{order.placed}', int8multirange(int8range(${EVENTS + 1}, NULL))
     FROM unnest('{redriven,discarded,replayed,cancelled}'::text[]) AS name`,
  );
  await pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error)
     SELECT e.id, e.position, c.consumer_name, e.aggregate_type, e.aggregate_id, 'dead_letter', 'boom'
     FROM integration.outbox_event e CROSS JOIN integration.inbox_cursor c`,
  );
  await pool.query(`
    CREATE TABLE taken (consumer text, id uuid, UNIQUE (consumer, id));
    CREATE FUNCTION note_taken() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN INSERT INTO taken VALUES (NEW.consumer_name, NEW.outbox_event_id); RETURN NULL; END $$;
    CREATE TRIGGER note_taken AFTER UPDATE ON integration.inbox_event FOR EACH ROW
      WHEN (OLD.status = 'dead_letter' AND NEW.status <> 'dead_letter') EXECUTE FUNCTION note_taken()`);
}

const post = async (path: string, json: object = {}) => {
  const answer = await admin.ask(path, { method: 'POST', json });
  expect([answer.text, answer.status]).toEqual([answer.text, 200]);
  return answer.json;
};

async function begin(json: object): Promise<string> {
  const { id } = await post('operations', { rate: RATE, ...json });
  return (await post(`operations/${id}/run`)).id;
}

interface Progress {
  readonly state: string;
  readonly changed: number;
  readonly error: string | null;
}

async function progressOf(id: string): Promise<Progress> {
  const { rows } = await pool.query<Progress>(
    'SELECT state, changed::int, error FROM integration.integration_operation WHERE id = $1',
    [id],
  );
  if (rows[0] === undefined) throw new Error(`there is no operation ${id}`);
  return rows[0];
}

async function takenOf(consumer: string): Promise<number> {
  const { rows } = await pool.query('SELECT count(*)::int AS n FROM taken WHERE consumer = $1', [consumer]);
  return rows[0].n;
}

interface Stream {
  text(): string;
  /** Resolves when the application ends it. */
  readonly ended: Promise<void>;
}

async function watching(): Promise<Stream> {
  const response = await fetch(`${admin.url}/${PATH}/stream`, { headers: { authorization: TOKEN } });
  let text = '';
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const piece of response.body ?? []) text += decoder.decode(piece, { stream: true });
  };
  return { text: () => text, ended: read() };
}

const readiness = async () =>
  (await admin.app.get(IntegrationHealthIndicator, { strict: false }).ready()).integration.status;

describe.each(['fast', 'immediate'] as const)('a server that is stopped (%s) and started again', (mode) => {
  it(
    'leaves operations that go on by themselves, change each event once, and can be cancelled',
    async () => {
      const said: string[] = [];
      const exits: unknown[] = [];
      for (const { errors$, ended } of workers) {
        errors$.subscribe((line) => said.push(line));
        void ended.then((exit) => exits.push(exit));
      }
      const watched = await watching();
      stream = watched;
      await until('it shows a look', async () => watched.text().includes('event: overview\n'));
      await until('it is ready', async () => (await readiness()) === 'up');
      const ids = {
        redriven: await begin({ kind: 'redrive', consumer: 'redriven' }),
        discarded: await begin({ kind: 'discard', consumer: 'discarded', reason: 'test data' }),
        replayed: await begin({ kind: 'replay', consumer: 'replayed', from: 1 }),
        // It would take minutes.
        cancelled: await begin({ kind: 'redrive', consumer: 'cancelled', rate: 10 }),
      };
      for (const id of Object.values(ids))
        await until('it is in the middle', async () => (await progressOf(id)).changed > 0);

      outage.refuseNew();
      await server.restart({ mode });
      await until('it is not ready', async () => (await readiness()) === 'down');
      await until('the stream says so', async () => watched.text().includes('event: unavailable\n'));
      const { length } = watched.text();
      expect(await progressOf(ids.cancelled)).toMatchObject({ state: 'running' });
      await outage.end();

      await until('it is ready again', async () => (await readiness()) === 'up');
      await until('the stream shows looks again', async () =>
        watched.text().slice(length).includes('event: overview\n'),
      );
      const cancelled = await post(`operations/${ids.cancelled}/cancel`);
      expect(cancelled.state).toBe('cancelled');
      for (const name of ['redriven', 'discarded', 'replayed'] as const) {
        await until(`${name} is done`, async () => (await progressOf(ids[name])).state !== 'running');
        expect([name, await progressOf(ids[name])]).toEqual([
          name,
          { state: 'done', changed: EVENTS, error: null },
        ]);
        expect([name, await takenOf(name)]).toEqual([name, EVENTS]);
      }
      expect(await progressOf(ids.cancelled)).toMatchObject({
        state: 'cancelled',
        changed: cancelled.changed,
      });
      expect(await takenOf('cancelled')).toBe(cancelled.changed);
      const { rows } = await pool.query(
        `SELECT action, count(*)::int AS n FROM integration.integration_audit GROUP BY action ORDER BY action`,
      );
      expect(rows).toEqual([
        { action: 'operations.cancel', n: 1 },
        { action: 'operations.run', n: 4 },
      ]);
      // An unhandled rejection would have ended them.
      expect([exits, said]).toEqual([[], []]);
    },
    TIMEOUT_MS,
  );
});
