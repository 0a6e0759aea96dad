import { type HeldClient, openClient } from '../relays/held-client.js';
import type { RelayBoot } from '../relays/relay-definition.js';
import { lookAtBoot } from '../sources/look-at-boot.js';
import { DEFAULT_PULL, type SourceDefinition, type SourceOptions } from '../sources/source-definition.js';
import type { SourceClient, SourceMessage } from '../sources/source-message.js';
import { problemsOfSource } from '../sources/source-option-checks.js';

/** What is used of a message of `@nats-io/jetstream` 3. */
interface JetStreamMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers?: Iterable<readonly [string, readonly string[]]> | undefined;
  readonly info: {
    readonly stream: string;
    readonly streamSequence: number;
    readonly timestampNanos: number | bigint;
    readonly pending: number;
  };
  ack(): void;
  nak(): void;
}

/** What is used of a Consumer of `@nats-io/jetstream` 3. */
export interface JetStreamConsumerLike {
  next(options: { expires: number }): Promise<JetStreamMessage | null>;
  fetch(options: { max_messages: number; expires: number }): Promise<AsyncIterable<JetStreamMessage>>;
  info(): Promise<{
    readonly config: { readonly ack_policy: string; readonly max_ack_pending?: number | undefined };
  }>;
}

/** A message of a stream, as `map` gets it. */
export interface NatsSourceMessage extends SourceMessage {
  readonly subject: string;
  readonly message: JetStreamMessage;
}

export interface NatsSourceOptions extends SourceOptions<NatsSourceMessage> {
  /**
   * A pull consumer of `@nats-io/jetstream` 3 that acknowledges, a function that returns it, or its token.
   */
  readonly consumer: unknown;
}

const SHAPE = {
  is: 'a Consumer of @nats-io/jetstream',
  functions: ['next', 'fetch', 'info'],
  install: '@nats-io/jetstream@3 @nats-io/transport-node@3',
} as const;
/** The shortest time for which the client asks. */
const WAIT_MS = 1_000;

/** Takes in the messages of a stream of NATS JetStream. */
export function natsSource(options: NatsSourceOptions): SourceDefinition {
  const given = Object(options) as NatsSourceOptions;
  return {
    broker: 'nats',
    options: given as SourceOptions,
    problems: problemsOfSource(given as SourceOptions, ['consumer']),
    open: async (boot) => {
      const client = await openClient<JetStreamConsumerLike>(boot, 'consumer', given.consumer, SHAPE);
      if (client === undefined) return undefined;
      let left = 0;
      await lookAtBoot(boot, 'the consumer', () => lookAtConsumer(client, given, boot));
      return {
        pullsAhead: true,
        pull: async (max) => {
          try {
            const messages = await pull(await client.get(), max, left);
            left = messages.at(-1)?.message.info.pending ?? 0;
            return messages;
          } catch (error) {
            left = 0;
            client.letGo();
            throw error;
          }
        },
        ack: async (messages) => {
          for (const { message } of messages) message.ack();
        },
        giveBack: async (messages) => {
          for (const { message } of messages) message.nak();
        },
      } satisfies SourceClient<NatsSourceMessage> as unknown as SourceClient;
    },
  };
}

async function lookAtConsumer(
  client: HeldClient<JetStreamConsumerLike>,
  { batch = DEFAULT_PULL }: NatsSourceOptions,
  boot: RelayBoot,
): Promise<void> {
  const { config } = await (await client.get()).info();
  if (config.ack_policy === 'none')
    boot.problem('consumer has the ack_policy "none", with which messages are lost: make it with "explicit"');
  else if ((config.max_ack_pending ?? 0) > batch)
    boot.warn(
      `max_ack_pending of the consumer is ${config.max_ack_pending}. After a crash, later messages may be stored before those that were on their way. For one order, set it to ${batch} (batch of the source)`,
    );
}

/**
 * Each message says how many there are behind it: `left` behind the last one of the pull before. To ask for
 * more than there are would mean to wait until the time is over, and to end such a wait early would lose what
 * is on its way.
 */
async function pull(
  consumer: JetStreamConsumerLike,
  max: number,
  left: number,
): Promise<NatsSourceMessage[]> {
  const first = left > 0 ? undefined : await consumer.next({ expires: WAIT_MS });
  if (first === null) return [];
  const messages = first === undefined ? [] : [first];
  const more = Math.min(max - messages.length, first?.info.pending ?? left);
  if (more > 0)
    for await (const message of await consumer.fetch({ max_messages: more, expires: WAIT_MS }))
      messages.push(message);
  return messages.map(received);
}

function received(message: JetStreamMessage): NatsSourceMessage {
  const { stream, streamSequence, timestampNanos } = message.info;
  return {
    subject: message.subject,
    headers: Object.fromEntries(message.headers ?? []),
    body: message.data,
    // A stream that was made again begins with the same sequences, and other times.
    place: `${stream}/${streamSequence}/${timestampNanos}`,
    message,
  };
}
