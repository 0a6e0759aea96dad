import { messageOf } from '../../errors.js';
import type { HeldClient } from '../relays/held-client.js';
import type { SourceMessage } from '../sources/source-message.js';
import {
  type AmqplibChannelLike,
  type ClientChannelLike,
  channelOf,
  type RabbitChannel,
  type TakenMessage,
} from './rabbit-channels.js';
import { RabbitFeed } from './rabbit-feed.js';

/** A message of a queue, as `map` gets it. */
export interface RabbitSourceMessage extends SourceMessage {
  readonly exchange: string;
  readonly routingKey: string;
  /** What the sender gave as `message-id`. */
  readonly messageId: string | undefined;
}

type Client = ClientChannelLike | AmqplibChannelLike;

/** The messages of one pull. Their tags are of the channel that they came by, and of no other. */
interface Pull {
  readonly feed: RabbitFeed;
  readonly last: TakenMessage;
}

const NOT_FOUND: ReadonlySet<unknown> = new Set(['NOT_FOUND', 404]);

/** One queue of RabbitMQ, whose messages are pulled, and acknowledged together. */
export class RabbitQueue {
  private readonly channels = new WeakMap<Client, RabbitChannel>();
  private readonly pulls = new WeakMap<SourceMessage, Pull>();
  private feed: RabbitFeed | undefined;

  constructor(
    private readonly queue: string,
    private readonly client: HeldClient<Client>,
    /** How many messages may be here that are not acknowledged. */
    private readonly prefetch: number,
  ) {}

  /** Rejects if there is no such queue. */
  async check(): Promise<void> {
    await this.orNewChannel(async () => (await this.channel()).check(this.queue));
  }

  async pull(max: number, signal: AbortSignal): Promise<RabbitSourceMessage[]> {
    return this.orNewChannel(async () => {
      const feed = this.feed ?? (await this.begin());
      const taken = await feed.pull(max, signal);
      const last = taken.at(-1);
      return last === undefined ? [] : taken.map((each) => this.received(each, { feed, last }));
    });
  }

  /**
   * Acknowledges all messages of a pull at once, and with them those of earlier pulls. If their channel is
   * closed, they come again. A pull that was asked for meanwhile may have another channel by then, which has
   * nothing to do with them.
   */
  async ack(messages: readonly SourceMessage[]): Promise<void> {
    const pull = messages[0] === undefined ? undefined : this.pulls.get(messages[0]);
    if (pull !== undefined && pull.feed === this.feed)
      await this.orNewChannel(async () => pull.feed.ackUpTo(pull.last));
  }

  /** Puts back everything that is not acknowledged. */
  async rest(): Promise<void> {
    const { feed } = this;
    this.feed = undefined;
    // If the channel is closed, RabbitMQ has put its messages back into the queue.
    await feed?.end().catch(() => this.client.letGo());
  }

  private async begin(): Promise<RabbitFeed> {
    const feed = new RabbitFeed(await this.channel());
    await feed.start(this.queue, this.prefetch);
    this.feed = feed;
    return feed;
  }

  private received(taken: TakenMessage, pull: Pull): RabbitSourceMessage {
    const { headers, contentType, json, exchange, routingKey, messageId } = taken;
    const message = {
      headers,
      contentType,
      json,
      exchange,
      routingKey,
      messageId,
      get body() {
        return taken.body;
      },
    };
    this.pulls.set(message, pull);
    return message;
  }

  /** After an error the function of the host is asked for a channel again: this one may be closed. */
  private async orNewChannel<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      await this.rest();
      this.client.letGo();
      throw NOT_FOUND.has((Object(error) as { code?: unknown }).code)
        ? new NoQueue(`RabbitMQ has no queue ${JSON.stringify(this.queue)}: declare it (${messageOf(error)})`)
        : error;
    }
  }

  private async channel(): Promise<RabbitChannel> {
    const client = await this.client.get();
    const known = this.channels.get(client) ?? channelOf(client);
    if (known === undefined) throw new TypeError('the function returned no channel');
    // Without a listener, Node.js ends the process when the server closes a channel of amqplib.
    if (!this.channels.has(client)) client.on('error', () => {});
    this.channels.set(client, known);
    return known;
  }
}

/** The queue is not there. */
export class NoQueue extends Error {
  override readonly name = 'NoQueue';
}
