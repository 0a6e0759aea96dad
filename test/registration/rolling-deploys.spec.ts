import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type DomainEvent, EventSubscriberRegistry, type IntegrationModuleOptions } from '../../src/index.js';
import { startApp, type TestApp, type TestLimits } from '../support/app.js';
import { emptyTables } from '../support/empty-tables.js';
import { type Gate, gate } from '../support/gate.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import {
  BEATS,
  type Held,
  named,
  type StatementKind,
  type StatementProxy,
  startStatementProxy,
} from '../support/statement-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const NAME = 'billing';
const OLD = ['order.placed'];
const NEW = ['order.placed', 'order.paid'];

let database: TestDatabase;
const opened: TestApp[] = [];
const proxies: StatementProxy[] = [];
/** Opened at the end of a test, so that nothing hangs after a failure. */
const gates: Gate[] = [];
const helds: Held[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  await emptyTables(
    database.pool,
    'integration.outbox_event',
    'integration.inbox_cursor',
    'integration.inbox_event',
    'integration.integration_process',
  );
});
afterEach(async () => {
  silenceLog();
  for (const each of gates.splice(0)) each.open();
  for (const each of helds.splice(0)) each.letGo();
  await Promise.all(opened.splice(0).map((each) => each.close()));
  await Promise.all(proxies.splice(0).map((each) => each.close()));
});
afterAll(() => database.drop());

/** What a process does with an event: `begun order.placed 1`, `ended …`, by the number in its payload. */
type Seen = Recorder<string>;

interface Deployed {
  readonly app: TestApp;
  /** What it sends to the server goes this way. */
  readonly wire: StatementProxy;
}

interface Deployment {
  readonly seen: Seen;
  /** Its handlers wait for this. */
  readonly hold?: Gate;
  readonly options?: IntegrationModuleOptions | undefined;
  readonly subscriber?: object | undefined;
  readonly limits?: TestLimits;
  readonly wire?: StatementProxy;
}

async function openWire(): Promise<StatementProxy> {
  const wire = await startStatementProxy(database.url);
  proxies.push(wire);
  return wire;
}

/** From now on none of these statements reaches the database. */
function holdUp(wire: StatementProxy, kind: StatementKind): Held {
  const held = wire.hold(kind);
  helds.push(held);
  return held;
}

async function deploy(
  eventName: string[],
  { seen, hold, options, subscriber, limits, wire: given }: Deployment,
): Promise<Deployed> {
  const wire = given ?? (await openWire());
  const handler = async (event: DomainEvent) => {
    seen.record(`begun ${textOf(event)}`);
    await hold?.opened;
    seen.record(`ended ${textOf(event)}`);
  };
  const app = await startApp(
    database,
    [{ eventName, consumerName: NAME, handler, ...subscriber }],
    { connectionString: wire.url, ...options },
    limits,
  );
  opened.push(app);
  return { app, wire };
}

async function close({ app }: Deployed): Promise<void> {
  opened.splice(opened.indexOf(app), 1);
  await app.close();
}

const textOf = ({ eventName, payload }: DomainEvent) =>
  `${eventName} ${(payload as { number: number }).number}`;

/** Numbered, all of one aggregate. */
async function publish({ app }: Deployed, eventName: string, number: number) {
  await app.api.publishEvents([
    { eventName, sourceModule: 'test', aggregateType: 'order', aggregateId: '1', payload: { number } },
  ]);
}

const CLAIM = named('integration_claim');

/** Asks whether somebody still reads by fewer names than are stored. */
const ASKS_FOR_READERS: StatementKind = ({ sql }) =>
  /^SELECT 1 FROM \S+inbox_cursor.*superseded_token/.test(sql);

/** Asks which transactions that write to the log are still open. An owner that sees none reads once more. */
const LOOKS_AT_WRITERS: StatementKind = ({ sql }) => sql.includes('pg_locks');

const isOfTaking = (text: string) => text.includes('was taken from');

const both = (event: string) => [`begun ${event}`, `ended ${event}`];

const untilOwnedBy = ({ app }: Deployed) =>
  until('it has the consumer', async () => app.workers.active.length === 1);

