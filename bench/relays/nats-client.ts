import { AckPolicy, type Consumer, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { natsRelay, natsSource } from 'nestjs-integration/relay/nats';
import type { BrokerClient, ByHand, Taken } from './broker-client.js';
import { BATCH, PULL } from './protocol.js';

const STREAM = 'BENCH';
const SUBJECT = 'bench.invoices';

interface Structured extends Omit<Taken, 'version' | 'data'> {
  readonly eventversion: string;
  readonly data: unknown;
}

export async function openNats(address: string): Promise<BrokerClient> {
  const connection = await connect({ servers: address });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: STREAM, subjects: ['bench.>'] });
  const js = jetstream(connection);
  const consumerOf = async (name: string): Promise<Consumer> => {
    await manager.consumers.add(STREAM, {
      durable_name: name,
      ack_policy: AckPolicy.Explicit,
      max_ack_pending: PULL,
    });
    return js.consumers.get(STREAM, name);
  };
  const [ofSource, ofLoop] = [await consumerOf('source'), await consumerOf('loop')];
  return {
    relay: natsRelay({ name: 'bench', eventName: 'invoice.created', jetstream: js, subject: SUBJECT }),
    source: natsSource({ name: 'bench', consumer: ofSource }),
    atOnce: BATCH,
    send: (messages) => Promise.all(messages.map((each) => publish(each))),
    loop: async (store) => {
      for (;;) {
        const pull: Taken[] = [];
        const messages = await ofLoop.fetch({ max_messages: PULL, expires: 1_000 });
        const taken: { ack(): void }[] = [];
        for await (const message of messages) {
          const { id, source, type, subject, eventversion, data } = message.json<Structured>();
          const version = Number(eventversion);
          pull.push({ id, source, type, subject, version, data: JSON.stringify(data) });
          taken.push(message);
          // What comes behind the last one is waited for until the time is over.
          if (message.info.pending === 0) break;
        }
        const { enough } = await store(pull);
        for (const message of taken) message.ack();
        if (enough) return;
      }
    },
    purge: async () => {
      await manager.streams.purge(STREAM);
    },
    close: async () => connection.close(),
  };

  async function publish({ id, attributes, data }: ByHand): Promise<void> {
    const text = `${JSON.stringify(attributes).slice(0, -1)},"data":${data}}`;
    await js.publish(SUBJECT, text, { msgID: id });
  }
}
