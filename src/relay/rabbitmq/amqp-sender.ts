import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type ConfirmChannelLike,
  isChannel,
  type PublisherLike,
  type RabbitEnvelope,
} from './amqp-clients.js';

/** No queue took the message. */
export class ReturnedMessage extends Error {
  override readonly name = 'ReturnedMessage';
}

/** Sends with confirms and `mandatory` through a client of either library. One is made for each client. */
export class AmqpSender {
  /** What was returned, by the id of the message. RabbitMQ returns a message before it confirms it. */
  private readonly returned = new Map<string, string>();
  private readonly onWay = new Set<string>();
  /** Why the server closed the channel of amqplib. Its pending messages are told only that it is closed. */
  private closedBy: unknown;

  constructor(private readonly client: PublisherLike | ConfirmChannelLike) {
    if (isChannel(client)) {
      client.on('return', ({ fields, properties }) => this.note(properties.messageId, fields.replyText));
      client.on('error', (error) => {
        this.closedBy = error;
      });
    } else client.on('basic.return', ({ messageId, replyText }) => this.note(messageId, replyText));
  }

  /** @throws ReturnedMessage if no queue took the message; what the client throws */
  async send(envelope: RabbitEnvelope, body: Buffer): Promise<void> {
    const { messageId } = envelope;
    this.onWay.add(messageId);
    try {
      await (isChannel(this.client)
        ? this.confirmed(this.client, envelope, body)
        : this.sent(this.client, envelope, body));
      const words = this.returned.get(messageId);
      if (words !== undefined)
        throw new ReturnedMessage(
          `No queue took the message (${words}): exchange ${JSON.stringify(envelope.exchange)}, routing key ${JSON.stringify(envelope.routingKey)}. Bind a queue, and redrive the event`,
        );
    } finally {
      this.onWay.delete(messageId);
      this.returned.delete(messageId);
    }
  }

  /**
   * The client tells of a returned message in a later turn of the event loop than it learns of it. By then it
   * has told of the confirm, which comes after the return. So the next turn is waited for.
   */
  private async sent(publisher: PublisherLike, envelope: RabbitEnvelope, body: Buffer): Promise<void> {
    await publisher.send(envelope, body);
    await nextTurn();
  }

  private confirmed(channel: ConfirmChannelLike, envelope: RabbitEnvelope, body: Buffer): Promise<void> {
    const { exchange, routingKey, durable, ...options } = envelope;
    return new Promise((resolve, reject) => {
      const settle = (error: unknown) => {
        if (error === null || error === undefined) resolve();
        else reject(this.closedBy ?? error);
      };
      try {
        channel.publish(exchange, routingKey, body, { ...options, persistent: durable }, settle);
      } catch (error) {
        settle(error);
      }
    });
  }

  /** Another user of the same client may have sent the message. */
  private note(messageId: string | undefined, words = 'NO_ROUTE'): void {
    if (messageId !== undefined && this.onWay.has(messageId)) this.returned.set(messageId, words);
  }
}