const untilStored = (names: readonly string[]) =>
  until('the names are stored', async () => {
    const { rows } = await database.pool.query(
      'SELECT FROM integration.inbox_cursor WHERE event_names @> $1 AND event_names <@ $1',
      [names],
    );
    return rows.length > 0;
  });

/** The numbers of the events that the cursor has unread. */
async function unread(): Promise<number[]> {
  const { rows } = await database.pool.query<{ number: number }>(
    `SELECT (e.payload ->> 'number')::int AS number FROM integration.outbox_event e, integration.inbox_cursor c
     WHERE e.position <@ c.unread ORDER BY e.position`,
  );
  return rows.map(({ number }) => number);
}

const untilUnread = (numbers: readonly number[]) =>
  until(`unread is ${numbers}`, async () => (await unread()).join() === numbers.join());

const untilSettled = () => untilUnread([]);

async function positionOf(number: number): Promise<number> {
  const { rows } = await database.pool.query<{ position: string }>(
    `SELECT position FROM integration.outbox_event WHERE (payload ->> 'number')::int = $1`,
    [number],
  );
  return Number(rows[0]?.position);
}

/** An owner by the old names whose handler runs and is held up by a gate. */
async function deployBusy(seen: Seen, options?: IntegrationModuleOptions, subscriber?: object) {
  const hold = gate();
  gates.push(hold);
  const older = await deploy(OLD, { hold, seen, options, subscriber });
  await publish(older, 'order.placed', 1);
  await seen.first(1);
  return { older, hold };
}

const IN_ORDER = ['order.placed 1', 'order.placed 2', 'order.paid 3'].flatMap(both);

