import { NonRetryableError } from '../../errors.js';
import { binaryBody, binaryHeaders, KAFKA_PREFIX } from '../cloud-events/write.js';
import { type HeldClient, openClient } from '../relays/held-client.js';
import { givenOptions, problemsOfRelay } from '../relays/option-checks.js';
import type { RelayDefinition } from '../relays/relay-definition.js';
import type { PublishContext, RelayMessage, RelayOutcome } from '../relays/relay-message.js';
import type { RelayOptions } from '../relays/relay-options.js';
import { addressesOf, placeOf, problemsOfTarget, type Target } from '../relays/target.js';
import { outcomeOfKafka } from './kafka-errors.js';
import type { KafkaBatch, KafkaRecord, ProducerLike } from './kafka-producer.js';
import { problemOfTopic } from './topic-names.js';

export interface KafkaRelayOptions extends RelayOptions {
  /**
   * The connected producer of kafkajs 2, or of `KafkaJS` of `@confluentinc/kafka-javascript`; a function that
   * returns it, or its token. The function is asked again after the brokers could not be reached.
   */
  readonly producer: unknown;
  readonly topic: Target;
}

const SHAPE = {
  is: 'a producer of kafkajs or @confluentinc/kafka-javascript',
  functions: ['send', 'sendBatch'],
  install: 'kafkajs@2',
} as const;
/** All replicas that are in sync have the record. */
const ALL = -1;

interface Addressed {
  readonly message: RelayMessage;
  readonly topic: string;
}

/** Sends events to a topic of Kafka, each as a CloudEvent with its attributes in headers. */
export function kafkaRelay(options: KafkaRelayOptions): RelayDefinition {
  const given = givenOptions(options);
  return {
    broker: 'kafka',
    addresses: addressesOf(given.topic),
    options: given,
    problems: [
      ...problemsOfRelay(given, ['producer', 'topic']),
      ...problemsOfTarget('topic', given.topic, problemOfTopic),
    ],
    open: async (boot) => {
      const client = await openClient<ProducerLike>(boot, 'producer', given.producer, SHAPE);
      if (client === undefined) return undefined;
      return (messages, context) => publish(client, given.topic, messages, context);
    },
  };
}

/**
 * Sends all messages in one request. If Kafka refuses it, each message is sent alone, to find the bad one.
 */
async function publish(
  client: HeldClient<ProducerLike>,
  target: Target,
  messages: readonly RelayMessage[],
  context: PublishContext,
): Promise<RelayOutcome[]> {
  const outcomes = new Map<RelayMessage, RelayOutcome>();
  const addressed = messages.flatMap((message): Addressed[] => {
    try {
      return [{ message, topic: placeOf('topic', target, message, problemOfTopic) }];
    } catch (error) {
      outcomes.set(message, { is: 'refused', error, isFinal: error instanceof NonRetryableError });
      return [];
    }
  });
  const together = await send(client, addressed, context);
  for (const each of addressed) {
    const isAlone = together.is !== 'refused' || addressed.length === 1;
    const outcome = isAlone || context.signal.aborted ? together : await send(client, [each], context);
    outcomes.set(each.message, outcome);
  }
  return messages.map((message) => outcomes.get(message) ?? together);
}

async function send(
  client: HeldClient<ProducerLike>,
  addressed: readonly Addressed[],
  { timeoutMs }: PublishContext,
): Promise<RelayOutcome> {
  if (addressed.length === 0) return { is: 'accepted' };
  try {
    await (await client.get()).sendBatch(batchOf(addressed, timeoutMs));
    return { is: 'accepted' };
  } catch (error) {
    const outcome = outcomeOfKafka(error);
    if (outcome.is === 'unavailable') client.letGo();
    return outcome;
  }
}

function batchOf(addressed: readonly Addressed[], timeout: number): KafkaBatch {
  const topics = new Map<string, KafkaRecord[]>();
  for (const { topic, message } of addressed) {
    const records = topics.get(topic);
    if (records === undefined) topics.set(topic, [recordOf(message)]);
    else records.push(recordOf(message));
  }
  return { acks: ALL, timeout, topicMessages: [...topics].map(([topic, messages]) => ({ topic, messages })) };
}

function recordOf({ cloudEvent, key, isTombstone }: RelayMessage): KafkaRecord {
  const headers = binaryHeaders(cloudEvent, KAFKA_PREFIX);
  headers['content-type'] = cloudEvent.attributes.datacontenttype ?? 'application/json';
  return { key, value: isTombstone ? null : binaryBody(cloudEvent), headers };
}
