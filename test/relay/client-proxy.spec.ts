import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { ClientRMQ, type RmqOptions } from '@nestjs/microservices';
import { Connection } from 'rabbitmq-client';
import { clientProxyRelay } from '../../src/relay/index.js';
import { inboxRows } from '../support/inbox-rows.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { Outage } from '../support/outage.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { type Broker, describeWithBroker, startRabbit } from './support/brokers.js';
import { event, type RelayApp, startRelayApp } from './support/relay-app.js';

/** What a microservice of Nest gets. */
interface Packet {
  readonly pattern: string;
  readonly data: { readonly n: number };
}

describeWithBroker('rabbitmq', 'a relay through ClientRMQ of Nest', () => {
  let database: TestDatabase;
  let broker: Broker;
  let rabbit: Connection;
  let app: RelayApp;
  let client: ClientRMQ;

  beforeAll(async () => {
    [database, broker] = await Promise.all([createTestDatabase(), startRabbit()]);
    rabbit = new Connection(broker.address);
  });
  afterEach(async () => {
    await app.close();
    await client.close();
    silenceLog();
  });
  afterAll(async () => {
    await rabbit.close();
    await broker.stop();
    await database.drop();
  });

  /** The client connects with its first message, so its connection is not ready when the relay begins. */
  async function start(name: string, options: RmqOptions['options'] = {}): Promise<void> {
    client = new ClientRMQ({ urls: [broker.address], queue: name, ...options });
    const relay = clientProxyRelay({
      name,
      eventName: `${name}.made`,
      client: 'ANALYTICS',
      timeoutMs: 2_000,
    });
    app = await startRelayApp(
      database,
      { relays: [relay] },
      { providers: [{ provide: 'ANALYTICS', useValue: client }] },
    );
  }
  const publish = (name: string, ...numbers: readonly number[]) =>
    app.api.publishEvents(numbers.map((n) => event(`${name}.made`, 'one', { n })));

  /** Takes all messages out of a queue. */
  async function drained(queue: string) {
    const found = [];
    for (;;) {
      const message = await rabbit.basicGet({ queue, noAck: true });
      if (message === undefined) return found;
      const packet = JSON.parse(String(message.body)) as Packet;
      found.push({ ...message, packet });
    }
  }

  it('loses nothing while its connection is not ready, and sends the attributes in headers', async () => {
    await start('ready');
    const events = await publish('ready', 1, 2, 3);
    await untilConsumerSettled(database, 'relay.ready');
    const messages = await drained('ready');
    expect(messages.map(({ packet }) => packet)).toEqual(
      [1, 2, 3].map((n) => ({ pattern: 'ready.made', data: { n } })),
    );
    expect(messages.map(({ headers }) => headers?.cloudEvents_id)).toEqual(
      events.map(({ outboxEventId }) => outboxEventId),
    );
    expect(messages[0]?.headers).toMatchObject({
      cloudEvents_specversion: '1.0',
      cloudEvents_subject: 'order/one',
    });
  });

  it('sends again what a full queue refused, in order', async () => {
    hearLog();
    await start('full', {
      queueOptions: { arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } },
    });
    await publish('full', 1, 2, 3);
    await until('the second was refused', async () =>
      (await inboxRows(database, 'relay.full')).some(({ error }) => error?.includes('nack')),
    );
    const got: number[] = [];
    await until('all are there', async () => {
      got.push(...(await drained('full')).map(({ packet }) => packet.data.n));
      return got.length === 3;
    });
    expect(got).toEqual([1, 2, 3]);
  });

  it('counts no attempt while the broker is away, and sends everything in order when it is there', async () => {
    const log = hearLog();
    const way = await Outage.of(broker.address);
    await start('away', { urls: [way.url], socketOptions: { reconnectTimeInSeconds: 1 } });
    await publish('away', 1);
    await untilConsumerSettled(database, 'relay.away');
    await way.refuse();
    await publish('away', 2, 3);
    await log.saying('The broker cannot be reached');
    await way.end();
    await untilConsumerSettled(database, 'relay.away');
    // What was on its way when the connection ended may come twice.
    const got = (await drained('away')).map(({ packet }) => packet.data.n);
    expect([...new Set(got)]).toEqual([1, 2, 3]);
    expect((await inboxRows(database, 'relay.away')).filter(({ attempts }) => attempts > 0)).toEqual([]);
    await client.close();
    await way.close();
  });

  it.each<[string, RmqOptions['options']]>([
    ['wildcards', { wildcards: true }],
    ['a fanout', { exchange: 'news', exchangeType: 'fanout' }],
  ])('says at boot that RabbitMQ drops what no queue takes (%s)', async (_, options) => {
    const log = hearLog();
    const name = options?.wildcards ? 'wild' : 'fanned';
    await start(name, options);
    expect(log.texts('warn')).toEqual([
      expect.stringMatching(new RegExp(`relay "${name}": .*no queue takes.*rabbitRelay`)),
    ]);
    await publish(name, 1);
    await untilConsumerSettled(database, `relay.${name}`);
    expect(await inboxRows(database, `relay.${name}`)).toEqual([]);
  });
});