describe('a process whose code handles one more event name', () => {
  it('takes the consumer over when the running handler of the former owner has ended: once each, and in order', async () => {
    const seen: Seen = new Recorder();
    const { older, hold } = await deployBusy(seen);
    // A hole for as long as this transaction is open. Once it is not, the owner would read what there is, if it still did.
    const writer = await database.pool.connect();
    await writer.query(
      `BEGIN; INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id) VALUES ('other', 'test', 'other', '1')`,
    );
    await publish(older, 'order.placed', 2);
    // It boots although that handler is still running.
    const newer = await deploy(NEW, { seen });
    await publish(newer, 'order.paid', 3);
    await writer.query('ROLLBACK');
    writer.release();
    await until('the older one has seen that nobody writes', async () => {
      const looks = older.wire.sentOf(LOOKS_AT_WRITERS).map(({ answered }) => answered);
      return (await Promise.all(looks)).includes(0);
    });
    await newer.wire.more(6, BEATS);
    expect(seen.all).toEqual(['begun order.placed 1']);
    expect(await unread()).toEqual([1, 2, 3]);
    hold.open();
    expect(await seen.first(6)).toEqual(IN_ORDER);
    await untilSettled();
    expect(seen.all).toHaveLength(6);
    expect(older.app.workers.active).toEqual([]);
  });

  it('waits for a handler whose consumer gives it more time than others have', async () => {
    const seen: Seen = new Recorder();
    const settings = { handlerTimeoutMs: 100, processingLeaseMs: 2_000 };
    const { older, hold } = await deployBusy(seen, { settings }, { timeoutMs: 60_000 });
    const newer = await deploy(NEW, { seen, options: { settings } });
    await publish(older, 'order.placed', 2);
    await publish(newer, 'order.paid', 3);
    // A lease that is not renewed any more would have run out by then.
    await newer.wire.more(10, BEATS);
    expect(seen.all).toEqual(['begun order.placed 1']);
    hold.open();
    expect(await seen.first(6)).toEqual(IN_ORDER);
  });

  it('boots when the former owner reads no more, so that what is published from then on is delivered', async () => {
    const lines = hearLog();
    const seen: Seen = new Recorder();
    const { older, hold } = await deployBusy(seen);
    const held = holdUp(older.wire, BEATS);
    let isBooted = false;
    const booting = deploy(NEW, { seen }).finally(() => {
      isBooted = true;
    });
    await untilStored(NEW);
    await publish(older, 'order.paid', 2);
    await untilUnread([1]);
    expect(isBooted).toBe(false);
    held.letGo();
    const newer = await booting;
    await publish(newer, 'order.paid', 3);
    hold.open();
    expect(await seen.first(4)).toEqual(['order.placed 1', 'order.paid 3'].flatMap(both));
    await untilSettled();
    expect(seen.all).toHaveLength(4);
    const position = await positionOf(2);
    expect(lines.texts('log')).toContain(
      `Consumer "billing" handles order.paid from now on; events of this name that it passed over before position ${position + 1} are not delivered; to deliver them as well run: npx nestjs-integration replay billing --event order.paid --to ${position}`,
    );
  });

  it('waits as well where another one has added the name and both boot', async () => {
    const seen: Seen = new Recorder();
    const { older, hold } = await deployBusy(seen);
    const held = holdUp(older.wire, BEATS);
    const wires = [await openWire(), await openWire()];
    const booted: StatementProxy[] = [];
    const booting = wires.map((wire) => deploy(NEW, { seen, wire }).finally(() => booted.push(wire)));
    // Each has asked more than once whether the owner still reads: it waits.
    await Promise.all(wires.map((wire) => wire.more(3, ASKS_FOR_READERS)));
    expect(booted).toEqual([]);
    held.letGo();
    const [one] = await Promise.all(booting);
    if (one !== undefined) await publish(one, 'order.paid', 2);
    hold.open();
    expect(await seen.first(4)).toEqual(['order.placed 1', 'order.paid 2'].flatMap(both));
  });

  it('does not wait for long for an owner that does not answer: it takes the consumer and says so', async () => {
    const lines = hearLog();
    const seen: Seen = new Recorder();
    const { older } = await deployBusy(seen);
    holdUp(older.wire, BEATS);
    const newer = await deploy(NEW, { seen, limits: { handOverMs: 300 } });
    expect(lines.texts('warn')).toContainEqual(
      expect.stringMatching(
        /^Consumer "billing" \(partition 0\) was taken from the process \d+ on .* within 0.3 s/,
      ),
    );
    await publish(newer, 'order.paid', 2);
    expect((await seen.first(5)).slice(1)).toEqual(['order.placed 1', 'order.paid 2'].flatMap(both));
  });

  it('finds what a process can be asked for as a number, which a later version can go by', async () => {
    const { older } = await deployBusy(new Recorder());
    const { rows } = await database.pool.query<{ protocol: number }>(
      'SELECT protocol FROM integration.integration_process WHERE pid = $1',
      [process.pid],
    );
    expect(older.app.workers.active).toHaveLength(1);
    expect(rows).toEqual([{ protocol: 1 }]);
  });

  it('does not wait for an owner that was killed', async () => {
    const lines = hearLog();
    const seen: Seen = new Recorder();
    const { older, hold } = await deployBusy(seen);
    await database.pool.query(
      `UPDATE integration.integration_process SET backend_start = backend_start - interval '1 day'`,
    );
    holdUp(older.wire, BEATS);
    const newer = await deploy(NEW, { seen });
    expect(newer.wire.sentOf(ASKS_FOR_READERS)).toEqual([]);
    expect(lines.texts('warn').filter(isOfTaking)).toEqual([]);
    hold.open();
  });

  it('takes over after an admin has paused the consumer meanwhile, once it is resumed', async () => {
    const seen: Seen = new Recorder();
    const { older, hold } = await deployBusy(seen);
    await older.app.consumers.pause(NAME);
    await until('it is being handed over', async () => older.app.workers.active.length === 0);
    // Its lease is still held, by an owner that is leaving already.
    const newer = await deploy(NEW, { seen });
    await publish(newer, 'order.paid', 2);
    hold.open();
    await seen.first(2);
    await newer.wire.more(4, BEATS);
    expect(seen.all).toEqual(both('order.placed 1'));
    await newer.app.consumers.resume(NAME);
    expect(await seen.first(4)).toEqual(['order.placed 1', 'order.paid 2'].flatMap(both));
  });

  it('boots, and delivers, though the connections of all processes are cut while it waits', async () => {
    const seen: Seen = new Recorder();
    const { older, hold } = await deployBusy(seen);
    const held = holdUp(older.wire, BEATS);
    const booting = deploy(NEW, { seen, limits: { handOverMs: 1_000 } });
    await untilStored(NEW);
    await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name LIKE 'nestjs-integration%' AND datname = current_database()`,
    );
    held.letGo();
    const newer = await booting;
    await publish(newer, 'order.paid', 2);
    await seen.find((what) => what === 'ended order.paid 2');
    expect(newer.app.workers.active).toHaveLength(1);
    hold.open();
    await untilSettled();
  });

  it('may die before it has the consumer: the next one goes on in order', async () => {
    const seen: Seen = new Recorder();
    const { older, hold } = await deployBusy(seen);
    const dying = await deploy(NEW, { seen });
    await publish(older, 'order.placed', 2);
    await publish(dying, 'order.paid', 3);
    await close(dying);
    hold.open();
    const next = await deploy(NEW, { seen });
    expect(await seen.first(6)).toEqual(IN_ORDER);
    await untilSettled();
    expect(seen.all).toHaveLength(6);
    expect(next.app.workers.active).toHaveLength(1);
  });
});

describe('a process that gains a name while it runs', () => {
  it('finishes what its handlers run, and goes on with all names', async () => {
    const seen: Seen = new Recorder();
    const { older, hold } = await deployBusy(seen);
    const { app } = older;
    app.context.get(EventSubscriberRegistry).registerHandler({
      eventName: 'order.paid',
      consumerName: NAME,
      handler: async (event: DomainEvent) => seen.record(`ended ${textOf(event)}`),
    });
    await untilStored(NEW);
    await until('it hands over', async () => app.workers.active.length === 0);
    await publish(older, 'order.paid', 2);
    hold.open();
    expect(await seen.first(3)).toEqual([...both('order.placed 1'), 'ended order.paid 2']);
    await untilSettled();
    expect(seen.all).toHaveLength(3);
  });
});

describe('a process that has looked before the name was added, and claims afterwards', () => {
  it('gives the consumer back: it has no handler for what is stored now', async () => {
    const seen: Seen = new Recorder();
    const wire = await openWire();
    const held = holdUp(wire, CLAIM);
    const older = await deploy(OLD, { seen, wire });
    await held.reached;
    const publisher = await deploy(NEW, { seen, options: { role: 'publisher' } });
    await publish(publisher, 'order.paid', 2);
    // Once with a failed attempt, of former times when the name was handled.
    await database.pool.query(
      `WITH settled AS (UPDATE integration.inbox_cursor SET unread = unread - int8multirange(int8range($2, $2, '[]')))
       INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, attempt_count, available_at)
       SELECT id, position, $1, aggregate_type, aggregate_id, 'failed', 1, clock_timestamp() FROM integration.outbox_event WHERE position = $2`,
      [NAME, await positionOf(2)],
    );
    const claimed = wire.more(1, CLAIM);
    held.letGo();
    await claimed;
    const status = await until('it has given it back, or begun', async () => {
      const { rows } = await database.pool.query<{ status: string; isFree: boolean }>(
        `SELECT i.status, c.lease_token IS NULL AS "isFree" FROM integration.inbox_event i, integration.inbox_cursor c`,
      );
      const [row] = rows;
      return (row?.isFree || row?.status === 'dead_letter') && row.status;
    });
    expect(status).toBe('failed');
    expect(older.app.workers.active).toEqual([]);
    await deploy(NEW, { seen });
    expect(await seen.first(2)).toEqual(both('order.paid 2'));
  });
});

describe('when a deploy is taken back', () => {
  it('old code leaves the consumer alone until an admin removes the new name, and then goes on where it stopped', async () => {
    const seen: Seen = new Recorder();
    const older = await deploy(OLD, { seen });
    const newer = await deploy(NEW, { seen });
    await untilOwnedBy(newer);
    await publish(newer, 'order.placed', 1);
    await seen.first(2);
    await close(newer);
    await publish(older, 'order.paid', 2);
    await publish(older, 'order.placed', 3);
    await older.wire.more(3, BEATS);
    expect(older.app.workers.active).toEqual([]);
    await older.app.consumers.removeNames(NAME, ['order.paid']);
    expect(await seen.first(4)).toEqual(['order.placed 1', 'order.placed 3'].flatMap(both));
  });
});
