import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { ConsumerRegistration } from '../../src/registration/consumer-registration.js';
import { EventSubscriberRegistry } from '../../src/subscribers/event-subscriber-registry.js';
import type { SubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { emptyTablesAnew } from '../support/empty-tables.js';
import { hearLog, type LogLines, silenceLog } from '../support/log-lines.js';
import { startStatementProxy } from '../support/statement-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let db: EngineDatabase;
let lines: LogLines;

beforeAll(async () => {
  database = await createTestDatabase();
  db = engine();
});
afterAll(async () => {
  await db.close();
  await database.drop();
});
beforeEach(async () => {
  await emptyTablesAnew(database.pool, 'integration.outbox_event', 'integration.inbox_cursor');
  lines = hearLog();
});
afterEach(() => {
  silenceLog();
});

describe('a boot with very many consumers', () => {
  const many = (startFrom: SubscriberDefinition['startFrom'], count: number) =>
    Array.from({ length: count }, (_, n) => ({ consumerName: `of many ${n}`, startFrom }));

  it.each<[string, SubscriberDefinition['startFrom']]>([
    ['latest', 'latest'],
    ['recent', 'recent'],
    ['a time', new Date(Date.now() - 60_000)],
  ])('looks once for all that start at one place, beside a long INSERT too: %s', async (_, startFrom) => {
    await publish({ minutesAgo: 90 });
    const writer = await database.pool.connect();
    await writer.query('BEGIN');
    await writer.query(`INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
      SELECT 'invoice.created', 'test', 'invoice', n::text FROM generate_series(1, 1000) AS n`);
    const proxy = await startStatementProxy(database.url);
    const through = engine({ url: proxy.url });
    try {
      const { created } = await registration(many(startFrom, 50), through);
      expect(created).toHaveLength(50);
      expect(proxy.sentOf(({ sql }) => sql.includes('WITH RECURSIVE search'))).toHaveLength(1);
      expect(new Set((await cursors()).map(({ unread }) => unread))).toEqual(new Set(['{[2,)}']));
    } finally {
      await writer.query('ROLLBACK');
      writer.release();
      await through.close();
      await proxy.close();
    }
  });

  it('is not taken for one that reaches no server, as long as each statement is answered', async () => {
    await database.pool.query(`
      CREATE FUNCTION slow_insert() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END $$;
      CREATE TRIGGER slow BEFORE INSERT ON integration.inbox_cursor FOR EACH ROW EXECUTE FUNCTION slow_insert()`);
    const impatient = engine({ limits: { answerMs: 3_000 } });
    try {
      const { created } = await registration(many('earliest', 200), impatient);
      expect(created).toHaveLength(200);
    } finally {
      await impatient.close();
      await database.pool.query('DROP TRIGGER slow ON integration.inbox_cursor; DROP FUNCTION slow_insert()');
    }
  });
});

describe('a new consumer', () => {
  it('starts with the events of the last hour by default', async () => {
    await publish({ minutesAgo: 120 }, { minutesAgo: 61 }, { minutesAgo: 59 }, { minutesAgo: 0 });
    const { created } = await register({ consumerName: 'recent' });
    expect(created).toEqual([{ consumerName: 'recent', startsAt: 3, partitions: 1, leftOut: 2 }]);
    expect(await cursors()).toMatchObject([
      { unread: '{[3,)}', starts_at: '3', event_names: ['invoice.created'] },
    ]);
  });

  it('starts with everything where nothing is older than an hour', async () => {
    await publish({ minutesAgo: 5 }, { minutesAgo: 1 });
    await register({ consumerName: 'recent' });
    expect(await cursors()).toMatchObject([{ unread: '{[1,)}', starts_at: '1' }]);
  });

  it('starts after the last event where all are older than an hour', async () => {
    await publish({ minutesAgo: 90 }, { minutesAgo: 80 });
    await register({ consumerName: 'recent' });
    expect(await cursors()).toMatchObject([{ unread: '{[3,)}' }]);
  });

  it('finds its start among rolled back and retired positions', async () => {
    await publish(...Array.from({ length: 200 }, (_, index) => ({ minutesAgo: 200 - index })));
    await database.pool.query(
      'DELETE FROM integration.outbox_event WHERE position < 20 OR position % 7 IN (0, 1, 2)',
    );
    await register({ consumerName: 'recent' });
    const { rows } = await database.pool.query(
      `SELECT max(position) + 1 AS start FROM integration.outbox_event WHERE created_at < now() - interval '1 hour'`,
    );
    expect(await cursors()).toMatchObject([{ starts_at: rows[0].start }]);
  });

  it("starts with the first event for 'earliest'", async () => {
    await publish({ minutesAgo: 120 }, { minutesAgo: 1 });
    await register({ consumerName: 'all', startFrom: 'earliest' });
    expect(await cursors()).toMatchObject([{ unread: '{[1,)}' }]);
  });

  it("starts with the next event for 'latest'", async () => {
    await publish({ minutesAgo: 1 }, { minutesAgo: 0 });
    await register({ consumerName: 'new', startFrom: 'latest' });
    expect(await cursors()).toMatchObject([{ unread: '{[3,)}', starts_at: '3' }]);
  });

  it("does not miss, with 'latest', an event of a transaction that is open while it registers", async () => {
    await publish({ minutesAgo: 1 });
    const writer = await database.pool.connect();
    await writer.query('BEGIN');
    await insert(writer, { minutesAgo: 0 });
    await publish({ minutesAgo: 0 });
    await register({ consumerName: 'new', startFrom: 'latest' });
    await writer.query('COMMIT');
    writer.release();
    await publish({ minutesAgo: 0 });
    const { rows } = await database.pool.query(
      'SELECT position FROM integration.outbox_event, integration.inbox_cursor WHERE position <@ unread ORDER BY 1',
    );
    expect(rows.map((row) => Number(row.position))).toEqual([2, 4]);
  });

  it('starts with the first event written at a Date or later', async () => {
    await publish({ minutesAgo: 300 }, { minutesAgo: 200 }, { minutesAgo: 100 });
    await register({ consumerName: 'since', startFrom: new Date(Date.now() - 150 * 60_000) });
    expect(await cursors()).toMatchObject([{ unread: '{[3,)}' }]);
  });

  it('starts with the next event, and says so, for a Date to come', async () => {
    await publish({ minutesAgo: 1 });
    await register({ consumerName: 'since', startFrom: new Date(Date.now() + 86_400_000) });
    expect(await cursors()).toMatchObject([{ unread: '{[2,)}' }]);
    expect(lines.texts('warn')).toContainEqual(expect.stringContaining('yet to come'));
  });

  it('gets one row for each of its partitions', async () => {
    await register({ consumerName: 'spread', partitions: 3 });
    expect(await cursors()).toMatchObject([
      { partition: 0, partitions: 3, unread: '{[1,)}' },
      { partition: 1, partitions: 3, unread: '{[1,)}' },
      { partition: 2, partitions: 3, unread: '{[1,)}' },
    ]);
  });

  it('says in the log how many retained events it leaves out, and how to get them', async () => {
    await publish(
      { minutesAgo: 120 },
      { minutesAgo: 110 },
      { minutesAgo: 100, eventName: 'other' },
      { minutesAgo: 0 },
    );
    await register({ consumerName: 'operations', eventName: 'invoice.*' });
    expect(lines.texts('log')).toContainEqual(
      `Consumer "operations" registered: it starts at position 4 (startFrom: 'recent'). 2 retained events are left out; to deliver them as well run: npx nestjs-integration replay operations --from 1 --to 3`,
    );
  });
});

describe('a consumer that is there', () => {
  it('is left as it is when it registers again', async () => {
    await register({ consumerName: 'known', startFrom: 'earliest' });
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET unread = '{[42,)}', lease_token = gen_random_uuid()`,
    );
    await publish(...Array.from({ length: 50 }, () => ({ minutesAgo: 0 })));
    const before = await cursors();
    expect(await register({ consumerName: 'known', startFrom: 'latest' })).toEqual({
      created: [],
      extended: [],
    });
    expect(await cursors()).toEqual(before);
  });

  it('keeps its number of partitions, and names the command that changes it', async () => {
    await register({ consumerName: 'spread', partitions: 2 });
    await register({ consumerName: 'spread', partitions: 4 });
    expect(await cursors()).toHaveLength(2);
    expect(lines.texts('warn')).toContainEqual(
      expect.stringContaining('npx nestjs-integration consumers repartition spread 4'),
    );
  });

  it('fences off an owner that goes by the old names when names are added', async () => {
    await register({ consumerName: 'growing', eventName: 'a' });
    const token = '00000000-0000-4000-8000-000000000001';
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET lease_owner = $1, lease_token = $1, lease_expires_at = now() + interval '1 hour'`,
      [token],
    );
    await publish({ minutesAgo: 0 });
    const { extended } = await register({ consumerName: 'growing', eventName: ['a', 'b'] });
    expect(extended).toEqual([{ consumerName: 'growing', addedNames: ['b'], from: 1 }]);
    const [cursor] = await cursors();
    expect(cursor).toMatchObject({ event_names: ['a', 'b'], lease_owner: null, lease_expires_at: null });
    expect(cursor?.lease_token).not.toBe(token);
  });

  it('keeps names that the code no longer handles', async () => {
    await register({ consumerName: 'shrinking', eventName: ['a', 'b'] });
    await register({ consumerName: 'shrinking', eventName: ['a'] });
    expect(await cursors()).toMatchObject([{ event_names: ['a', 'b'] }]);
  });
});

