import type { Work } from '../outgoing/protocol.js';

/** What is asked of the process with relays and sources. Each command has what it is given, and what it answers. */
export interface RelayCommands {
  /** Sends everything that is in the log. */
  relay: [given: object, answer: Work];
  /** So many equal messages by the client of the broker, without a database, and as many of them in flight. */
  client: [given: { count: number }, answer: Work];
  /** Puts so many messages, each with another id, where the source and `loop` take them from. */
  fill: [given: { count: number }, answer: undefined];
  /** Takes in so many messages by the source. Milliseconds for those behind the first fifth. */
  source: [given: { count: number }, answer: number];
  /** The same by the client of the broker, with one INSERT for each pull. */
  loop: [given: { count: number }, answer: number];
  /** Stores so many events by `publishEvents`, as many at once as a pull has, without a broker. */
  publish: [given: { count: number }, answer: number];
  /** Deletes what the broker has. */
  purge: [given: object, answer: undefined];
  /** Bytes of the heap behind a full collection. */
  heap: [given: object, answer: number];
}

/** The brokers that are measured. */
export const BROKERS = ['nats', 'rabbitmq', 'kafka'] as const;

export type BrokerName = (typeof BROKERS)[number];

/** As the defaults of relays: so many are in flight at most. */
export const BATCH = 100;
export const CONCURRENCY = 4;
/** As the default of sources. */
export const PULL = 200;
/** What does not count of a source: it waits for its lease, and its code is compiled. */
export const UNCOUNTED = 0.2;
