import { type Admin, Kafka, type KafkaMessage, logLevel, Partitioners, type Producer } from 'kafkajs';
import { kafkaRelay, kafkaSource } from 'nestjs-integration/relay/kafka';
import { until } from '../harness/wait.js';
import { type BrokerClient, portions, type RawMessage } from './broker-client.js';
import type { WaysOf } from './ways.js';

/** For so long a group waits for a member that was killed. */
const SESSION_MS = 6_000;

function open(address: string): Kafka {
  return new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
}

const groupOf = (place: string) => `source-${place}`;

/** The mock cluster knows no idempotent producers. */
async function producerOf(kafka: Kafka): Promise<Producer> {
  const producer = kafka.producer({
    idempotent: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  return producer;
}

export const kafkaWays: WaysOf = async (address) => {
  const kafka = open(address);
  const producer = await producerOf(kafka);
  return {
    relay: (options, to) => kafkaRelay({ ...options, producer, topic: to }),
    source: (options, from) =>
      kafkaSource({
        ...options,
        consumer: () =>
          kafka.consumer({
            groupId: groupOf(from),
            sessionTimeout: SESSION_MS,
            maxWaitTimeInMs: 500,
          }),
        topics: [from],
      }),
  };
};

export class KafkaClient implements BrokerClient {
  private constructor(
    private readonly kafka: Kafka,
    private readonly admin: Admin,
    private readonly producer: Producer,
  ) {}

  static async open(address: string): Promise<KafkaClient> {
    const kafka = open(address);
    const admin = kafka.admin();
    await admin.connect();
    return new KafkaClient(kafka, admin, await producerOf(kafka));
  }

  /** The cluster makes a topic when somebody asks for it. */
  async make(place: string): Promise<void> {
    await until('the topic is there', () =>
      this.count(place).then(
        () => true,
        () => false,
      ),
    );
  }

  async send(place: string, messages: readonly RawMessage[]): Promise<void> {
    const headers = { 'content-type': 'application/cloudevents+json' };
    for (const portion of portions(messages))
      await this.producer.send({
        topic: place,
        messages: portion.map(({ aggregate, text }) => ({ key: aggregate, value: text, headers })),
      });
  }

  async count(place: string): Promise<number> {
    const offsets = await this.admin.fetchTopicOffsets(place);
    return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  }

  async left(place: string): Promise<number> {
    const groups = await this.admin.fetchOffsets({ groupId: groupOf(place), topics: [place] });
    const offsets = groups.flatMap(({ partitions }) => partitions.map(({ offset }) => Number(offset)));
    return (await this.count(place)) - offsets.reduce((sum, offset) => sum + Math.max(offset, 0), 0);
  }

  async take(place: string): Promise<string[]> {
    const count = await this.count(place);
    const consumer = this.kafka.consumer({ groupId: `kit-${place}`, maxWaitTimeInMs: 500 });
    const ids: string[] = [];
    await consumer.connect();
    await consumer.subscribe({ topics: [place], fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }) => {
        ids.push(idOf(message));
      },
    });
    await until('all records are read', () => ids.length >= count);
    await consumer.disconnect();
    return ids;
  }

  async close(): Promise<void> {
    await Promise.all([this.admin.disconnect(), this.producer.disconnect()]);
  }
}

function idOf({ headers = {} }: KafkaMessage): string {
  return String(headers.ce_id);
}
