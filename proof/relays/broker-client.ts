import type { Broker, BrokerName } from '../harness/brokers.js';

/** A CloudEvent that the kit itself sends, as one text. */
export interface RawMessage {
  readonly aggregate: string;
  readonly text: string;
}

/** What the kit does at a broker: it makes places, fills them, and looks at what has arrived. */
export interface BrokerClient {
  /** Makes a stream, a queue or a topic, and what relays and sources need of it. */
  make(place: string): Promise<void>;
  /** Sends in this order. Nothing is told to be a repeat. */
  send(place: string, messages: readonly RawMessage[]): Promise<void>;
  /** How many messages are there. */
  count(place: string): Promise<number>;
  /** How many messages the source has not acknowledged. RabbitMQ does not count those that are on their way. */
  left(place: string): Promise<number>;
  /** The ids of all CloudEvents that are there, those of an aggregate in their order. It takes them away. */
  take(place: string): Promise<string[]>;
  close(): Promise<void>;
}

/** A running broker, and the way to it. */
export interface BrokerAtHand {
  readonly name: BrokerName;
  readonly broker: Broker;
  readonly client: BrokerClient;
}

/** How many messages are sent, or asked for, at once. */
export const AT_ONCE = 500;

/** The parts of a list, each of at most this many. */
export function* portions<T>(items: readonly T[], size = AT_ONCE): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
