import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { connect as connectAmqplib } from 'amqplib';
import { Connection } from 'rabbitmq-client';
import { type RabbitSourceMessage, rabbitRelay, rabbitSource } from '../../src/relay/rabbitmq/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { type Broker, describeWithBroker, startRabbit } from './support/brokers.js';
import { event, type RelayApp, startRelayApp } from './support/relay-app.js';

/** What the tests use of a channel of either library. */
interface Channel {
  close(): Promise<unknown>;
}

describeWithBroker('rabbitmq', 'a source of RabbitMQ', () => {
  let database: TestDatabase;
  let broker: Broker;
  let rabbit: Connection;
  let amqplib: Awaited<ReturnType<typeof connectAmqplib>>;
  const apps: RelayApp[] = [];
  const opened: Channel[] = [];

  beforeAll(async () => {
    broker = await startRabbit();
    rabbit = new Connection(broker.address);
    amqplib = await connectAmqplib(broker.address);
  });
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close();
    // A channel that is closed already says so.
    for (const channel of opened.splice(0)) await channel.close().catch(() => {});
    await database.drop();
  });
  afterAll(async () => {
    await amqplib.close();
    await rabbit.close();
    await broker.stop();
  });

  const noted = async <C extends Channel>(opening: Promise<C>): Promise<C> => {
    const channel = await opening;
    opened.push({ close: async () => channel.close() });
    return channel;
  };
  const CLIENTS = {
    'rabbitmq-client': () => noted(rabbit.acquire()),
    amqplib: () => noted(amqplib.createChannel()),
  };
  const clients = Object.entries(CLIENTS).map(([client, open], i) => ({ client, open, queue: `q${i}` }));

  async function start(
    open: unknown,
    queue: string,
    more: Partial<Parameters<typeof rabbitSource>[0]> = {},
  ): Promise<RelayApp> {
    const app = await startRelayApp(database, {
      application: 'billing',
      sources: [rabbitSource({ name: 'in', channel: open, queue, batch: 50, ...more })],
    });
    apps.push(app);
    return app;
  }
  const end = async (app: RelayApp) => {
    apps.splice(apps.indexOf(app), 1);
    await app.close();
  };
  const declare = (queue: string) => rabbit.queueDeclare({ queue, durable: true });

  async function send(queue: string, ids: readonly string[]): Promise<void> {
    const publisher = rabbit.createPublisher({ confirm: true });
    for (const id of ids)
      await publisher.send(
        { routingKey: queue, contentType: 'application/json', headers: attributes(id) },
        { id },
      );
    await publisher.close();
  }
  const attributes = (id: string) => ({
    'cloudEvents:specversion': '1.0',
    'cloudEvents:id': id,
    'cloudEvents:source': '/shop',
    'cloudEvents:type': 'order.made',
    'cloudEvents:subject': 'order/7',
  });

  async function stored(): Promise<{ name: string; payload: { id: string; reason: string } }[]> {
    const { rows } = await database.pool.query(
      'SELECT event_name AS name, payload FROM integration.outbox_event ORDER BY position',
    );
    return rows;
  }
  const storedIds = async () => (await stored()).map(({ payload }) => payload.id);

  /** The messages that are left when all channels are closed: those that nobody has acknowledged. */
  async function left(queue: string): Promise<number> {
    for (const app of [...apps]) await end(app);
    for (const channel of opened.splice(0)) await channel.close().catch(() => {});
    return (await declare(queue)).messageCount;
  }

  it.each(clients)(
    'takes in what a relay of another application has sent, in its order, and acknowledges it ($client)',
    async ({ open, queue }) => {
      const other = await createTestDatabase();
      const publisher = rabbit.createPublisher({ confirm: true });
      await declare(`${queue}-relay`);
      await rabbit.exchangeDeclare({ exchange: 'shop', type: 'topic' });
      await rabbit.queueBind({ queue: `${queue}-relay`, exchange: 'shop', routingKey: `${queue}.#` });
      const sender = await startRelayApp(other, {
        application: 'shop',
        relays: [
          rabbitRelay({
            name: 'out',
            eventName: 'order.*',
            publisher,
            exchange: 'shop',
            routingKey: () => `${queue}.orders`,
          }),
        ],
      });
      const ids = Array.from({ length: 120 }, (_, i) => `a/b:${i} ü`);
      await sender.api.publishEvents(ids.map((id) => event('order.made', 'one', { id })));
      await start(open, `${queue}-relay`);
      await until('all are stored', async () => (await stored()).length >= ids.length);
      expect(await storedIds()).toEqual(ids);
      const { rows } = await database.pool.query(
        'SELECT aggregate_id AS id, metadata FROM integration.outbox_event LIMIT 1',
      );
      expect(rows[0]).toMatchObject({ id: 'one', metadata: { via: ['shop'] } });
      expect(await left(`${queue}-relay`)).toBe(0);
      await sender.close();
      await publisher.close();
      await other.drop();
    },
  );

  it.each(clients)(
    'acknowledges nothing before the commit, and stores what comes again once ($client)',
    async ({ open, queue }) => {
      await declare(`${queue}-twice`);
      const ids = Array.from({ length: 60 }, (_, i) => String(i));
      await send(`${queue}-twice`, ids);
      // The acknowledgement fails, as if the process had ended before.
      const seen: number[] = [];
      const first = await start(async () => closingAtAck(await open(), seen), `${queue}-twice`);
      await until('the acknowledgement', async () => seen.length > 0);
      await end(first);
      // Half of a batch is stored at once. The source may have stored the next ones when the answer is there.
      expect(seen[0]).toBeGreaterThanOrEqual(25);
      expect(await left(`${queue}-twice`)).toBe(60);
      await start(open, `${queue}-twice`);
      await until('all are stored', async () => (await stored()).length >= ids.length);
      expect(await left(`${queue}-twice`)).toBe(0);
      expect(await storedIds()).toEqual(ids);
    },
  );

  it.each(clients)(
    'asks for a new channel when its channel was closed ($client)',
    async ({ open, queue }) => {
      await declare(`${queue}-closed`);
      await start(open, `${queue}-closed`);
      await send(`${queue}-closed`, ['1']);
      await until('the first one is stored', async () => (await stored()).length === 1);
      for (const channel of opened.splice(0)) await channel.close();
      await send(`${queue}-closed`, ['2']);
      await until('the second one is stored', async () => (await stored()).length === 2);
      expect(await left(`${queue}-closed`)).toBe(0);
    },
  );

  it.each(clients)('gives back what it could not store ($client)', async ({ open, queue }) => {
    await declare(`${queue}-back`);
    await database.pool.query(
      `ALTER TABLE integration.outbox_event ADD CONSTRAINT refused CHECK (event_name <> 'order.made')`,
    );
    const calls: unknown[] = [];
    const app = await start(
      async () => watched(await open(), ['nackAll', 'basicNack'], calls),
      `${queue}-back`,
    );
    await send(`${queue}-back`, ['1', '2']);
    await until('the messages are on their way', async () => {
      return (await declare(`${queue}-back`)).messageCount === 0;
    });
    expect(calls).toEqual([]);
    await end(app);
    expect(calls.length).toBeGreaterThan(0);
    expect((await declare(`${queue}-back`)).messageCount).toBe(2);
  });

  it.each(clients)(
    'takes no more than one pull out of the queue before it is stored ($client)',
    async ({ open, queue }) => {
      await declare(`${queue}-few`);
      await send(`${queue}-few`, ['1', '2', '3', '4', '5', '6', '7']);
      await database.pool.query(
        `ALTER TABLE integration.outbox_event ADD CONSTRAINT refused CHECK (event_name <> 'order.made') NOT VALID`,
      );
      const waiting = async () => (await declare(`${queue}-few`)).messageCount;
      await start(open, `${queue}-few`, { batch: 3 });
      await until('a pull is on its way', async () => (await waiting()) < 7);
      const before = await waiting();
      // One pull later the server has sent what it would send.
      await database.pool.query('ALTER TABLE integration.outbox_event DROP CONSTRAINT refused');
      await until('all are stored', async () => (await stored()).length === 7);
      expect(before).toBeGreaterThanOrEqual(4);
      expect(await storedIds()).toEqual(['1', '2', '3', '4', '5', '6', '7']);
    },
  );

  it.each(clients)(
    'rejects and acknowledges what is no event, and takes the message id for the id ($client)',
    async ({ open, queue }) => {
      await declare(`${queue}-other`);
      const publisher = rabbit.createPublisher({ confirm: true });
      const to = { routingKey: `${queue}-other` };
      await publisher.send({ ...to, messageId: 'm1', contentType: 'application/json' }, { id: 'one' });
      await publisher.send({ ...to, messageId: 'm1', contentType: 'application/json' }, { id: 'again' });
      await publisher.send({ ...to, contentType: 'application/json' }, Buffer.from('{no JSON'));
      await publisher.send({ ...to, messageId: 'm2', contentType: 'application/json' }, { id: 'two' });
      await publisher.send({ ...to, contentType: 'text/plain' }, '{"id":"three"}');
      await publisher.close();
      await start(open, `${queue}-other`, {
        map: ({ body, routingKey }: RabbitSourceMessage) => ({
          eventName: routingKey,
          aggregateType: 'order',
          aggregateId: '1',
          payload: JSON.parse(String(body)),
        }),
      });
      await until('all are stored', async () => (await stored()).length >= 4);
      expect(await left(`${queue}-other`)).toBe(0);
      expect(await stored()).toMatchObject([
        { name: `${queue}-other`, payload: { id: 'one' } },
        { name: 'integration.rejected.in', payload: { reason: expect.stringContaining('JSON') } },
        { name: `${queue}-other`, payload: { id: 'two' } },
        { name: `${queue}-other`, payload: { id: 'three' } },
      ]);
    },
  );

  it.each(clients)('is refused without its queue ($client)', async ({ open, queue }) => {
    await expect(start(open, `${queue}-none`)).rejects.toMatchObject({
      details: {
        problems: [
          expect.stringContaining(`source "in": RabbitMQ has no queue "${queue}-none": declare it (`),
        ],
      },
    });
  });

  it('is refused with what is no channel, and without a name of a queue', async () => {
    const sources = [
      rabbitSource({ name: 'connection', channel: rabbit, queue: 'q' }),
      rabbitSource({ name: 'other', channel: 'NOWHERE', queue: '' }),
    ];
    await expect(startRelayApp(database, { sources })).rejects.toMatchObject({
      details: {
        problems: expect.arrayContaining([
          expect.stringContaining('source "connection": channel must be a Channel of rabbitmq-client'),
          expect.stringContaining('queue must be the name of a queue'),
          expect.stringContaining('source "other": channel was not found'),
        ]),
      },
    });
  });

  /** A channel that notes how many events are committed when it is to acknowledge, and does not do it. */
  function closingAtAck<C extends Channel>(channel: C, seen: number[]): C {
    return replaced(channel, ['ack', 'basicAck'], (name, args) => {
      void stored().then((rows) => seen.push(rows.length));
      throw new Error(`the channel is closed: ${name} ${args.length}`);
    });
  }

  function watched<C extends Channel>(channel: C, names: readonly string[], calls: unknown[]): C {
    return replaced(channel, names, (name, args) => {
      calls.push(args);
      return (channel as unknown as Record<string, (...args: unknown[]) => unknown>)[name]?.(...args);
    });
  }

  function replaced<C extends Channel>(
    channel: C,
    names: readonly string[],
    by: (name: string, args: unknown[]) => unknown,
  ): C {
    return new Proxy(channel, {
      get: (target, name) => {
        if (typeof name === 'string' && names.includes(name) && name in target)
          return (...args: unknown[]) => by(name, args);
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }
});
