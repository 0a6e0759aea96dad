/** As a tag, together with `multiple`, it stands for every message that is not acknowledged (AMQP 0-9-1). */
const ALL = 0;

/** rabbitmq-client parses bodies of this type. It gives the bytes if they are no JSON. */
const PARSED = 'application/json';

/** What is used of a Channel of rabbitmq-client 5, as `connection.acquire()` returns it. */
export interface ClientChannelLike {
  queueDeclare(params: { queue: string; passive: true }): Promise<unknown>;
  basicQos(params: { prefetchCount: number }): Promise<unknown>;
  basicConsume(
    params: { queue: string },
    onMessage: (message: ClientMessage) => void,
  ): Promise<{ readonly consumerTag: string }>;
  basicCancel(params: { consumerTag: string }): Promise<unknown>;
  basicAck(params: { deliveryTag: number; multiple: true }): void;
  basicNack(params: { deliveryTag: number; multiple: true; requeue: true }): void;
  on(event: 'error' | 'close' | 'basic.cancel', listener: (error: unknown) => void): unknown;
}

/** A message of rabbitmq-client. Its body may be parsed already, as the content type says. */
interface ClientMessage {
  readonly deliveryTag: number;
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
  prefetch(count: number): Promise<unknown>;
  /** Null says that the server has ended the consumer. */
  consume(
    queue: string,
    onMessage: (message: AmqplibMessage | null) => void,
  ): Promise<{ readonly consumerTag: string }>;
  cancel(consumerTag: string): Promise<unknown>;
  ack(message: TaggedMessage, allUpTo: true): void;
  nackAll(requeue: true): void;
  on(event: 'error' | 'close', listener: (error: unknown) => void): unknown;
}

/** The client reads the tag alone when it acknowledges. */
interface TaggedMessage {
  readonly fields: { readonly deliveryTag: number };
}

interface AmqplibMessage {
  readonly fields: {
    readonly deliveryTag: number;
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
  readonly exchange: string;
  readonly routingKey: string;
  readonly messageId: string | undefined;
  readonly contentType: string | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Uint8Array;
  /** The body as a value, where the library has parsed it. */
  readonly json?: { readonly value: unknown } | undefined;
}

export interface TakerOfMessages {
  readonly onMessage: (message: TakenMessage) => void;
  /** The channel was closed, or the server has ended the consumer. Nothing comes any more. */
  readonly onEnd: () => void;
}

/** A channel of either library. */
export interface RabbitChannel {
  /** It rejects if there is no such queue, and the channel is closed then. */
  check(queue: string): Promise<unknown>;
  /**
   * From now on messages come, at most `prefetch` that are not acknowledged. Resolves to a function that ends
   * this.
   */
  consume(queue: string, prefetch: number, taker: TakerOfMessages): Promise<() => Promise<unknown>>;
  ackUpTo(deliveryTag: number): void;
  /** Puts back into the queue what was not acknowledged. */
  requeueAll(): void;
}

/** Undefined if it is a channel of neither library. */
export function channelOf(client: ClientChannelLike | AmqplibChannelLike): RabbitChannel | undefined {
  if (has(client, 'queueDeclare', 'basicConsume', 'basicAck', 'basicNack'))
    return ofClient(client as ClientChannelLike);
  if (has(client, 'checkQueue', 'consume', 'ack', 'nackAll')) return ofAmqplib(client as AmqplibChannelLike);
  return undefined;
}

function has(client: object, ...functions: readonly string[]): boolean {
  return functions.every((name) => typeof (client as Record<string, unknown>)[name] === 'function');
}

function ofClient(channel: ClientChannelLike): RabbitChannel {
  let ended = () => {};
  channel.on('close', () => ended());
  channel.on('basic.cancel', () => ended());
  return {
    check: (queue) => channel.queueDeclare({ queue, passive: true }),
    consume: async (queue, prefetchCount, { onMessage, onEnd }) => {
      ended = onEnd;
      await channel.basicQos({ prefetchCount });
      const { consumerTag } = await channel.basicConsume({ queue }, (message) => {
        const { deliveryTag, exchange, routingKey, messageId, contentType, headers = {}, body } = message;
        onMessage({
          deliveryTag,
          exchange,
          routingKey,
          messageId,
          contentType,
          headers,
          json: contentType === PARSED && !(body instanceof Uint8Array) ? { value: body } : undefined,
          // Most are never asked for their bytes again.
          get body() {
            return bytesOf(body, contentType);
          },
        });
      });
      return () => channel.basicCancel({ consumerTag });
    },
    ackUpTo: (deliveryTag) => channel.basicAck({ deliveryTag, multiple: true }),
    requeueAll: () => channel.basicNack({ deliveryTag: ALL, multiple: true, requeue: true }),
  };
}

function ofAmqplib(channel: AmqplibChannelLike): RabbitChannel {
  let ended = () => {};
  channel.on('close', () => ended());
  return {
    check: (queue) => channel.checkQueue(queue),
    consume: async (queue, prefetch, { onMessage, onEnd }) => {
      ended = onEnd;
      await channel.prefetch(prefetch);
      const { consumerTag } = await channel.consume(queue, (message) => {
        if (message === null) return onEnd();
        const { messageId, contentType, headers = {} } = message.properties;
        onMessage({ ...message.fields, messageId, contentType, headers, body: message.content });
      });
      return () => channel.cancel(consumerTag);
    },
    ackUpTo: (deliveryTag) => channel.ack({ fields: { deliveryTag } }, true),
    requeueAll: () => channel.nackAll(true),
  };
}

/** The client has parsed a body of `application/json`, and gives a text for `text/plain`. */
function bytesOf(body: unknown, contentType: string | undefined): Uint8Array {
  if (body instanceof Uint8Array) return body;
  return Buffer.from(contentType === 'text/plain' ? String(body) : JSON.stringify(body));
}
