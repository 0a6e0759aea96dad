/** A message as a publisher of rabbitmq-client 5 takes it. */
export interface RabbitEnvelope {
  readonly exchange: string;
  readonly routingKey: string;
  readonly mandatory: boolean;
  readonly durable: boolean;
  readonly messageId: string;
  readonly contentType: string;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What is used of the Publisher of rabbitmq-client 5. It must be made with `confirm: true`. */
export interface PublisherLike {
  send(envelope: RabbitEnvelope, body: Buffer): Promise<unknown>;
  on(event: 'basic.return', listener: (message: ReturnedByClient) => void): unknown;
}

export interface ReturnedByClient {
  readonly messageId?: string | undefined;
  readonly replyText?: string | undefined;
}

/** What is used of the ConfirmChannel of amqplib 0.10 and later. */
export interface ConfirmChannelLike {
  publish(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options: object,
    confirmed: (error: unknown) => void,
  ): boolean;
  waitForConfirms(): Promise<unknown>;
  on(event: 'return', listener: (message: ReturnedByChannel) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
}

export interface ReturnedByChannel {
  readonly fields: { readonly replyText?: string | undefined };
  readonly properties: { readonly messageId?: string | undefined };
}

/** Whether the client is a channel of amqplib, and not a publisher of rabbitmq-client. */
export function isChannel(client: PublisherLike | ConfirmChannelLike): client is ConfirmChannelLike {
  return typeof (client as Partial<ConfirmChannelLike>).waitForConfirms === 'function';
}
