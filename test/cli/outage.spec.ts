import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { run } from '../../src/cli/run.js';
import { NonRetryableError } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { publishOrders } from '../support/orders.js';
import { Outage } from '../support/outage.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let outage: Outage;
let app: TestApp | undefined;
let broken: boolean;

const EVENTS = 30;

beforeEach(async () => {
  database = await createTestDatabase();
  outage = await Outage.of(database.url);
  broken = true;
  const started = await startApp(database, [
    {
      eventName: 'order.placed',
      consumerName: 'billing',
      startFrom: 'earliest',
      handler: async () => {
        if (broken) throw new NonRetryableError('the receiver is down');
      },
    },
  ]);
  app = started;
  await publishOrders(started, EVENTS);
  await until('all are dead', async () => (await rows(`status = 'dead_letter'`)) === EVENTS);
});
afterEach(async () => {
  await outage.close();
  await app?.close();
  await database.drop();
});

async function rows(condition: string, table = 'inbox_event'): Promise<number> {
  const counted = await database.pool.query(
    `SELECT count(*)::int AS n FROM integration.${table} WHERE ${condition}`,
  );
  return counted.rows[0].n;
}

const TABLES = ['inbox_cursor', 'inbox_event'].map((name) => `integration.${name}`);

/** Runs a command and takes the database away when it waits for a table. */
async function leftInTheMiddle<R>(command: () => Promise<R>): Promise<R> {
  const holder = await database.pool.connect();
  try {
    await holder.query(`BEGIN; LOCK TABLE ${TABLES.join(', ')} IN ACCESS EXCLUSIVE MODE`);
    const ended = command();
    await until('the command waits', async () => {
      const { rows: waiting } = await database.pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return waiting.length > 0;
    });
    await outage.refuse();
    return await ended;
  } finally {
    await holder.query('ROLLBACK');
    holder.release();
    await outage.end();
  }
}

describe('a command that the database leaves in the middle', () => {
  // Nobody else is to wait for the tables.
  beforeEach(async () => {
    await app?.close();
    app = undefined;
  });

  it.each([
    ['dead-letters list'],
    ['dead-letters redrive --consumer billing --position 1 --yes'],
    ['replay billing --from 1 --at-once --yes'],
    ['consumers repartition billing 2 --yes'],
  ])('ends with status 1, and says that the connection was lost: %s', async (words) => {
    const place = { ...database, url: outage.url };
    const { status, stdout, stderr } = await leftInTheMiddle(() => runCommand(words.split(' '), place));
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/^Error: the connection to Postgres at 127\.0\.0\.1:\d+\/\S+ was lost: /);
    expect(stderr).toContain('look before you repeat it');
    const json = await leftInTheMiddle(() => runJsonCommand(words.split(' '), place));
    expect(json).toMatchObject({
      status: 1,
      result: { error: { code: 'INTEGRATION_DATABASE_UNREACHABLE' } },
    });
    expect([await rows(`status = 'dead_letter'`), await rows('partitions = 1', 'inbox_cursor')]).toEqual([
      EVENTS,
      1,
    ]);
  });
});

describe('a command that follows its operation while the database is away', () => {
  it('says so once, and goes on when it is back', async () => {
    broken = false;
    let said = '';
    let printed = '';
    const words = ['dead-letters', 'redrive', '--consumer', 'billing', '--rate', '1', '--yes'];
    const ended = run(words, {
      folder: tmpdir(),
      environment: { ...process.env, DATABASE_URL: outage.url },
      isFollowed: false,
      terminal: undefined,
      screen: () => undefined,
      interruptible: (work) => work(new AbortController().signal),
      writeResult: (text) => {
        printed += text;
      },
      writeRemark: (text) => {
        said += text;
      },
    });
    await until('it has begun', async () => (await rows('changed > 0', 'integration_operation')) === 1);
    await outage.refuse();
    await until('it says so', async () => said.includes('Cannot look how far it is: '));
    await database.pool.query('UPDATE integration.integration_operation SET rate = NULL');
    await until('all are sent', async () => (await rows(`state = 'done'`, 'integration_operation')) === 1);
    await outage.end();
    expect(await ended).toBe(0);
    expect(printed).toContain(`${EVENTS} events sent on their way again.`);
    expect(said.split('\n').map((line) => line.slice(0, 26))).toEqual([
      'Cannot look how far it is:',
      'The database answers again',
      '',
    ]);
  });
});
