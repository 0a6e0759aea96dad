import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DoctorService } from '../../src/index.js';
import { type SourceClient, type SourceMessage, type SourceOptions, source } from '../../src/relay/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { type RelayApp, startRelayApp } from './support/relay-app.js';

interface Numbered extends SourceMessage {
  readonly number: number;
}

interface Stored {
  readonly name: string;
  readonly type: string;
  readonly id: string;
  readonly payload: { readonly id: string; readonly reason: string; readonly body: string };
  readonly metadata: object;
}

/** A broker of one queue. What was pulled and not acknowledged comes again when its puller has ended. */
class Queue {
  readonly acked = new Set<number>();
  /** Who has pulled, one entry for each time. */
  readonly pulls: string[] = [];
  private readonly onWay = new Map<number, string>();

  constructor(private readonly messages: readonly SourceMessage[]) {}

  get isEmpty(): boolean {
    return this.acked.size === this.messages.length;
  }

  source(
    puller: string,
    name = 'shop',
    ack = async (numbers: readonly number[]) => this.acknowledge(numbers),
  ) {
    return source<Numbered>({
      name,
      batch: 100,
      pull: async (max) => {
        this.pulls.push(puller);
        const free = this.messages
          .map((message, number) => ({ ...message, number }))
          .filter(({ number }) => !this.acked.has(number) && !this.onWay.has(number))
          .slice(0, max);
        for (const { number } of free) this.onWay.set(number, puller);
        return free;
      },
      ack: async (messages) => ack(messages.map(({ number }) => number)),
    });
  }

  /** The connection of the puller has ended. */
  returnAllOf(puller: string): void {
    for (const [number, by] of this.onWay) if (by === puller) this.onWay.delete(number);
  }

  acknowledge(numbers: readonly number[]): void {
    for (const number of numbers) this.acked.add(number);
  }
}

function cloudEvent(id: string, more: Record<string, unknown> = {}): SourceMessage {
  const attributes = { specversion: '1.0', id, source: '/shop', type: 'order.made', subject: 'order/7' };
  return {
    headers: {},
    contentType: 'application/cloudevents+json',
    body: Buffer.from(JSON.stringify({ ...attributes, data: { id }, ...more })),
  };
}

/** The source of a broker whose client has more than `pull` and `ack`. */
function sourceOf(options: SourceOptions, client: SourceClient): ReturnType<typeof source> {
  return { broker: 'test', options, problems: [], open: async () => client };
}

