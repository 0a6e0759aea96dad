import { rabbitRelay, rabbitSource } from 'nestjs-integration/relay/rabbitmq';
import { type Channel, Connection } from 'rabbitmq-client';
import { type BrokerClient, portions, type RawMessage } from './broker-client.js';
import type { WaysOf } from './ways.js';

/** The client as a host makes it. By itself it waits up to 30 s between two tries to connect. */
function open(address: string): Connection {
  const connection = new Connection({ url: address, retryLow: 500, retryHigh: 2_000 });
  // Without a listener, an error of the connection would end the process.
  connection.on('error', () => {});
  return connection;
}

export const rabbitWays: WaysOf = async (address) => {
  const connection = open(address);
  const publisher = connection.createPublisher({ confirm: true });
  return {
    relay: (options, to) => rabbitRelay({ ...options, publisher, exchange: to }),
    source: (options, from) => rabbitSource({ ...options, channel: () => connection.acquire(), queue: from }),
  };
};

export class RabbitClient implements BrokerClient {
  private constructor(
    private readonly connection: Connection,
    private channel: Channel,
  ) {}

  static async open(address: string): Promise<RabbitClient> {
    const connection = open(address);
    return new RabbitClient(connection, await connection.acquire());
  }

  async make(place: string): Promise<void> {
    await this.connection.exchangeDeclare({ exchange: place, type: 'fanout', durable: true });
    await this.connection.queueDeclare({ queue: place, durable: true });
    await this.connection.queueBind({ queue: place, exchange: place });
  }

  async send(place: string, messages: readonly RawMessage[]): Promise<void> {
    const publisher = this.connection.createPublisher({ confirm: true });
    const envelope = { exchange: place, durable: true, contentType: 'application/cloudevents+json' };
    for (const portion of portions(messages))
      await Promise.all(portion.map(({ text }) => publisher.send(envelope, Buffer.from(text))));
    await publisher.close();
  }

  async count(place: string): Promise<number> {
    return (await this.connection.queueDeclare({ queue: place, passive: true })).messageCount;
  }

  left(place: string): Promise<number> {
    return this.count(place);
  }

  async take(place: string): Promise<string[]> {
    // The server has closed the channel of before if it was away.
    if (!this.channel.active) this.channel = await this.connection.acquire();
    const ids: string[] = [];
    for (const portion of portions(Array.from({ length: await this.count(place) }))) {
      const messages = await Promise.all(
        portion.map(() => this.channel.basicGet({ queue: place, noAck: true })),
      );
      ids.push(...messages.map((message) => String(message?.headers?.cloudEvents_id)));
    }
    return ids;
  }

  async close(): Promise<void> {
    await this.channel.close();
    await this.connection.close();
  }
}
