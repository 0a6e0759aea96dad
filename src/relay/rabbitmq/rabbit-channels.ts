/** What is used of a Channel of rabbitmq-client 5, as `connection.acquire()` returns it. */
export interface ClientChannelLike {
  queueDeclare(params: { queue: string; passive: true }): Promise<unknown>;
  basicGet(params: { queue: string }): Promise<ClientMessage | undefined>;
  basicAck(params: { deliveryTag: number; multiple: true }): void;
  basicNack(params: { deliveryTag: number; multiple: true; requeue: true }): void;
  on(event: 'error', listener: (error: unknown) => void): unknown;
}

/** A message of rabbitmq-client. Its body may be parsed already, as the content type says. */
interface ClientMessage {
  readonly deliveryTag: number;
  readonly messageCount: number;
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId?: string | undefined;
  readonly contentType?: string | undefined;
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  readonly body: unknown;
}

/** What is used of a Channel of amqplib 0.10 and later. */
export interface AmqplibChannelLike {
  checkQueue(queue: string): Promise<unknown>;
  get(queue: string, options: { noAck: false }): Promise<AmqplibMessage | false>;
  ack(message: TaggedMessage, allUpTo: true): void;
  nack(message: TaggedMessage, allUpTo: true, requeue: true): void;
  on(event: 'error', listener: (error: unknown) => void): unknown;
}

/** The client reads the tag alone when it acknowledges. */
interface TaggedMessage {
  readonly fields: { readonly deliveryTag: number };
}

interface AmqplibMessage {
  readonly fields: {
    readonly deliveryTag: number;
    readonly messageCount: number;
    readonly exchange: string;
    readonly routingKey: string;
  };
  readonly properties: {
    readonly messageId?: string | undefined;
    readonly contentType?: string | undefined;
    readonly headers?: Readonly<Record<string, unknown>> | undefined;
  };
  readonly content: Uint8Array;
}

/** A message that was taken out of a queue, from either library. */
export interface TakenMessage {
  readonly deliveryTag: number;
  /** How many messages are behind it. */
  readonly messageCount: number;
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId: string | undefined;
  readonly contentType: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Uint8Array;
}

/** A channel of either library. */
export interface RabbitChannel {
  /** It rejects if there is no such queue, and the channel is closed then. */
  check(queue: string): Promise<unknown>;
  take(queue: string): Promise<TakenMessage | undefined>;
  ackUpTo(deliveryTag: number): void;
  requeueUpTo(deliveryTag: number): void;
}

/** Undefined if it is a channel of neither library. */
export function channelOf(client: ClientChannelLike | AmqplibChannelLike): RabbitChannel | undefined {
  if (has(client, 'queueDeclare', 'basicGet', 'basicAck', 'basicNack'))
    return ofClient(client as ClientChannelLike);
  if (has(client, 'checkQueue', 'get', 'ack', 'nack')) return ofAmqplib(client as AmqplibChannelLike);
  return undefined;
}

function has(client: object, ...functions: readonly string[]): boolean {
  return functions.every((name) => typeof (client as Record<string, unknown>)[name] === 'function');
}

function ofClient(channel: ClientChannelLike): RabbitChannel {
  return {
    check: (queue) => channel.queueDeclare({ queue, passive: true }),
    take: async (queue) => {
      const message = await channel.basicGet({ queue });
      if (message === undefined) return undefined;
      const { messageId, contentType, headers = {}, body, ...rest } = message;
      return { ...rest, messageId, contentType, headers, body: bytesOf(body, contentType) };
    },
    ackUpTo: (deliveryTag) => channel.basicAck({ deliveryTag, multiple: true }),
    requeueUpTo: (deliveryTag) => channel.basicNack({ deliveryTag, multiple: true, requeue: true }),
  };
}

function ofAmqplib(channel: AmqplibChannelLike): RabbitChannel {
  return {
    check: (queue) => channel.checkQueue(queue),
    take: async (queue) => {
      const message = await channel.get(queue, { noAck: false });
      if (message === false) return undefined;
      const { messageId, contentType, headers = {} } = message.properties;
      return { ...message.fields, messageId, contentType, headers, body: message.content };
    },
    ackUpTo: (deliveryTag) => channel.ack({ fields: { deliveryTag } }, true),
    requeueUpTo: (deliveryTag) => channel.nack({ fields: { deliveryTag } }, true, true),
  };
}

/** The client has parsed a body of `application/json`, and gives a text for `text/plain`. */
function bytesOf(body: unknown, contentType: string | undefined): Uint8Array {
  if (body instanceof Uint8Array) return body;
  return Buffer.from(contentType === 'text/plain' ? String(body) : JSON.stringify(body));
}
