import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { natsRelay } from '../../src/relay/nats/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { type Broker, describeWithBroker, startNats } from './support/brokers.js';
import { event, startRelayApp } from './support/relay-app.js';

describeWithBroker('nats', 'a relay to NATS JetStream', () => {
  let database: TestDatabase;
  let broker: Broker;
  let nats: NatsConnection;

  beforeAll(async () => {
    [database, broker] = await Promise.all([createTestDatabase(), startNats()]);
    nats = await connect({ servers: broker.address });
    const { streams } = await jetstreamManager(nats);
    await streams.add({ name: 'ALL', subjects: ['shop.>'] });
  });
  afterAll(async () => {
    await nats.close();
    await broker.stop();
    await database.drop();
  });

  /** The messages of a subject, in the order of the stream. */
  async function messagesOf(subject: string): Promise<Record<string, unknown>[]> {
    const { streams } = await jetstreamManager(nats);
    const consumer = await jetstream(nats).consumers.get('ALL', { filter_subjects: subject });
    const { state } = await streams.info('ALL', { subjects_filter: subject });
    const count = state.subjects?.[subject] ?? 0;
    if (count === 0) return [];
    const found: Record<string, unknown>[] = [];
    for await (const message of await consumer.fetch({ max_messages: count })) found.push(message.json());
    return found;
  }

  it('gets an event that was published in a transaction, as a CloudEvent', async () => {
    const app = await startRelayApp(database, {
      relays: [
        natsRelay({
          name: 'first',
          eventName: 'first.*',
          jetstream: jetstream(nats),
          subject: (e) => `shop.${e.eventName}`,
        }),
      ],
    });
    await app.api.transaction((tx) =>
      app.api.publishEvent(event('first.made', '7', { total: 12 }), { persistenceClient: tx }),
    );
    await untilConsumerSettled(database, 'relay.first');
    expect(await messagesOf('shop.first.made')).toEqual([
      expect.objectContaining({
        specversion: '1.0',
        type: 'first.made',
        subject: 'order/7',
        source: 'urn:nestjs-integration',
        data: { total: 12 },
      }),
    ]);
    await app.close();
  });
});
