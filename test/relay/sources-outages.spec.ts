import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection, nanos } from '@nats-io/transport-node';
import { z } from 'zod';
import { ContractsModule, defineEvent } from '../../src/contracts/index.js';
import { IntegrationSettingsService } from '../../src/index.js';
import {
  type MappedEvent,
  type SourceDefinition,
  type SourceMessage,
  source,
} from '../../src/relay/index.js';
import { natsSource } from '../../src/relay/nats/index.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { Outage } from '../support/outage.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { type Broker, describeWithBroker, startNats } from './support/brokers.js';
import { type RelayApp, startRelayApp } from './support/relay-app.js';

/** What is stored, in the order of positions. */
interface Stored {
  readonly name: string;
  readonly payload: { readonly id: string; readonly reason: string };
}

let database: TestDatabase;
const apps: RelayApp[] = [];
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  await database.drop();
  silenceLog();
});

async function start(source: SourceDefinition, more: Parameters<typeof startRelayApp>[2] = {}) {
  const app = await startRelayApp(database, { sources: [source] }, more);
  apps.push(app);
  return app;
}
async function stored(): Promise<Stored[]> {
  const { rows } = await database.pool.query<Stored>(
    'SELECT event_name AS name, payload FROM integration.outbox_event ORDER BY position',
  );
  return rows;
}
const storedIds = async () => (await stored()).map(({ payload }) => payload.id);

const cloudEvent = (id: string, data: unknown = { id }) =>
  JSON.stringify({ specversion: '1.0', id, source: '/shop', type: 'order.made', subject: 'order/7', data });
const message = (id: string, data?: unknown): SourceMessage => ({
  headers: {},
  contentType: 'application/cloudevents+json',
  body: Buffer.from(cloudEvent(id, data)),
});
const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

/** A broker whose messages come again until they are acknowledged. */
function waiting(
  messages: SourceMessage[],
  acked: (count: number) => Promise<void> | void = () => {},
  map?: (message: SourceMessage) => Promise<MappedEvent>,
) {
  return source({
    name: 'shop',
    batch: 100,
    map,
    pull: async (max) => messages.slice(0, max),
    ack: async ({ length }) => {
      await acked(length);
      messages.splice(0, length);
    },
  });
}

describe('a source', () => {
  it('acknowledges nothing while Postgres is away, and then stores each message once', async () => {
    const log = hearLog();
    const outage = await Outage.of(database.url);
    const messages = numbers(500).map((id) => ({ headers: {}, body: Buffer.from(id) }));
    let acked = 0;
    const missing: number[] = [];
    const acknowledge = async (count: number) => {
      acked += count;
      missing.push(acked - (await stored()).length);
    };
    let isFirst = true;
    const map = async ({ body }: SourceMessage) => {
      const id = String(body);
      // Postgres goes away while the third pull is made into events.
      if (id === '250' && isFirst) {
        isFirst = false;
        await outage.refuse();
      }
      return { eventName: 'order.made', aggregateType: 'order', aggregateId: '7', id, payload: { id } };
    };
    await start(waiting(messages, acknowledge, map), {
      options: { connectionString: outage.url, client: database.prisma({ url: outage.url }) },
    });
    await log.saying('The lease "relay.source.shop" was lost');
    await log.saying('The heartbeat failed');
    expect(acked).toBe(200);
    await outage.end();
    await until('everything is acknowledged', async () => acked === 500);
    expect(await storedIds()).toEqual(numbers(500));
    expect(missing).toEqual([0, 0, 0, 0, 0]);
    for (const app of apps.splice(0)) await app.close();
    await outage.close();
  });

  it('stops while processor.enabled is off, and goes on when it is on again', async () => {
    const messages = [message('before')];
    let pulls = 0;
    const app = await start(
      source({
        name: 'shop',
        pull: async () => {
          pulls++;
          return [...messages];
        },
        ack: async () => {
          messages.shift();
        },
      }),
    );
    const settings = app.context.get(IntegrationSettingsService);
    await until('the first message is stored', async () => (await stored()).length === 1);
    await settings.set('processor.enabled', false, 'test');
    await until('the lease is given back', async () => {
      const { rows } = await database.pool.query<{ held: boolean }>(
        `SELECT coalesce(bool_or(expires_at > clock_timestamp()), false) AS held
         FROM integration.integration_lease WHERE name = 'relay.source.shop'`,
      );
      return !rows[0]?.held;
    });
    const before = pulls;
    messages.push(message('after'));
    // The setting travels through the database, so a source that had not stopped would have pulled meanwhile.
    await settings.set('processor.enabled', true, 'test');
    expect(pulls).toBe(before);
    await until('the second message is stored', async () => (await stored()).length === 2);
    expect(await storedIds()).toEqual(['before', 'after']);
  });

  it('stores what fulfils the contract of its event, and rejects what does not', async () => {
    const contract = defineEvent({ name: 'order.made', schema: z.object({ id: z.string() }) });
    const messages = [message('1'), message('2', { id: 2 }), message('3'), message('4', null)];
    await start(waiting(messages), {
      imports: [ContractsModule.forRoot(), ContractsModule.forFeature([contract])],
    });
    await until('everything is acknowledged', async () => messages.length === 0);
    expect(await stored()).toEqual([
      { name: 'order.made', payload: { id: '1' } },
      {
        name: 'integration.rejected.shop',
        payload: expect.objectContaining({ reason: expect.stringMatching(/contract.*id/) }),
      },
      { name: 'order.made', payload: { id: '3' } },
      {
        name: 'integration.rejected.shop',
        payload: expect.objectContaining({ reason: expect.stringContaining('contract') }),
      },
    ]);
  });
});

describeWithBroker('nats', 'a source whose broker goes away', () => {
  let broker: Broker;
  let nats: NatsConnection;
  beforeEach(async () => {
    broker = await startNats();
    nats = await connect({ servers: broker.address, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
    const manager = await jetstreamManager(nats);
    await manager.streams.add({ name: 'ALL', subjects: ['shop.>'] });
    await manager.consumers.add('ALL', {
      durable_name: 'billing',
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(2_000),
      max_ack_pending: 50,
    });
  });
  afterEach(async () => {
    await nats.close();
    await broker.stop();
  });

  const send = async (ids: readonly string[]) => {
    for (const id of ids) await jetstream(nats).publish('shop.orders', cloudEvent(id));
  };

  /** The client says so itself. A pull that waits for messages may not notice. */
  const untilDisconnected = async () => {
    for await (const { type } of nats.status()) if (type === 'disconnect') return;
  };

  it('stores each message once, also those that come when the broker is there again', async () => {
    hearLog();
    await send(numbers(500));
    const consumer = () => jetstream(nats).consumers.get('ALL', 'billing');
    await start(natsSource({ name: 'shop', batch: 50, consumer }));
    await until('the first messages are stored', async () => (await stored()).length > 0);
    const disconnected = untilDisconnected();
    await broker.end();
    await disconnected;
    await broker.restart();
    await until('the client is connected', async () => nats.rtt().catch(() => false));
    await send(['later']);
    await until('everything is acknowledged', async () => {
      const { num_pending: pending, num_ack_pending: unacknowledged } = await (await consumer()).info();
      return pending + unacknowledged === 0;
    });
    expect((await storedIds()).sort()).toEqual([...numbers(500), 'later'].sort());
  });
});
