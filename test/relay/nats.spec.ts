import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { type JetStreamClient, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { type NatsRelayOptions, natsRelay } from '../../src/relay/nats/index.js';
import { inboxRows } from '../support/inbox-rows.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { TestSdk } from '../telemetry/sdk.js';
import { type Broker, describeWithBroker, startNats } from './support/brokers.js';
import { expectReadBack, IDS } from './support/read-back.js';
import { event, type RelayApp, startRelayApp } from './support/relay-app.js';

describeWithBroker('nats', 'a relay to NATS JetStream', () => {
  let database: TestDatabase;
  let broker: Broker;
  let nats: NatsConnection;
  let app: RelayApp;

  beforeAll(async () => {
    [database, broker] = await Promise.all([createTestDatabase(), startNats()]);
    nats = await connect({ servers: broker.address });
    const { streams } = await jetstreamManager(nats);
    await streams.add({ name: 'ALL', subjects: ['shop.>'] });
  });
  afterEach(async () => {
    await app.close();
    silenceLog();
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

  const relayOf = (name: string, options: Partial<NatsRelayOptions> = {}) =>
    natsRelay({
      name,
      eventName: `${name}.*`,
      jetstream: jetstream(nats),
      subject: (e) => `shop.${e.eventName}`,
      ...options,
    });

  it('gets an event that was published in a transaction, as a CloudEvent', async () => {
    app = await startRelayApp(database, { relays: [relayOf('first')] });
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
  });

  it('sends CloudEvents that are read back as they were, whatever the ids are', async () => {
    app = await startRelayApp(database, { relays: [relayOf('ids')] });
    await app.api.publishEvents(IDS.map((id) => event('ids.made', id, { id, total: 1.5, none: null })));
    await untilConsumerSettled(database, 'relay.ids');
    const messages = await messagesOf('shop.ids.made');
    expect(messages.map(({ data }) => (data as { id: string }).id).sort()).toEqual([...IDS].sort());
    for (const message of messages) {
      const payload = message.data as { id: string };
      const body = Buffer.from(JSON.stringify(message));
      expectReadBack(
        { eventName: 'ids.made', aggregateId: payload.id, payload },
        { 'content-type': 'application/cloudevents+json' },
        { headers: {}, body },
      );
    }
  });

  it('is sent a second message by a redrive and by a replay within the window of duplicates', async () => {
    app = await startRelayApp(database, { relays: [relayOf('again')] });
    const { outboxEventId, position } = await app.api.publishEvent(event('again.made', '1'));
    await untilConsumerSettled(database, 'relay.again');
    expect(await messagesOf('shop.again.made')).toHaveLength(1);
    await app.consumers.replay('relay.again', { from: position });
    await until('the replay is there', async () => (await messagesOf('shop.again.made')).length === 2);
    await untilConsumerSettled(database, 'relay.again');
    await app.consumers.replayAtOnce('relay.again', { from: position });
    await until(
      'the replay at once is there',
      async () => (await messagesOf('shop.again.made')).length === 3,
    );
    const ids = (await messagesOf('shop.again.made')).map(({ id }) => id);
    expect(new Set(ids)).toEqual(new Set([outboxEventId]));
  });

  it('drops a message that it has already, which counts as accepted', async () => {
    hearLog();
    const sdk = new TestSdk();
    sdk.register();
    let isFirst = true;
    const lossy = {
      jetstreamManager: () => jetstream(nats).jetstreamManager(),
      publish: async (...args: Parameters<JetStreamClient['publish']>) => {
        const ack = await jetstream(nats).publish(...args);
        if (!isFirst) return ack;
        isFirst = false;
        throw Object.assign(new Error('the answer was lost'), { name: 'TimeoutError' });
      },
    };
    app = await startRelayApp(
      database,
      { relays: [relayOf('lost', { jetstream: lossy })] },
      { options: { telemetry: { metrics: true } } },
    );
    await app.api.publishEvent(event('lost.made', '1'));
    await untilConsumerSettled(database, 'relay.lost');
    expect(await messagesOf('shop.lost.made')).toHaveLength(1);
    const counted = (await sdk.readings())
      .filter(({ name }) => name.startsWith('nestjs_integration.relay.'))
      .map(({ name, value }) => [name.slice('nestjs_integration.relay.'.length), value]);
    expect(Object.fromEntries(counted)).toEqual({ accepted: 1, duplicates: 1, unaccepted: 1 });
    await sdk.unregister();
  });

  it('refuses a message over its limit, which is a dead letter alone', async () => {
    hearLog();
    app = await startRelayApp(
      database,
      { relays: [relayOf('large')] },
      { options: { maxPayloadBytes: 3_000_000 } },
    );
    const large = 'x'.repeat(1_500_000);
    await app.api.publishEvents(
      ['1', '2', '3'].map((id) => event('large.made', id, id === '2' ? { large } : {})),
    );
    await untilConsumerSettled(database, 'relay.large');
    expect((await messagesOf('shop.large.made')).map(({ subject }) => subject).sort()).toEqual([
      'order/1',
      'order/3',
    ]);
    expect(await inboxRows(database, 'relay.large')).toEqual([
      expect.objectContaining({
        aggregateId: '2',
        status: 'dead_letter',
        attempts: 1,
        error: expect.stringContaining('max_payload'),
      }),
    ]);
  });

  it('says at boot that no stream takes the subject, and that the window of duplicates is short', async () => {
    const { streams } = await jetstreamManager(nats);
    await streams.add({ name: 'SHORT', subjects: ['short'], duplicate_window: 1_000_000_000 });
    const log = hearLog();
    app = await startRelayApp(database, {
      relays: [relayOf('nowhere', { subject: 'nowhere' }), relayOf('short', { subject: 'short' })],
    });
    expect(log.texts('warn')).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/relay "nowhere": No stream .*"nowhere"/),
        expect.stringMatching(/relay "short": .*duplicate_window of 1000 ms/),
      ]),
    );
    await app.api.publishEvent(event('nowhere.made', '1'));
    await until('it is refused', async () =>
      (await inboxRows(database, 'relay.nowhere'))[0]?.error?.includes('No stream'),
    );
  });
});
