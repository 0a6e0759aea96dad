import { type Broker, type BrokerName, startKafka, startNats, startRabbit } from '../harness/brokers.js';
import type { BrokerAtHand, BrokerClient } from './broker-client.js';
import { KafkaClient } from './kafka.js';
import { NatsClient } from './nats.js';
import { RabbitClient } from './rabbitmq.js';

const KINDS: Readonly<
  Record<BrokerName, { start(): Promise<Broker>; open(address: string): Promise<BrokerClient> }>
> = {
  nats: { start: startNats, open: NatsClient.open },
  rabbitmq: { start: startRabbit, open: RabbitClient.open },
  kafka: { start: startKafka, open: KafkaClient.open },
};

/** Starts a broker for `run`, and ends it afterwards. */
export async function withBroker<T>(name: BrokerName, run: (one: BrokerAtHand) => Promise<T>): Promise<T> {
  const broker = await KINDS[name].start();
  try {
    const client = await KINDS[name].open(broker.address);
    try {
      return await run({ name, broker, client });
    } finally {
      await client.close();
    }
  } finally {
    await broker.stop();
  }
}
