import { type HeldClient, openClient } from '../relays/held-client.js';
import type { SourceDefinition, SourceOptions } from '../sources/source-definition.js';
import type { SourceClient } from '../sources/source-message.js';
import { problemsOfSource } from '../sources/source-option-checks.js';
import type { ConsumerLike } from './kafka-consumer.js';
import { KafkaFeed, type KafkaSourceMessage } from './kafka-feed.js';
import { problemOfTopic } from './topic-names.js';

export interface KafkaSourceOptions extends SourceOptions<KafkaSourceMessage> {
  /**
   * A function that makes a consumer of kafkajs 2, such as `() => kafka.consumer({ groupId: 'billing' })`. It
   * is called whenever the source begins. The source connects the consumer, runs it and disconnects it.
   */
  readonly consumer: () => unknown;
  readonly topics: readonly string[];
}

const SHAPE = {
  is: 'a consumer of kafkajs',
  functions: ['connect', 'subscribe', 'run', 'commitOffsets', 'disconnect', 'on'],
  install: 'kafkajs@2',
} as const;

/** Takes in the messages of topics of Kafka, those of each partition in their order. */
export function kafkaSource(options: KafkaSourceOptions): SourceDefinition {
  const given = Object(options) as KafkaSourceOptions;
  const { consumer } = given;
  return {
    broker: 'kafka',
    addresses: given.topics,
    options: given as SourceOptions,
    problems: [
      ...problemsOfSource(given as SourceOptions, ['consumer', 'topics']),
      ...(consumer === undefined || typeof consumer === 'function'
        ? []
        : [
            'consumer must be a function that makes a consumer: the source makes a new one when it begins again',
          ]),
      ...problemsOfTopics(given.topics),
    ],
    open: async (boot) => {
      if (consumer !== undefined && typeof consumer !== 'function') return undefined;
      const client = await openClient<ConsumerLike>(boot, 'consumer', consumer, SHAPE);
      return client === undefined ? undefined : new KafkaSourceClient(client, given.topics);
    },
  };
}

/** Has a consumer while the source has its lease, so the group has a member of one process only. */
class KafkaSourceClient implements SourceClient {
  private feed: Promise<KafkaFeed> | undefined;

  constructor(
    private readonly client: HeldClient<ConsumerLike>,
    private readonly topics: readonly string[],
  ) {}

  async pull(max: number): Promise<KafkaSourceMessage[]> {
    try {
      this.feed ??= this.begin();
      return await (await this.feed).pull(max);
    } catch (error) {
      await this.rest();
      throw error;
    }
  }

  async ack(): Promise<void> {
    await (await this.feed)?.ack();
  }

  async rest(): Promise<void> {
    const { feed } = this;
    this.feed = undefined;
    await (await feed?.catch(() => undefined))?.end();
  }

  private async begin(): Promise<KafkaFeed> {
    const feed = new KafkaFeed(await this.client.take());
    try {
      await feed.start(this.topics);
      return feed;
    } catch (error) {
      await feed.end().catch(() => {});
      throw error;
    }
  }
}

function problemsOfTopics(topics: unknown): string[] {
  if (!Array.isArray(topics) || topics.length === 0) return ['topics must be a list of at least one topic'];
  return topics.flatMap((topic, i) => {
    const problem = problemOfTopic(topic);
    return problem === undefined ? [] : [`topics[${i}] ${problem}`];
  });
}
