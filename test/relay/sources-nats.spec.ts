import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { natsRelay, natsSource } from '../../src/relay/nats/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { type Broker, describeWithBroker, startNats } from './support/brokers.js';
import { event, startRelayApp } from './support/relay-app.js';

describeWithBroker('nats', 'a source of NATS JetStream', () => {
  let databases: TestDatabase[];
  let broker: Broker;
  let nats: NatsConnection;

  beforeAll(async () => {
    databases = await Promise.all([createTestDatabase(), createTestDatabase()]);
    broker = await startNats();
    nats = await connect({ servers: broker.address });
    const manager = await jetstreamManager(nats);
    await manager.streams.add({ name: 'ALL', subjects: ['shop.>'] });
    await manager.consumers.add('ALL', {
      durable_name: 'kept',
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: 50,
    });
    await manager.consumers.add('ALL', { durable_name: 'careless', ack_policy: AckPolicy.None });
  });
  afterAll(async () => {
    await nats.close();
    await broker.stop();
    for (const database of databases) await database.drop();
  });

  it('takes in what a relay of another application has sent, in its order, and acknowledges it', async () => {
    const [from, to] = databases as [TestDatabase, TestDatabase];
    const sender = await startRelayApp(from, {
      application: 'shop',
      relays: [
        natsRelay({ name: 'out', eventName: 'order.*', jetstream: jetstream(nats), subject: 'shop.orders' }),
      ],
    });
    const consumer = await jetstream(nats).consumers.get('ALL', 'kept');
    const receiver = await startRelayApp(to, {
      application: 'billing',
      sources: [natsSource({ name: 'in', consumer, batch: 50 })],
    });
    const ids = Array.from({ length: 120 }, (_, i) => `a/b:${i} ü`);
    await sender.api.publishEvents(ids.map((id) => event('order.made', 'one', { id })));
    await until('everything is acknowledged', async () => {
      const { num_pending: pending, num_ack_pending: unacknowledged, delivered } = await consumer.info();
      return delivered.consumer_seq >= ids.length && pending + unacknowledged === 0;
    });
    const { rows } = await to.pool.query(
      'SELECT event_name, aggregate_type, aggregate_id, payload, metadata FROM integration.outbox_event ORDER BY position',
    );
    expect(rows.map(({ payload }) => payload.id)).toEqual(ids);
    expect(rows[0]).toMatchObject({
      event_name: 'order.made',
      aggregate_type: 'order',
      aggregate_id: 'one',
      metadata: { via: ['shop'] },
    });
    await receiver.close();
    await sender.close();
  });

  it('is refused with a consumer that acknowledges by itself, and with what is no consumer', async () => {
    const [database] = databases as [TestDatabase, TestDatabase];
    const careless = await jetstream(nats).consumers.get('ALL', 'careless');
    const sources = [
      natsSource({ name: 'careless', consumer: careless }),
      natsSource({ name: 'other', consumer: { next() {} } }),
    ];
    await expect(startRelayApp(database, { sources })).rejects.toMatchObject({
      details: {
        problems: expect.arrayContaining([
          expect.stringContaining('source "careless": consumer has the ack_policy "none"'),
          'source "other": consumer must be a Consumer of @nats-io/jetstream: it has no fetch() and info(); given was an object of the class Object',
        ]),
      },
    });
  });
});
