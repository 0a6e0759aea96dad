import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type Consumer, Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';
import { type KafkaSourceMessage, kafkaRelay, kafkaSource } from '../../src/relay/kafka/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { type Broker, describeWithBroker, startKafka } from './support/brokers.js';
import { event, type RelayApp, startRelayApp } from './support/relay-app.js';

interface Stored {
  readonly name: string;
  readonly id: string;
  readonly payload: { readonly id: string; readonly reason: string };
  readonly metadata: object;
}

/** The mock cluster waits for a session's time for a member that has left. */
const settingsOf = (topic: string) => ({
  groupId: `group-${topic}`,
  sessionTimeout: 6_000,
  maxWaitTimeInMs: 500,
});

describeWithBroker('kafka', 'a source of Kafka', () => {
  let database: TestDatabase;
  let broker: Broker;
  let kafka: Kafka;
  let producer: Producer;
  const apps: RelayApp[] = [];

  beforeAll(async () => {
    broker = await startKafka();
    kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING });
    producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
  });
  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close();
    await database.drop();
  });
  afterAll(async () => {
    await producer.disconnect();
    await broker.stop();
  });

  async function start(
    topic: string,
    more: Partial<Parameters<typeof kafkaSource>[0]> = {},
  ): Promise<RelayApp> {
    const consumer = () => kafka.consumer(settingsOf(topic));
    const source = kafkaSource({ name: 'in', consumer, topics: [topic], batch: 20, ...more });
    const app = await startRelayApp(database, { application: 'billing', sources: [source] });
    apps.push(app);
    return app;
  }
  const end = async (app: RelayApp) => {
    apps.splice(apps.indexOf(app), 1);
    await app.close();
  };

  async function stored(): Promise<Stored[]> {
    const { rows } = await database.pool.query<Stored>(
      `SELECT event_name AS name, aggregate_id AS id, payload, metadata
       FROM integration.outbox_event ORDER BY position`,
    );
    return rows;
  }

  /** How many messages of a topic the group has acknowledged. */
  async function acknowledged(topic: string): Promise<number> {
    const admin = kafka.admin();
    await admin.connect();
    const groups = await admin.fetchOffsets({ groupId: `group-${topic}`, topics: [topic] });
    await admin.disconnect();
    const offsets = groups.flatMap(({ partitions }) => partitions.map(({ offset }) => Number(offset)));
    return offsets.reduce((sum, offset) => sum + Math.max(offset, 0), 0);
  }

  /** Messages of two partitions in turn, which are no CloudEvents. */
  async function send(topic: string, from: number, count: number): Promise<void> {
    const messages = Array.from({ length: count }, (_, i) => ({
      partition: i % 2,
      value: JSON.stringify({ id: String(from + i) }),
    }));
    await producer.send({ topic, messages });
  }
  const map = ({ body, partition }: KafkaSourceMessage) => ({
    eventName: 'order.made',
    aggregateType: 'partition',
    aggregateId: String(partition),
    payload: JSON.parse(String(body)),
  });
  const idsOf = (events: readonly Stored[], partition: number) =>
    events.filter(({ id }) => id === String(partition)).map(({ payload }) => Number(payload.id));
  const numbers = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + 2 * i);

  it('takes in what a relay of another application has sent, in its order, and acknowledges it', async () => {
    const other = await createTestDatabase();
    const sender = await startRelayApp(other, {
      application: 'shop',
      relays: [kafkaRelay({ name: 'out', eventName: 'order.*', producer, topic: 'shop' })],
    });
    const ids = Array.from({ length: 120 }, (_, i) => `a/b:${i} ü`);
    await sender.api.publishEvents(ids.map((id) => event('order.made', 'one', { id })));
    await start('shop');
    await until('all are acknowledged', async () => (await acknowledged('shop')) === ids.length);
    const events = await stored();
    expect(events.map(({ payload }) => payload.id)).toEqual(ids);
    expect(events[0]).toMatchObject({ name: 'order.made', id: 'one', metadata: { via: ['shop'] } });
    await sender.close();
    await other.drop();
  }, 60_000);

  it('acknowledges nothing before the commit, and stores once what comes again in another process', async () => {
    await send('twice', 0, 100);
    const counts: number[] = [];
    const failing = () =>
      withCommit(kafka.consumer(settingsOf('twice')), async () => {
        counts.push((await stored()).length);
        throw new Error('the connection has ended');
      });
    const first = await start('twice', { map, consumer: failing });
    await until('the source acknowledges', async () => counts.length >= 2);
    await end(first);
    expect(counts.every((count) => count === 20)).toBe(true);
    expect(await acknowledged('twice')).toBe(0);
    await start('twice', { map });
    await until('all are acknowledged', async () => (await acknowledged('twice')) === 100);
    const events = await stored();
    expect(events).toHaveLength(100);
    expect(idsOf(events, 0)).toEqual(numbers(0, 50));
    expect(idsOf(events, 1)).toEqual(numbers(1, 50));
  }, 60_000);

  it('goes on where it has acknowledged when it begins again', async () => {
    const pulled: number[] = [];
    const counting = (message: KafkaSourceMessage) => {
      pulled.push(Number(JSON.parse(String(message.body)).id));
      return map(message);
    };
    await send('again', 0, 60);
    const first = await start('again', { map: counting });
    await until('all are acknowledged', async () => (await acknowledged('again')) === 60);
    await end(first);
    await send('again', 60, 60);
    await start('again', { map: counting });
    await until('all are acknowledged', async () => (await acknowledged('again')) === 120);
    expect(pulled).toHaveLength(120);
    expect(idsOf(await stored(), 0)).toEqual(numbers(0, 60));
    expect(idsOf(await stored(), 1)).toEqual(numbers(1, 60));
  }, 60_000);

  it('rejects and acknowledges what is no event, and goes on', async () => {
    const headers = { ce_specversion: '1.0', ce_id: '1', ce_source: '/shop', ce_type: 'order.made' };
    const messages = [
      { partition: 0, value: '{no JSON' },
      { partition: 0, value: '{"id":"one"}', headers },
      { partition: 0, value: 'a', headers: { ...headers, ce_id: '' } },
      { partition: 0, value: null, headers: { ...headers, ce_id: '2', ce_type: 'order.gone' } },
    ];
    await producer.send({ topic: 'mixed', messages });
    await start('mixed');
    await until('all are acknowledged', async () => (await acknowledged('mixed')) === 4);
    expect(await stored()).toMatchObject([
      { name: 'integration.rejected.in', payload: { reason: expect.stringContaining('no CloudEvent') } },
      { name: 'order.made', payload: { id: 'one' } },
      { name: 'integration.rejected.in', payload: { reason: expect.stringContaining('no JSON') } },
      { name: 'order.gone', payload: null, metadata: { tombstone: true } },
    ]);
  }, 60_000);

  it('is refused with a consumer that is made already, and without topics', async () => {
    const sources = [
      kafkaSource({ name: 'made', consumer: kafka.consumer({ groupId: 'made' }) as never, topics: ['a'] }),
      kafkaSource({ name: 'other', consumer: () => ({ connect() {} }), topics: ['a b'] }),
      kafkaSource({ name: 'none' } as never),
    ];
    await expect(startRelayApp(database, { sources })).rejects.toMatchObject({
      details: {
        problems: expect.arrayContaining([
          expect.stringContaining('source "made": consumer must be a function that makes a consumer'),
          expect.stringContaining('topics[0] must be the name of a topic'),
          expect.stringContaining('source "other": consumer must be a consumer of kafkajs: it has no'),
          expect.stringContaining('topics must be a list of at least one topic'),
          expect.stringContaining('source "none": consumer is missing'),
        ]),
      },
    });
  });

  function withCommit(consumer: Consumer, commitOffsets: () => Promise<never>): Consumer {
    return { ...consumer, commitOffsets };
  }
});
