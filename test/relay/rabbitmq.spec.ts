import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { connect as connectAmqplib } from 'amqplib';
import { Connection, type Publisher } from 'rabbitmq-client';
import { rabbitRelay } from '../../src/relay/rabbitmq/index.js';
import { inboxRows } from '../support/inbox-rows.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';
import { type Broker, describeWithBroker, startRabbit } from './support/brokers.js';
import { expectReadBack, IDS } from './support/read-back.js';
import { event, type RelayApp, startRelayApp } from './support/relay-app.js';

describeWithBroker('rabbitmq', 'a relay to RabbitMQ', () => {
  let database: TestDatabase;
  let broker: Broker;
  let rabbit: Connection;
  let channels: Awaited<ReturnType<typeof connectAmqplib>>;
  let app: RelayApp;
  const publishers: Publisher[] = [];

  beforeAll(async () => {
    [database, broker] = await Promise.all([createTestDatabase(), startRabbit()]);
    rabbit = new Connection(broker.address);
    channels = await connectAmqplib(broker.address);
    await rabbit.exchangeDeclare({ exchange: 'shop', type: 'topic', durable: true });
  });
  afterEach(async () => {
    await app?.close();
    silenceLog();
  });
  afterAll(async () => {
    await channels.close();
    for (const publisher of publishers) await publisher.close();
    await rabbit.close();
    await broker.stop();
    await database.drop();
  });

  const CLIENTS = {
    'rabbitmq-client': async () => {
      const publisher = rabbit.createPublisher({ confirm: true });
      publishers.push(publisher);
      return publisher;
    },
    amqplib: async () => channels.createConfirmChannel(),
  };
  const clients = Object.entries(CLIENTS).map(([client, make], i) => ({ client, make, type: `r${i}` }));

  const start = async (name: string, publisher: unknown) => {
    app = await startRelayApp(database, {
      relays: [rabbitRelay({ name, eventName: `${name}.made`, publisher, exchange: 'shop' })],
    });
  };

  async function bind(queue: string, routingKey: string, more: object = {}): Promise<void> {
    await rabbit.queueDeclare({ queue, durable: true, ...more });
    await rabbit.queueBind({ queue, exchange: 'shop', routingKey });
  }

  /** Takes all messages out of a queue. */
  async function drained(queue: string) {
    const found = [];
    for (;;) {
      const message = await rabbit.basicGet({ queue, noAck: true });
      if (message === undefined) return found;
      found.push(message);
    }
  }

  it.each(clients)('sends CloudEvents that are read back as they were ($client)', async ({ make, type }) => {
    const name = `ids-${type}`;
    await bind(name, `${name}.made`);
    await start(name, make);
    await app.api.publishEvents(IDS.map((id) => event(`${name}.made`, id, { id, total: 1.5 })));
    await untilConsumerSettled(database, `relay.${name}`);
    const messages = await drained(name);
    expect(messages).toHaveLength(IDS.length);
    for (const { headers = {}, contentType = '', body } of messages) {
      const bytes: Buffer = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
      const payload = JSON.parse(bytes.toString()) as { id: string };
      const http = Object.entries(headers).map(([key, value]) => [
        key.replace('cloudEvents_', 'ce-'),
        String(value),
      ]);
      expectReadBack(
        { eventName: `${name}.made`, aggregateId: payload.id, payload },
        { ...Object.fromEntries(http), 'content-type': contentType },
        { headers, contentType, body: bytes },
      );
    }
  });

  it.each(clients)(
    'makes a dead letter of a message that no queue takes, which a redrive delivers later ($client)',
    async ({ make, type }) => {
      hearLog();
      const name = `lost-${type}`;
      await start(name, make);
      await app.api.publishEvent(event(`${name}.made`, '1'));
      await untilConsumerSettled(database, `relay.${name}`);
      expect(await inboxRows(database, `relay.${name}`)).toEqual([
        expect.objectContaining({
          status: 'dead_letter',
          attempts: 1,
          error: expect.stringMatching(/No queue took the message \(NO_ROUTE\)/),
        }),
      ]);
      await bind(name, `${name}.made`);
      await app.consumers.redrive({ consumerName: `relay.${name}` });
      await until('the message is there', async () => (await drained(name)).length === 1);
    },
  );

  it('is refused with a publisher that does not wait for confirms', async () => {
    const publisher = rabbit.createPublisher();
    publishers.push(publisher);
    await expect(start('careless', publisher)).rejects.toMatchObject({
      details: { problems: [expect.stringMatching(/relay "careless": publisher .*confirm: true/)] },
    });
  });

  it.each(clients)('sends again what a full queue refused, in order ($client)', async ({ make, type }) => {
    hearLog();
    const name = `full-${type}`;
    await bind(name, `${name}.made`, {
      arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' },
    });
    await start(name, make);
    await app.api.publishEvents([1, 2, 3].map((n) => event(`${name}.made`, 'a', { n })));
    const got: unknown[] = [];
    await until('the second was refused', async () => {
      const rows = await inboxRows(database, `relay.${name}`);
      return rows.some(({ error }) => error?.includes('nack'));
    });
    await until('all are there', async () => {
      got.push(...(await drained(name)).map(({ body }) => (body as { n: number }).n));
      return got.length === 3;
    });
    expect(got).toEqual([1, 2, 3]);
  });
});
