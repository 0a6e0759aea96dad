import { AckPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { natsRelay, natsSource } from 'nestjs-integration/relay/nats';
import { AT_ONCE, type BrokerClient, portions, type RawMessage } from './broker-client.js';
import { SOURCE_BATCH, type WaysOf } from './ways.js';

/** After this time JetStream sends again what nobody has acknowledged. */
const ACK_WAIT_MS = 5_000;
const NANOSECONDS = 1_000_000;

/** The client as a host makes it: it never gives up, however long the server is away. */
function open(address: string): Promise<NatsConnection> {
  return connect({ servers: address, maxReconnectAttempts: -1, reconnectTimeWait: 1_000 });
}

export const natsWays: WaysOf = async (address) => {
  const nats = await open(address);
  return {
    relay: (options, to) => natsRelay({ ...options, jetstream: jetstream(nats), subject: to }),
    source: (options, from) =>
      natsSource({ ...options, consumer: () => jetstream(nats).consumers.get(from, 'source') }),
  };
};

export class NatsClient implements BrokerClient {
  private constructor(private readonly nats: NatsConnection) {}

  static async open(address: string): Promise<NatsClient> {
    return new NatsClient(await open(address));
  }

  async make(place: string): Promise<void> {
    const { streams, consumers } = await jetstreamManager(this.nats);
    await streams.add({ name: place, subjects: [place] });
    await consumers.add(place, {
      durable_name: 'source',
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: SOURCE_BATCH,
      ack_wait: ACK_WAIT_MS * NANOSECONDS,
    });
  }

  async send(place: string, messages: readonly RawMessage[]): Promise<void> {
    for (const portion of portions(messages))
      await Promise.all(portion.map(({ text }) => jetstream(this.nats).publish(place, text)));
  }

  async count(place: string): Promise<number> {
    const { streams } = await jetstreamManager(this.nats);
    return (await streams.info(place)).state.messages;
  }

  async left(place: string): Promise<number> {
    const { consumers } = await jetstreamManager(this.nats);
    const { num_pending: pending, num_ack_pending: unacknowledged } = await consumers.info(place, 'source');
    return pending + unacknowledged;
  }

  async take(place: string): Promise<string[]> {
    const count = await this.count(place);
    const consumer = await jetstream(this.nats).consumers.get(place);
    const ids: string[] = [];
    while (ids.length < count) {
      const max = Math.min(AT_ONCE, count - ids.length);
      for await (const message of await consumer.fetch({ max_messages: max }))
        ids.push(message.json<{ id: string }>().id);
    }
    return ids;
  }

  close(): Promise<void> {
    return this.nats.close();
  }
}