it('lets processes that boot together register the same consumers once', async () => {
  await publish({ minutesAgo: 0 });
  const engines = Array.from({ length: 4 }, engine);
  const results = await Promise.all(
    engines.map((each) =>
      registration(
        [
          { consumerName: 'one', partitions: 2 },
          { consumerName: 'two', startFrom: 'latest' },
        ],
        each,
      ),
    ),
  );
  await Promise.all(engines.map((each) => each.close()));
  expect(results.flatMap(({ created }) => created.map(({ consumerName }) => consumerName)).sort()).toEqual([
    'one',
    'two',
  ]);
  expect(await cursors()).toHaveLength(3);
});

it('registers all definitions of a boot or none', async () => {
  await database.pool.query(
    'ALTER TABLE integration.inbox_cursor ADD CONSTRAINT no_b CHECK (consumer_name <> $$b$$)',
  );
  await expect(registration([{ consumerName: 'a' }, { consumerName: 'b' }])).rejects.toThrow('no_b');
  await database.pool.query('ALTER TABLE integration.inbox_cursor DROP CONSTRAINT no_b');
  expect(await cursors()).toEqual([]);
});

it('refuses to start where the sequence is behind a cursor, and names the repair', async () => {
  await register({ consumerName: 'ahead' });
  await database.pool.query(`UPDATE integration.inbox_cursor SET unread = '{[7,8),[101,)}'`);
  await publish({ minutesAgo: 0 });
  const refused = register({ consumerName: 'ahead' });
  await expect(refused).rejects.toMatchObject({
    code: 'INTEGRATION_SEQUENCE_BEHIND',
    details: { tail: 101, nextPosition: 2 },
  });
  const repair = /run: (SELECT setval.*)$/.exec(
    (await refused.catch((error: Error) => error.message)) as string,
  )?.[1];
  await database.pool.query(repair ?? '');
  await expect(register({ consumerName: 'ahead' })).resolves.toEqual({ created: [], extended: [] });
  await publish({ minutesAgo: 0 });
  const { rows } = await database.pool.query('SELECT max(position) AS last FROM integration.outbox_event');
  expect(rows).toEqual([{ last: '101' }]);
});

