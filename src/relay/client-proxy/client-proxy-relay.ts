import type { DomainEvent } from '../../events/domain-event.js';
import { loadPeer } from '../../words/optional-peer.js';
import { AMQP_PREFIX, binaryHeaders, KAFKA_PREFIX } from '../cloud-events/write.js';
import { type HeldClient, openClient } from '../relays/held-client.js';
import { givenOptions, problemsOfRelay } from '../relays/option-checks.js';
import type { RelayDefinition } from '../relays/relay-definition.js';
import type { RelayMessage, RelayOutcome } from '../relays/relay-message.js';
import type { RelayOptions } from '../relays/relay-options.js';
import { sendEach } from '../relays/send-within.js';
import { type ClientKind, type ClientProxyLike, kindOf } from './client-proxy.js';

export interface ClientProxyRelayOptions extends RelayOptions {
  /** A ClientKafka or ClientRMQ of `ClientsModule`: its token, a function that returns it, or the client. */
  readonly client: unknown;
  /** The pattern of the message. The default is the name of the event. */
  readonly pattern?: ((event: DomainEvent) => string) | undefined;
}

const PEER = '@nestjs/microservices';
const RANGE = `${PEER}@"^11.0.0 || ^12.0.0"`;

/**
 * Sends events through a client of `ClientsModule`. Microservices of Nest get the payload as they always do.
 * The attributes of the CloudEvent are in headers.
 */
export function clientProxyRelay(options: ClientProxyRelayOptions): RelayDefinition {
  const given = givenOptions(options);
  const { pattern } = given;
  return {
    broker: 'client-proxy',
    options: given,
    problems: [
      ...problemsOfRelay(given, ['client', 'pattern']),
      ...(pattern === undefined || typeof pattern === 'function' ? [] : ['pattern must be a function']),
    ],
    open: async (boot) => {
      const shape = { is: 'a client of ClientsModule', functions: ['emit'], install: RANGE } as const;
      const client = await openClient<ClientProxyLike>(boot, 'client', given.client, shape);
      if (client === undefined) return undefined;
      const found = kindOf(await client.get());
      if ('problem' in found) {
        boot.problem(found.problem);
        return undefined;
      }
      if (found.warning !== undefined) boot.warn(found.warning);
      const dataOf = await recordsOf(found.kind);
      return (messages, context) =>
        sendEach(messages, context, (message) =>
          emit(client, pattern?.(message.event) ?? message.event.eventName, dataOf(message)),
        );
    },
  };
}

/** Resolves when the client says that the broker has accepted the message. */
async function emit(
  client: HeldClient<ClientProxyLike>,
  pattern: string,
  data: unknown,
): Promise<RelayOutcome> {
  try {
    const sent = (await client.get()).emit(pattern, data);
    await new Promise<void>((resolve, reject) => {
      sent.subscribe({ error: reject, complete: resolve });
    });
    return { is: 'accepted' };
  } catch (error) {
    return outcomeOf(error);
  }
}

/** What the classes of Nest tell of brokers are the errors of kafkajs and amqplib. */
function outcomeOf(error: unknown): RelayOutcome {
  const { cause = error } = Object(error) as { cause?: unknown };
  const { type, message } = Object(cause) as { type?: unknown; message?: unknown };
  if (type === 'MESSAGE_TOO_LARGE' || type === 'INVALID_TOPIC_EXCEPTION')
    return { is: 'refused', error: cause, isFinal: true };
  if (message === 'message nacked' || error instanceof TypeError) return { is: 'refused', error };
  return { is: 'unavailable', error };
}

type DataOf = (message: RelayMessage) => unknown;

async function recordsOf(kind: ClientKind): Promise<DataOf> {
  if (kind === 'kafka')
    return (message) => ({
      key: message.key,
      value: message.isTombstone ? null : message.event.payload,
      headers: binaryHeaders(message.cloudEvent, KAFKA_PREFIX),
    });
  const { RmqRecordBuilder } = await loadPeer(
    PEER,
    () => import('@nestjs/microservices'),
    'clientProxyRelay of nestjs-integration/relay',
    [RANGE],
  );
  return (message) =>
    new RmqRecordBuilder(message.event.payload)
      .setOptions({
        messageId: message.id,
        headers: binaryHeaders(message.cloudEvent, AMQP_PREFIX),
      })
      .build();
}