describe('a source', () => {
  let database: TestDatabase;
  const apps: RelayApp[] = [];
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close();
    await database.drop();
  });

  async function start(sources: ReturnType<typeof source>[], application?: string): Promise<RelayApp> {
    const app = await startRelayApp(database, { sources, application });
    apps.push(app);
    return app;
  }
  async function stored(): Promise<Stored[]> {
    const { rows } = await database.pool.query<Stored>(
      `SELECT event_name AS name, aggregate_type AS type, aggregate_id AS id, payload, metadata
       FROM integration.outbox_event ORDER BY position`,
    );
    return rows;
  }

  it('stores each message once and in the order of arrival, also when one process takes over from another', async () => {
    const ids = Array.from({ length: 2_000 }, (_, i) => String(i));
    const repeated = ids.flatMap((id, i) => (i % 5 === 4 ? [id, ids[i - 2] ?? id] : [id]));
    const queue = new Queue(repeated.map((id) => cloudEvent(id)));
    let acks = 0;
    const first = await start([
      queue.source('first', 'shop', async (numbers) => {
        // What this process has stored last is never acknowledged, as if it had ended between the two.
        if (++acks < 4) queue.acknowledge(numbers);
        else if (acks === 4) throw new Error('the connection has ended');
      }),
    ]);
    await until('the source', async () => acks >= 4);
    apps.splice(apps.indexOf(first), 1);
    await first.close();
    queue.returnAllOf('first');
    await start([queue.source('second')]);
    await until('the source', async () => queue.isEmpty);
    expect((await stored()).map(({ payload }) => payload.id)).toEqual(ids);
  }, 60_000);

  it('does the same in an application that brings no client', async () => {
    const ids = Array.from({ length: 300 }, (_, i) => String(i));
    const queue = new Queue([...ids, ...ids.slice(0, 50)].map((id) => cloudEvent(id)));
    const sources = [queue.source('one')];
    apps.push(await startRelayApp(database, { sources }, { options: { client: undefined } }));
    await until('the source', async () => queue.isEmpty);
    expect((await stored()).map(({ payload }) => payload.id)).toEqual(ids);
  });

  it('acknowledges nothing that is not committed', async () => {
    const queue = new Queue(Array.from({ length: 10 }, (_, i) => cloudEvent(String(i))));
    const counts: number[] = [];
    await start([
      queue.source('one', 'shop', async (numbers) => {
        counts.push((await stored()).length);
        queue.acknowledge(numbers);
      }),
    ]);
    await until('the source', async () => queue.isEmpty);
    expect(counts).toEqual([10]);
  });

  it('asks for half of a batch while the other half is stored, and for no more', async () => {
    const messages = Array.from({ length: 100 }, (_, i) => cloudEvent(String(i)));
    let pulled = 0;
    let acked = 0;
    let mostOnWay = 0;
    const asked: number[] = [];
    const pull = async (max: number) => {
      const next = messages.slice(pulled, pulled + max);
      pulled += next.length;
      mostOnWay = Math.max(mostOnWay, pulled - acked);
      asked.push(max);
      return next;
    };
    const ack = async (these: readonly SourceMessage[]) => {
      acked += these.length;
    };
    const locker = await database.pool.connect();
    try {
      await locker.query('BEGIN');
      await locker.query('LOCK TABLE integration.outbox_event IN SHARE ROW EXCLUSIVE MODE');
      await start([sourceOf({ name: 'shop', batch: 10 }, { pullsAhead: true, pull, ack })]);
      await until('the second half is pulled', async () => pulled === 10);
      expect(asked).toEqual([5, 5]);
      expect(await stored()).toEqual([]);
    } finally {
      await locker.query('ROLLBACK');
      locker.release();
    }
    await until('all are acknowledged', async () => acked === 100);
    expect(mostOnWay).toBe(10);
    const ids = messages.map((_, i) => String(i));
    expect((await stored()).map(({ payload }) => payload.id)).toEqual(ids);
  });

  it('stores nothing that it had pulled before another process has taken its lease', async () => {
    const LEASE = 'relay.source.shop';
    let goOn = () => {};
    const stalled = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    let isMapping = false;
    const map = async () => {
      isMapping = true;
      await stalled;
      return { eventName: 'order.made', aggregateType: 'order', aggregateId: '7' };
    };
    const ends: string[] = [];
    let isPulled = false;
    await start([
      sourceOf(
        { name: 'shop', map },
        {
          pull: async () => {
            if (isPulled) return [];
            isPulled = true;
            return [{ headers: {}, body: Buffer.from('1'), place: '1' }];
          },
          ack: async () => {
            ends.push('acknowledged');
          },
          giveBack: async () => {
            ends.push('given back');
          },
        },
      ),
    ]);
    await until('the message is being read', async () => isMapping);
    // As if this process had been stopped, and another one had taken the lease.
    const { rowCount } = await database.pool.query(
      `UPDATE integration.integration_lease SET token = token + 1, owner = gen_random_uuid(),
         expires_at = clock_timestamp() + interval '1 minute' WHERE name = $1`,
      [LEASE],
    );
    expect(rowCount).toBe(1);
    goOn();
    await until('the pull has ended', async () => ends.length > 0);
    expect(ends).toEqual(['given back']);
    expect(await stored()).toEqual([]);
  }, 60_000);

  it('takes messages without headers, and with a text as their body', async () => {
    const { headers: _, ...bare } = cloudEvent('1');
    const given = [{ ...bare, body: String(bare.body) }, { body: 'no event' }, { headers: {}, body: 7 }];
    const acked: unknown[] = [];
    let isPulled = false;
    const pull = async () => {
      if (isPulled) return [];
      isPulled = true;
      return given as unknown as SourceMessage[];
    };
    await start([source({ name: 'shop', pull, ack: async (messages) => void acked.push(...messages) })]);
    await until('all are acknowledged', async () => acked.length === 3);
    // They are the objects that pull returned, by which the application knows them.
    for (const [i, each] of given.entries()) expect(acked[i]).toBe(each);
    expect((await stored()).map(({ name, payload }) => [name, payload.body ?? payload.id])).toEqual([
      ['order.made', '1'],
      ['integration.rejected.shop', Buffer.from('no event').toString('base64')],
      ['integration.rejected.shop', ''],
    ]);
  });

  it('stores what is no event as rejected, and goes on with the others', async () => {
    const bad: SourceMessage[] = [
      { ...cloudEvent('x'), body: Buffer.from('{"specversion":') },
      { headers: { a: 'b\0c' }, body: Buffer.from('plain') },
      cloudEvent('', {}),
      cloudEvent('nul', { data: { text: 'a\0b' } }),
      cloudEvent('large', { data: 'x'.repeat(1_100_000) }),
      cloudEvent('name', { type: 'x'.repeat(300) }),
      cloudEvent('via', { via: 'other,shop-app' }),
      cloudEvent('base64', { data: undefined, data_base64: 'AAAA' }),
      cloudEvent('null body', { specversion: '0.3' }),
      { headers: {}, body: null },
    ];
    const all = Array.from({ length: 990 }, (_, i) => cloudEvent(String(i)));
    const mixed = all.flatMap((each, i) => (i % 99 === 0 ? [bad[i / 99] ?? each, each] : [each]));
    const queue = new Queue(mixed);
    await start([queue.source('one')], 'shop-app');
    await until('the source', async () => queue.isEmpty);
    const events = await stored();
    const rejected = events.filter(({ name }) => name === 'integration.rejected.shop');
    expect(events.filter(({ name }) => name === 'order.made')).toHaveLength(990);
    expect(rejected.map(({ payload }) => payload.reason)).toEqual([
      expect.stringContaining('no JSON'),
      expect.stringContaining('no CloudEvent'),
      expect.stringContaining('no id'),
      expect.stringContaining('payload'),
      expect.stringContaining('payload'),
      expect.stringContaining('eventName'),
      expect.stringContaining('circle'),
      expect.stringContaining('not JSON'),
      expect.stringContaining('specversion'),
      expect.stringContaining('no CloudEvent'),
    ]);
    expect(rejected[1]?.payload).toMatchObject({
      headers: { a: 'b c' },
      body: Buffer.from('plain').toString('base64'),
      bodyBytes: 5,
    });
  }, 60_000);

  it('stores a rejected message once if its sender has named it, and each of those without a name', async () => {
    const named = (messageId: string, body: string) => ({ headers: {}, messageId, body: Buffer.from(body) });
    const circle = cloudEvent('circle', { via: 'shop-app' });
    const long = cloudEvent('long', { type: 'x'.repeat(300) });
    const queue = new Queue([
      ...[named('1', 'a'), named('1', 'a'), named('1', 'b'), named('2', 'a')],
      ...[circle, circle, long, long],
      ...[named('', 'a'), named('', 'a'), { headers: {}, body: Buffer.from('a') }],
    ]);
    await start([queue.source('one')], 'shop-app');
    await until('the source', async () => queue.isEmpty);
    const bodies = (await stored()).map(({ payload: { body } }) => Buffer.from(body, 'base64').toString());
    const text = ({ body }: SourceMessage) => String(body);
    expect(bodies).toEqual(['a', 'b', 'a', text(circle), text(long), 'a', 'a', 'a']);
  });

  it('knows a message without an id by its place, and stores one with neither as often as it comes', async () => {
    const at = (place?: string) => ({ headers: {}, body: Buffer.from('1'), ...(place ? { place } : {}) });
    const messages = [at('s/1'), at('s/1'), at('s/2'), at(), at()];
    const acked: SourceMessage[] = [];
    const pull = async () => (acked.length === 0 ? messages : []);
    const map = (message: SourceMessage) => ({
      eventName: 'order.made',
      aggregateType: 'order',
      aggregateId: message.place ?? 'none',
    });
    await start([source({ name: 'shop', map, pull, ack: async (these) => void acked.push(...these) })]);
    await until('the pull is acknowledged', async () => acked.length > 0);
    expect((await stored()).map(({ id }) => id)).toEqual(['s/1', 's/2', 'none', 'none']);
  });

  it('takes in an answer of another application, and notes who has relayed it', async () => {
    const queue = new Queue([cloudEvent('1', { origin: 'shop-app', via: 'billing', correlationid: 'c' })]);
    await start([queue.source('one')], 'shop-app');
    await until('the source', async () => queue.isEmpty);
    expect(await stored()).toMatchObject([
      { name: 'order.made', metadata: { origin: 'shop-app', via: ['billing'], correlationId: 'c' } },
    ]);
  });

  it('keeps ids with slashes, colons, spaces and other letters', async () => {
    const id = 'a/b:c d ü 漢';
    const queue = new Queue([cloudEvent(id, { subject: `order/${encodeURIComponent(id)}` }), cloudEvent(id)]);
    await start([queue.source('one')]);
    await until('the source', async () => queue.isEmpty);
    expect(await stored()).toMatchObject([{ type: 'order', id, payload: { id } }]);
  });

  it('runs in one process at a time, and in another one within ten seconds', async () => {
    const queue = new Queue([]);
    const first = await start([queue.source('first')]);
    await until('the first one pulls', async () => queue.pulls.length > 0);
    await start([queue.source('second')]);
    // The first one goes on while the second one could have begun many times.
    const before = queue.pulls.length;
    await until('the first one goes on', async () => queue.pulls.length >= before + 15);
    expect(new Set(queue.pulls)).toEqual(new Set(['first']));
    apps.splice(apps.indexOf(first), 1);
    const endedAt = performance.now();
    await first.close();
    const of = queue.pulls.length;
    await until('the second one pulls', async () => queue.pulls.length > of);
    expect(performance.now() - endedAt).toBeLessThan(10_000);
    expect(queue.pulls.at(-1)).toBe('second');
  });

  it('is named by the doctor when no process has run it for five minutes', async () => {
    const queue = new Queue([]);
    const app = await start([queue.source('first')]);
    await until('it pulls', async () => queue.pulls.length > 0);
    const found = async () =>
      (await app.context.get(DoctorService).examine()).findings.filter(
        ({ check }) => check === 'source-without-process',
      );
    expect(await found()).toEqual([]);
    await database.pool.query(
      `INSERT INTO integration.integration_lease (name, token, expires_at)
       VALUES ('relay.source.gone', 1, clock_timestamp() - interval '6 minutes')`,
    );
    expect(await found()).toMatchObject([{ finding: 'The source "gone" is run by no process.' }]);
  });

  it('is refused at boot with every problem', async () => {
    const bad = [
      source({ name: 'twice', pull: async () => [], ack: async () => {} }),
      source({ name: 'twice', pull: async () => [], ack: async () => {} }),
      source({} as never),
      {} as never,
    ];
    await expect(start(bad)).rejects.toMatchObject({
      code: 'INTEGRATION_RELAY_INVALID',
      details: {
        problems: [
          'source "twice": there are two sources of this name',
          'sources[2]: name is missing',
          'sources[2]: pull must be a function that returns messages',
          'sources[2]: ack must be a function that acknowledges messages',
          expect.stringContaining('sources[3] is no source'),
        ],
      },
    });
  });
});
