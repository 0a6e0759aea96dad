import { rabbitRelay, rabbitSource } from 'nestjs-integration/relay/rabbitmq';
import { Connection } from 'rabbitmq-client';
import { type BrokerClient, type ByHand, headersOf, type Taken } from './broker-client.js';
import { BATCH, PULL } from './protocol.js';

const QUEUE = 'bench';
const EXCHANGE = 'bench';
const PREFIX = 'cloudEvents_';

export async function openRabbit(address: string): Promise<BrokerClient> {
  const connection = new Connection(address);
  await connection.queueDeclare({ queue: QUEUE, durable: true });
  await connection.exchangeDeclare({ exchange: EXCHANGE, type: 'fanout', durable: true });
  await connection.queueBind({ queue: QUEUE, exchange: EXCHANGE });
  const [ofRelay, ofHand] = [
    connection.createPublisher({ confirm: true }),
    connection.createPublisher({ confirm: true }),
  ];
  return {
    relay: rabbitRelay({
      name: 'bench',
      eventName: 'invoice.created',
      publisher: ofRelay,
      exchange: EXCHANGE,
    }),
    source: rabbitSource({ name: 'bench', queue: QUEUE, channel: () => connection.acquire() }),
    atOnce: BATCH,
    send: (messages) => Promise.all(messages.map((each) => publish(each))),
    loop: async (store) => {
      const channel = await connection.acquire();
      let pull: Taken[] = [];
      await new Promise<void>((resolve, reject) => {
        const take = async (tag: number, last: readonly Taken[]) => {
          const { enough } = await store(last);
          channel.basicAck({ deliveryTag: tag, multiple: true });
          if (enough) resolve();
        };
        channel
          .basicQos({ prefetchCount: PULL })
          .then(() =>
            channel.basicConsume({ queue: QUEUE }, ({ body, headers, deliveryTag }) => {
              const attribute = (name: string) => String(headers?.[`${PREFIX}${name}`]);
              pull.push({
                id: attribute('id'),
                source: attribute('source'),
                type: attribute('type'),
                subject: attribute('subject'),
                version: Number(attribute('eventversion')),
                data: body instanceof Buffer ? body.toString() : JSON.stringify(body),
              });
              if (pull.length < PULL) return;
              const whole = pull;
              pull = [];
              take(deliveryTag, whole).catch(reject);
            }),
          )
          .catch(reject);
      });
      await channel.close();
    },
    purge: async () => {
      await connection.queuePurge({ queue: QUEUE });
    },
    close: async () => {
      await Promise.all([ofRelay.close(), ofHand.close()]);
      await connection.close();
    },
  };

  function publish(message: ByHand): Promise<void> {
    return ofHand.send(
      {
        exchange: EXCHANGE,
        routingKey: message.type,
        mandatory: true,
        durable: true,
        messageId: message.id,
        contentType: 'application/json',
        headers: headersOf(message, PREFIX),
      },
      Buffer.from(message.data),
    );
  }
}
