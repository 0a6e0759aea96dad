import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { ClientKafka } from '@nestjs/microservices';
import { Kafka, type KafkaMessage, logLevel, Partitioners, type Producer } from 'kafkajs';
import { clientProxyRelay } from '../../src/relay/index.js';
import { kafkaRelay } from '../../src/relay/kafka/index.js';
import { inboxRows } from '../support/inbox-rows.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { type Broker, describeWithBroker, startKafka } from './support/brokers.js';
import { expectReadBack, IDS } from './support/read-back.js';
import { event, type RelayApp, startRelayApp } from './support/relay-app.js';

describeWithBroker('kafka', 'a relay to Kafka', () => {
  let database: TestDatabase;
  let broker: Broker;
  let kafka: Kafka;
  let producer: Producer;
  let app: RelayApp;

  beforeAll(async () => {
    [database, broker] = await Promise.all([createTestDatabase(), startKafka()]);
    kafka = new Kafka({ brokers: [broker.address], logLevel: logLevel.NOTHING });
    producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
  });
  afterEach(async () => {
    await app.close();
    silenceLog();
  });
  afterAll(async () => {
    await producer.disconnect();
    await broker.stop();
    await database.drop();
  });

  /** Reads a topic until it has given this many records. */
  async function recordsOf(topic: string, count: number): Promise<KafkaMessage[]> {
    const consumer = kafka.consumer({ groupId: `test-${topic}` });
    const records = new Recorder<KafkaMessage>();
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => records.record(message) });
    const found = await records.first(count);
    await consumer.disconnect();
    return found;
  }

  const textsOf = ({ headers = {} }: KafkaMessage) =>
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

  it('sends CloudEvents that are read back as they were, with the aggregate as key', async () => {
    app = await startRelayApp(database, {
      relays: [kafkaRelay({ name: 'ids', eventName: 'ids.made', producer, topic: 'ids' })],
    });
    await app.api.publishEvents(IDS.map((id) => event('ids.made', id, { id, total: 1.5 })));
    await untilConsumerSettled(database, 'relay.ids');
    for (const record of await recordsOf('ids', IDS.length)) {
      const payload = JSON.parse(String(record.value)) as { id: string };
      const headers = textsOf(record);
      expect(String(record.key)).toBe(`order/${encodeURIComponent(payload.id)}`);
      const http = Object.entries(headers).map(([name, value]) => [name.replace('ce_', 'ce-'), value]);
      expectReadBack({ eventName: 'ids.made', aggregateId: payload.id, payload }, Object.fromEntries(http), {
        headers: record.headers ?? {},
        body: record.value,
      });
    }
  });

  it('sends a tombstone as a record without value', async () => {
    app = await startRelayApp(database, {
      relays: [kafkaRelay({ name: 'gone', eventName: 'gone.*', producer, topic: 'gone' })],
    });
    await app.api.publishEvent({ ...event('gone.made', '1', null), metadata: { tombstone: true } });
    await app.api.publishEvent(event('gone.kept', '1', null));
    await untilConsumerSettled(database, 'relay.gone');
    const records = await recordsOf('gone', 2);
    expect(records.map(({ value }) => value?.toString() ?? null)).toEqual([null, 'null']);
  });

  it('makes a dead letter alone of a record that a broker refuses for good', async () => {
    hearLog();
    // The mock cluster has no limit. This producer refuses as a broker with a limit does.
    const limited = {
      send: (record: never) => producer.send(record),
      sendBatch: (batch: Parameters<Producer['sendBatch']>[0]) =>
        JSON.stringify(batch.topicMessages?.map(({ messages }) => messages.map(({ value }) => String(value))))
          .length > 5_000
          ? Promise.reject(
              Object.assign(new Error('The request included a message larger than the max'), {
                type: 'MESSAGE_TOO_LARGE',
              }),
            )
          : producer.sendBatch(batch),
    };
    app = await startRelayApp(database, {
      relays: [kafkaRelay({ name: 'large', eventName: 'large.made', producer: limited, topic: 'large' })],
    });
    const large = 'x'.repeat(10_000);
    await app.api.publishEvents(
      ['1', '2', '3'].map((id) => event('large.made', id, id === '2' ? { large } : {})),
    );
    await untilConsumerSettled(database, 'relay.large');
    const records = await recordsOf('large', 2);
    expect(records.map(({ key }) => String(key)).sort()).toEqual(['order/1', 'order/3']);
    expect(await inboxRows(database, 'relay.large')).toEqual([
      expect.objectContaining({
        aggregateId: '2',
        status: 'dead_letter',
        error: expect.stringContaining('larger'),
      }),
    ]);
  });

  it('loses nothing with a ClientKafka whose connection is not ready', async () => {
    hearLog();
    const client = new ClientKafka({
      producerOnlyMode: true,
      client: { brokers: [broker.address], logLevel: logLevel.NOTHING },
      producer: { createPartitioner: Partitioners.DefaultPartitioner },
    });
    app = await startRelayApp(
      database,
      { relays: [clientProxyRelay({ name: 'nest', eventName: 'nest.made', client: 'ANALYTICS' })] },
      { providers: [{ provide: 'ANALYTICS', useValue: client }] },
    );
    await app.api.publishEvents(['1', '2', '3'].map((id) => event('nest.made', id, { id })));
    await untilConsumerSettled(database, 'relay.nest');
    const records = await recordsOf('nest.made', 3);
    expect(records.map(({ value }) => JSON.parse(String(value)) as unknown)).toEqual(
      expect.arrayContaining([{ id: '1' }, { id: '2' }, { id: '3' }]),
    );
    await client.close();
  });
});
