import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConsumerService, DoctorService, ProcessService } from '../../src/index.js';
import { type RelayOutcome, RelaysModule, relay, source } from '../../src/relay/index.js';
import type { RelayList } from '../../src/relay/list/relay-list.js';
import { type AdminApp, startAdminApp } from '../admin/admin-app.js';
import { runCommand } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { event, type RelayApp, startRelayApp } from './support/relay-app.js';

/** A process reports with each renewal, which is every third of the time of a lease. */
const SETTINGS = { processingLeaseMs: 6_000 };
const ACCEPTED: RelayOutcome = { is: 'accepted' };

let database: TestDatabase;
let admin: AdminApp | undefined;
let apps: RelayApp[];

beforeEach(async () => {
  database = await createTestDatabase();
  apps = [];
});
afterEach(async () => {
  for (const app of apps) await app.close();
  await admin?.close();
  admin = undefined;
  await database.drop();
});

async function start(options: Parameters<typeof startRelayApp>[1]): Promise<RelayApp> {
  const app = await startRelayApp(database, options, { options: { settings: SETTINGS } });
  apps.push(app);
  return app;
}

/** What the command says, and what it prints for people. */
async function listed(): Promise<RelayList> {
  const { stdout, stderr, status } = await runCommand(['relays', 'list', '--json'], database);
  expect([status, stderr]).toEqual([0, '']);
  return JSON.parse(stdout) as RelayList;
}
const text = async () => (await runCommand(['relays', 'list'], database)).stdout;

const untilListed = (what: string, holds: (list: RelayList) => boolean): Promise<RelayList> =>
  until(what, async () => {
    const list = await listed();
    return holds(list) && list;
  });

/** What each process has said last of the relay. */
async function acceptedByProcess(): Promise<{ accepted: number; seconds: number }[]> {
  const { rows } = await database.pool.query(
    `SELECT (r #>> '{counts,accepted}')::int AS accepted, (r ->> 'seconds')::float8 AS seconds
     FROM integration.integration_process CROSS JOIN LATERAL (SELECT parts #> '{relay,relays,0}') AS p (r) ORDER BY id`,
  );
  return rows;
}

const ordersOf = (publish: () => RelayOutcome) =>
  relay({
    name: 'orders',
    eventName: 'order.*',
    partitions: 2,
    publish: async (messages) => messages.map(publish),
  });

