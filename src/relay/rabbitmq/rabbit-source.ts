import { openClient } from '../relays/held-client.js';
import { lookAtBoot } from '../sources/look-at-boot.js';
import { DEFAULT_PULL, type SourceDefinition, type SourceOptions } from '../sources/source-definition.js';
import type { MappedEvent, SourceClient, SourceMessage } from '../sources/source-message.js';
import { problemsOfSource } from '../sources/source-option-checks.js';
import { LONGEST_BYTES } from './names.js';
import { type AmqplibChannelLike, type ClientChannelLike, channelOf } from './rabbit-channels.js';
import { NoQueue, RabbitQueue, type RabbitSourceMessage } from './rabbit-queue.js';

export interface RabbitSourceOptions extends SourceOptions<RabbitSourceMessage> {
  /**
   * A Channel of rabbitmq-client 5 (`connection.acquire()`) or of amqplib, a function that returns one, or a
   * token. Nothing else may use the channel, because a pull is acknowledged with all that came before it. A
   * channel does not open again, so give a function, which is asked again after the channel has closed.
   */
  readonly channel: unknown;
  readonly queue: string;
}

const IS = 'a Channel of rabbitmq-client or amqplib';

/** Takes in the messages of a queue of RabbitMQ. */
export function rabbitSource(options: RabbitSourceOptions): SourceDefinition {
  const given = Object(options) as RabbitSourceOptions;
  return {
    broker: 'rabbitmq',
    addresses: [given.queue],
    options: { ...given, map: withMessageId(given.map) } as SourceOptions,
    problems: [
      ...problemsOfSource(given as SourceOptions, ['channel', 'queue']),
      ...(isQueue(given.queue) ? [] : [`queue must be the name of a queue, at most ${LONGEST_BYTES} bytes`]),
    ],
    open: async (boot) => {
      type Client = ClientChannelLike | AmqplibChannelLike;
      const shape = { is: IS, functions: ['on'], install: 'rabbitmq-client@5' } as const;
      const client = await openClient<Client>(boot, 'channel', given.channel, shape);
      if (client === undefined || !isQueue(given.queue)) return undefined;
      if (channelOf(await client.get()) === undefined) {
        boot.problem(
          `channel must be ${IS}: it has neither basicConsume() nor consume() with what belongs to it`,
        );
        return undefined;
      }
      const queue = new RabbitQueue(given.queue, client, given.batch ?? DEFAULT_PULL);
      await lookAtBoot(boot, `queue ${JSON.stringify(given.queue)}`, async () => {
        try {
          await queue.check();
        } catch (error) {
          if (!(error instanceof NoQueue)) throw error;
          boot.problem(error.message);
        }
      });
      return {
        pullsAhead: true,
        pull: (max, signal) => queue.pull(max, signal),
        ack: (messages) => queue.ack(messages),
        rest: () => queue.rest(),
      } satisfies SourceClient;
    },
  };
}

/** RabbitMQ gives messages no place, so what the sender called the message is all that tells a repeat. */
function withMessageId(map: RabbitSourceOptions['map']): SourceOptions['map'] {
  if (typeof map !== 'function') return map;
  return async (message: SourceMessage): Promise<MappedEvent> => {
    const { messageId } = message as RabbitSourceMessage;
    const event = await map(message as RabbitSourceMessage);
    const isWithout = typeof event === 'object' && event !== null && event.id === undefined;
    return isWithout && messageId ? { ...event, id: messageId } : event;
  };
}

function isQueue(queue: unknown): boolean {
  return typeof queue === 'string' && queue !== '' && Buffer.byteLength(queue) <= LONGEST_BYTES;
}
