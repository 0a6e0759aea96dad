import { Kafka, logLevel } from 'kafkajs';
import { kafkaRelay } from 'nestjs-integration/relay/kafka';
import { type BrokerClient, headersOf } from './broker-client.js';
import { BATCH } from './protocol.js';

const TOPIC = 'bench';

/** The broker is a mock cluster, which keeps everything in memory: only the relay is measured. */
export async function openKafka(address: string): Promise<BrokerClient> {
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ idempotent: false });
  await producer.connect();
  return {
    relay: kafkaRelay({ name: 'bench', eventName: 'invoice.created', producer, topic: TOPIC }),
    source: undefined,
    atOnce: BATCH,
    send: (messages) =>
      producer.sendBatch({
        acks: -1,
        topicMessages: [
          {
            topic: TOPIC,
            messages: messages.map((each) => ({
              key: each.key,
              value: each.data,
              headers: { ...headersOf(each, 'ce_'), 'content-type': 'application/json' },
            })),
          },
        ],
      }),
    loop: () => Promise.reject(new Error('sources of Kafka are not measured')),
    purge: async () => {},
    close: async () => producer.disconnect(),
  };
}
