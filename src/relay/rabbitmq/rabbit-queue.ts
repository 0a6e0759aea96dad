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
  readonly channel: RabbitChannel;
  readonly lastTag: number;
}

const NOT_FOUND: ReadonlySet<unknown> = new Set(['NOT_FOUND', 404]);

/** One queue of RabbitMQ, whose messages are taken by `basic.get` and acknowledged by tag. */
export class RabbitQueue {
  private readonly channels = new WeakMap<Client, RabbitChannel>();
  private readonly pulls = new WeakMap<SourceMessage, Pull>();

  constructor(
    private readonly queue: string,
    private readonly client: HeldClient<Client>,
  ) {}

  /** Rejects if there is no such queue. */
  async check(): Promise<void> {
    await this.onChannel((channel) => channel.check(this.queue));
  }

  /**
   * The first message says how many there are behind it, so no more are asked for than there are. The server
   * answers in the order in which it is asked.
   */
  async pull(max: number, signal: AbortSignal): Promise<RabbitSourceMessage[]> {
    return this.onChannel(async (channel) => {
      const first = await channel.take(this.queue);
      if (first === undefined) return [];
      const more = signal.aborted ? 0 : Math.min(max - 1, first.messageCount);
      const answers = await Promise.allSettled(Array.from({ length: more }, () => channel.take(this.queue)));
      const taken = [first];
      for (const answer of answers)
        if (answer.status === 'fulfilled' && answer.value !== undefined) taken.push(answer.value);
      const failed = answers.find(({ status }) => status === 'rejected') as PromiseRejectedResult | undefined;
      const lastTag = (taken.at(-1) ?? first).deliveryTag;
      if (failed === undefined) return taken.map((each) => this.received(each, { channel, lastTag }));
      giveBack(channel, lastTag);
      throw failed.reason;
    });
  }

  /** Acknowledges all messages of a pull at once. If their channel is closed, they come again. */
  async ack(messages: readonly SourceMessage[]): Promise<void> {
    const pull = this.pullOf(messages);
    if (pull !== undefined) await this.onChannel(async () => pull.channel.ackUpTo(pull.lastTag));
  }

  async giveBack(messages: readonly SourceMessage[]): Promise<void> {
    const pull = this.pullOf(messages);
    if (pull !== undefined) giveBack(pull.channel, pull.lastTag);
  }

  private pullOf(messages: readonly SourceMessage[]): Pull | undefined {
    return messages[0] === undefined ? undefined : this.pulls.get(messages[0]);
  }

  private received({ body, headers, contentType, ...rest }: TakenMessage, pull: Pull): RabbitSourceMessage {
    const { exchange, routingKey, messageId } = rest;
    const message = { headers, contentType, body, exchange, routingKey, messageId };
    this.pulls.set(message, pull);
    return message;
  }

  /** After an error the function of the host is asked for a channel again: this one may be closed. */
  private async onChannel<T>(run: (channel: RabbitChannel) => Promise<T>): Promise<T> {
    try {
      return await run(this.known(await this.client.get()));
    } catch (error) {
      this.client.letGo();
      throw NOT_FOUND.has((Object(error) as { code?: unknown }).code)
        ? new NoQueue(`RabbitMQ has no queue ${JSON.stringify(this.queue)}: declare it (${messageOf(error)})`)
        : error;
    }
  }

  private known(client: Client): RabbitChannel {
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

function giveBack(channel: RabbitChannel, lastTag: number): void {
  try {
    channel.requeueUpTo(lastTag);
  } catch {
    // The channel is closed, and RabbitMQ has put its messages back into the queue.
  }
}