describe('relays list', () => {
  it('says what all processes have measured together, as the admin API does', async () => {
    let left = 1;
    const relays = [
      ordersOf(() =>
        left-- > 0 ? { is: 'refused', error: new Error('the queue is full\0'), isFinal: true } : ACCEPTED,
      ),
    ];
    const shop = { headers: {}, contentType: 'application/cloudevents+json' };
    const cloudEvent = { specversion: '1.0', id: '1', source: '/shop', type: 'item.made', subject: 'item/7' };
    const pulls = [
      [
        { ...shop, body: Buffer.from(JSON.stringify({ ...cloudEvent, data: {} })) },
        { ...shop, body: Buffer.from(JSON.stringify({ ...cloudEvent, data: {} })) },
        { ...shop, body: Buffer.from('no JSON') },
      ],
    ];
    const sources = [source({ name: 'shop', pull: async () => pulls.shift() ?? [], ack: async () => {} })];
    admin = await startAdminApp(database, {
      engine: { role: 'all', settings: SETTINGS },
      module: { imports: [RelaysModule.forRoot({ relays, sources })] },
    });
    const other = await start({ relays });
    const { processes } = await other.context.get(ProcessService).list();
    await untilListed(
      'each process has a partition',
      ({ relays: [orders] }) => orders?.processes.length === 2,
    );
    const published = await other.api.publishEvents(
      Array.from({ length: 40 }, (_, i) => event('order.made', String(i))),
    );
    await untilConsumerSettled(database, 'relay.orders');
    const { list, figures } = await until('both have reported all', async () => {
      const before = await acceptedByProcess();
      const { relays: all, ...rest } = await listed();
      const isSame = JSON.stringify(before) === JSON.stringify(await acceptedByProcess());
      const isAll = before.reduce((sum, { accepted }) => sum + accepted, 0) === 39;
      const isReceived = (rest.sources[0]?.rejectedPerSecond ?? 0) > 0;
      return isSame && isAll && isReceived && { list: { relays: all, ...rest }, figures: before };
    });
    // Each of the two has accepted some, and the list adds what each of them does in a second.
    expect(figures.map(({ accepted }) => accepted > 0)).toEqual([true, true]);
    const rate = figures.reduce((sum, { accepted, seconds }) => sum + accepted / Math.max(seconds, 1), 0);
    expect(list.relays[0]?.acceptedPerSecond).toBeCloseTo(rate, 6);
    expect(list).toEqual({
      at: expect.any(String),
      relays: [
        {
          name: 'orders',
          consumerName: 'relay.orders',
          broker: 'own',
          addresses: [],
          eventNames: ['order.*'],
          state: 'running',
          since: null,
          reason: null,
          processes: expect.arrayContaining(
            processes.map(({ id }) => ({ id, host: expect.any(String), pid: process.pid })),
          ),
          acceptedPerSecond: expect.any(Number),
          refusedPerSecond: expect.any(Number),
          duplicatesPerSecond: 0,
          unacceptedPerSecond: 0,
          latencyMedianSeconds: expect.any(Number),
          latencyP95Seconds: expect.any(Number),
          lastRefusal: {
            at: expect.any(String),
            reason: 'the queue is full\ufffd',
            eventId: expect.any(String),
            eventName: 'order.made',
            position: expect.any(Number),
          },
        },
      ],
      sources: [
        {
          name: 'shop',
          broker: 'own',
          addresses: [],
          state: 'running',
          since: null,
          reason: null,
          processes: [{ id: expect.any(String), host: expect.any(String), pid: process.pid }],
          storedPerSecond: expect.any(Number),
          repeatedPerSecond: expect.any(Number),
          rejectedPerSecond: expect.any(Number),
          lastRejection: { at: expect.any(String), reason: expect.stringContaining('JSON') },
        },
      ],
    });
    const [orders] = list.relays;
    expect(published.map(({ outboxEventId }) => outboxEventId)).toContain(orders?.lastRefusal?.eventId);
    const ms = Date.parse(String(list.at)) - Date.parse(String(orders?.lastRefusal?.at));
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThan(120_000);
    const answer = await admin.ask('relays');
    // Each may have reported again.
    const changing = /"(at|\w+PerSecond|latency\w+)":("[^"]*"|[\d.e-]+)/g;
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.text.replace(changing, '"$1":0'))).toEqual(
      JSON.parse(JSON.stringify(list).replace(changing, '"$1":0')),
    );
    expect(await text()).toMatch(/RELAY +BROKER +STATE[\s\S]*orders +own +running[\s\S]*the queue is full/);
  }, 90_000);

  it('says since when a broker is away, who has paused, and what nobody runs', async () => {
    const away: RelayOutcome = { is: 'unavailable', error: new Error('no route to the broker') };
    const app = await start({
      relays: [
        relay({ name: 'away', eventName: 'a.*', publish: async (messages) => messages.map(() => away) }),
        relay({ name: 'left', eventName: 'b.*', publish: async (messages) => messages.map(() => ACCEPTED) }),
      ],
      sources: [
        source({
          name: 'mute',
          pull: async () => {
            throw new Error('the queue is gone');
          },
          ack: async () => {},
        }),
      ],
    });
    await app.api.publishEvents([event('a.made', '1')]);
    await app.context.get(ConsumerService).pause('relay.left', { by: 'ann', reason: 'full' });
    const stateOf = ({ name, state, reason }: RelayList['sources'][number] | RelayList['relays'][number]) => [
      name,
      state,
      reason,
    ];
    const list = await untilListed(
      'the outage is told',
      ({ relays: [first], sources: [mute] }) =>
        first?.state === 'unavailable' && mute?.state === 'unavailable',
    );
    expect([...list.relays, ...list.sources].map(stateOf)).toEqual([
      ['away', 'unavailable', expect.stringContaining('no route to the broker')],
      ['left', 'paused', null],
      ['mute', 'unavailable', 'the queue is gone'],
    ]);
    for (const { since } of [...list.relays, ...list.sources])
      expect(Date.parse(String(since))).toBeLessThanOrEqual(Date.parse(String(list.at)));
    await apps.pop()?.close();
    const later = await listed();
    expect([...later.relays, ...later.sources].map(stateOf)).toEqual([
      ['away', 'unserved', null],
      ['left', 'paused', null],
      ['mute', 'unserved', null],
    ]);
    expect(later.relays[0]).toMatchObject({ broker: null, processes: [], acceptedPerSecond: null });
    expect(await text()).toContain('unserved');
  }, 60_000);

  it('has relays of processes that report nothing, such as those of an older version', async () => {
    await start({ relays: [ordersOf(() => ACCEPTED)] });
    await untilListed('the relay runs', ({ relays: [orders] }) => orders?.broker === 'own');
    await database.pool.query(`
      CREATE FUNCTION integration.older() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.parts := NULL; RETURN NEW; END';
      CREATE TRIGGER older BEFORE UPDATE ON integration.integration_process FOR EACH ROW EXECUTE FUNCTION integration.older();
      UPDATE integration.integration_process SET pid = pid`);
    expect((await listed()).relays).toEqual([
      expect.objectContaining({
        name: 'orders',
        state: 'running',
        broker: null,
        eventNames: ['order.*'],
        acceptedPerSecond: null,
        latencyMedianSeconds: null,
        lastRefusal: null,
      }),
    ]);
  }, 60_000);
});

describe('a process without relays', () => {
  it('writes nothing of them', async () => {
    await start({});
    const parts = await until('the process has renewed', async () => {
      const { rows } = await database.pool.query(
        `SELECT parts FROM integration.integration_process WHERE settings <> '{}'`,
      );
      return rows.length > 0 && rows;
    });
    expect(parts).toEqual([{ parts: null }]);
    expect(await text()).toBe('There are no relays and no sources.\n');
  });
});

describe('the doctor', () => {
  it('names a relay whose broker has been away for an hour', async () => {
    const away: RelayOutcome = { is: 'unavailable', error: new Error('no route to the broker') };
    const app = await start({
      relays: [
        relay({ name: 'away', eventName: 'a.*', publish: async (messages) => messages.map(() => away) }),
      ],
    });
    await app.api.publishEvents([event('a.made', '1')]);
    await untilListed('the outage is told', ({ relays: [first] }) => first?.state === 'unavailable');
    const found = async () => {
      const { findings } = await app.context.get(DoctorService).examine();
      return findings.filter(({ check }) => check === 'relay-unavailable');
    };
    const since = async (age: string) =>
      database.pool.query(
        `UPDATE integration.integration_process
         SET unavailable = jsonb_set(unavailable, '{relay.away/0,since}', to_jsonb(clock_timestamp() - $1::interval))`,
        [age],
      );
    await since('59 minutes');
    expect(await found()).toEqual([]);
    await since('61 minutes');
    expect(await found()).toMatchObject([
      {
        key: 'relay-unavailable/relay.away',
        severity: 'warning',
        finding: expect.stringContaining('no route to the broker'),
        since: expect.any(Date),
        details: { name: 'away', consumerName: 'relay.away' },
      },
    ]);
  }, 60_000);
});
