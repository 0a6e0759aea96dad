import type { DomainEvent } from '../../events/domain-event.js';
import { AMQP_PREFIX, binaryBody, binaryHeaders } from '../cloud-events/write.js';
import { openClient } from '../relays/held-client.js';
import { givenOptions, problemsOfRelay } from '../relays/option-checks.js';
import type { RelayDefinition } from '../relays/relay-definition.js';
import type { RelayMessage, RelayOutcome } from '../relays/relay-message.js';
import type { RelayOptions } from '../relays/relay-options.js';
import { sendEach } from '../relays/send-within.js';
import { addressesOf, placeOf, problemsOfTarget, type Target } from '../relays/target.js';
import {
  type ConfirmChannelLike,
  isChannel,
  type PublisherLike,
  type RabbitEnvelope,
} from './amqp-clients.js';
import { AmqpSender } from './amqp-sender.js';
import { lookAtConfirms } from './look-at-confirms.js';
import { LONGEST_BYTES } from './names.js';
import { endsChannel, outcomeOfRabbit } from './rabbit-errors.js';

export interface RabbitRelayOptions extends RelayOptions {
  /**
   * A Publisher of rabbitmq-client 5, made with `confirm: true`, or a ConfirmChannel of amqplib; a function
   * that returns one of them, or a token. A channel does not open again, so for amqplib give a function,
   * which is asked again after the channel has closed.
   */
  readonly publisher: unknown;
  readonly exchange: Target;
  /** The default is the name of the event. */
  readonly routingKey?: ((event: DomainEvent) => string) | undefined;
}

const IS = 'a Publisher of rabbitmq-client or a ConfirmChannel of amqplib';

/** Sends events to an exchange of RabbitMQ, each as a CloudEvent with its attributes in headers. */
export function rabbitRelay(options: RabbitRelayOptions): RelayDefinition {
  const given = givenOptions(options);
  const { routingKey } = given;
  return {
    broker: 'rabbitmq',
    addresses: addressesOf(given.exchange),
    options: given,
    problems: [
      ...problemsOfRelay(given, ['publisher', 'exchange', 'routingKey']),
      ...problemsOfTarget('exchange', given.exchange, problemOfExchange),
      ...(routingKey === undefined || typeof routingKey === 'function'
        ? []
        : ['routingKey must be a function']),
    ],
    open: async (boot) => {
      type Client = PublisherLike | ConfirmChannelLike;
      const client = await openClient<Client>(boot, 'publisher', given.publisher, {
        is: IS,
        functions: ['on'],
        install: 'rabbitmq-client@5',
      });
      if (client === undefined) return undefined;
      const first = await client.get();
      const problem = problemOfClient(first);
      if (problem !== undefined) {
        boot.problem(problem);
        return undefined;
      }
      const senders = new WeakMap<Client, AmqpSender>();
      const senderOf = (each: Client): AmqpSender => {
        const known = senders.get(each) ?? new AmqpSender(each);
        senders.set(each, known);
        return known;
      };
      if (!isChannel(first)) await lookAtConfirms(boot, senderOf(first));
      return (messages, context) =>
        sendEach(messages, context, async (message) => {
          const envelope = envelopeOf(message, given);
          const outcome = await client
            .get()
            .then((each) => senderOf(each).send(envelope, bodyOf(message)))
            .then((): RelayOutcome => ({ is: 'accepted' }), outcomeOfRabbit);
          if (endsChannel(outcome)) client.letGo();
          return outcome;
        });
    },
  };
}

function envelopeOf(message: RelayMessage, { exchange, routingKey }: RabbitRelayOptions): RabbitEnvelope {
  const { cloudEvent, id } = message;
  const { type } = cloudEvent.attributes;
  return {
    exchange: placeOf('exchange', exchange, message, problemOfExchange),
    routingKey: placeOf('routingKey', routingKey ?? type, message, problemOfKey),
    mandatory: true,
    durable: true,
    messageId: id,
    contentType: cloudEvent.attributes.datacontenttype ?? 'application/json',
    type: shortened(type),
    headers: binaryHeaders(cloudEvent, AMQP_PREFIX),
  };
}

function bodyOf({ cloudEvent }: RelayMessage): Buffer {
  return binaryBody(cloudEvent) ?? Buffer.alloc(0);
}

function problemOfClient(client: PublisherLike | ConfirmChannelLike): string | undefined {
  if (isChannel(client) || typeof (client as Partial<PublisherLike>).send === 'function') return undefined;
  return typeof (client as { publish?: unknown }).publish === 'function'
    ? `publisher must be ${IS}: a channel without confirms was given, which does not say what RabbitMQ has accepted. Make it with createConfirmChannel()`
    : `publisher must be ${IS}: it has neither send() nor waitForConfirms()`;
}

function problemOfExchange(exchange: unknown): string | undefined {
  if (typeof exchange !== 'string' || exchange === '') return 'must be the name of an exchange';
  return problemOfKey(exchange);
}

function problemOfKey(key: unknown): string | undefined {
  if (typeof key !== 'string') return 'must be a string';
  return Buffer.byteLength(key) > LONGEST_BYTES ? `has more than ${LONGEST_BYTES} bytes` : undefined;
}

function shortened(text: string): string {
  return Buffer.byteLength(text) > LONGEST_BYTES ? '' : text;
}