it('needs no right on the log’s sequence', async () => {
  const role = `limited_${process.pid}`;
  await database.pool.query(`
    CREATE ROLE ${role} LOGIN PASSWORD 'limited';
    GRANT USAGE ON SCHEMA integration TO ${role};
    GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA integration TO ${role}`);
  const url = new URL(database.url);
  url.username = role;
  url.password = 'limited';
  const limited = new EngineDatabase({ connectionString: url.toString(), schema: 'integration' });
  try {
    await publish({ minutesAgo: 0 }, { minutesAgo: 0 });
    await registration([{ consumerName: 'a', startFrom: 'latest' }], limited);
    await registration([{ consumerName: 'b', startFrom: 'earliest' }], limited);
    expect(await cursors()).toMatchObject([{ unread: '{[3,)}' }, { unread: '{[1,)}' }]);
  } finally {
    await limited.close();
    await database.pool.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }
});

function engine({ url = database.url, limits }: { url?: string; limits?: { answerMs: number } } = {}) {
  return new EngineDatabase({ connectionString: url, schema: 'integration', limits });
}

type Wanted = Partial<SubscriberDefinition> & { consumerName: string };

function register(definition: Wanted) {
  return registration([definition]);
}

function registration(definitions: Wanted[], on = db) {
  const registry = new EventSubscriberRegistry();
  for (const definition of definitions) {
    registry.registerHandler({ eventName: 'invoice.created', handler: async () => {}, ...definition });
  }
  return new ConsumerRegistration(on).register(registry.consumers());
}

interface Wrote {
  minutesAgo: number;
  eventName?: string;
}

async function publish(...events: Wrote[]): Promise<void> {
  for (const event of events) await insert(database.pool, event);
}

async function insert(
  client: Pick<TestDatabase['pool'], 'query'>,
  { minutesAgo, eventName }: Wrote,
): Promise<void> {
  await client.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, created_at)
     VALUES ($1, 'finance', 'invoice', '1', clock_timestamp() - $2 * interval '1 minute')`,
    [eventName ?? 'invoice.created', minutesAgo],
  );
}

async function cursors() {
  const { rows } = await database.pool.query(
    'SELECT * FROM integration.inbox_cursor ORDER BY consumer_name, partition',
  );
  return rows as Record<string, unknown>[];
}
