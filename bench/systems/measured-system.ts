import type { BenchEvent } from './bench-event.js';
import type { LibraryName } from './libraries/library-name.js';

/** What a handler does beside counting: nothing, or one inserted row per event in the transaction that settles it. */
export type Work = 'none' | 'insert-row' | 'insert-row-in-batches';

/** Through which client an event is published. */
export type PublishRoute =
  /** Inside a transaction of node-postgres that the caller runs. */
  | 'pg'
  /** Inside a transaction of Prisma that the caller runs. */
  | 'prisma'
  /** The way that the system offers itself, in a transaction of its own. */
  | 'own'
  /** Inside a transaction of that library that the caller runs; the same library is the project's `hostClient`. */
  | LibraryName;

export interface SystemOptions {
  url: string;
  consumers: number;
  /** Each consumer wants every event, or events of a name that nobody else wants. */
  wants: 'everything' | 'its-own';
  work: Work;
  /** Processes that share each consumer's work. */
  processes: number;
  /** The client that the project's host brings; other systems have no such thing. */
  hostClient: 'pg' | 'prisma' | LibraryName;
  /** Handlers fail for this aggregate, with an hour to the retry; only the project knows how. */
  failingAggregate?: string;
}

export const PLAIN_OPTIONS: Omit<SystemOptions, 'url'> = {
  consumers: 1,
  wants: 'everything',
  work: 'none',
  processes: 1,
  hostClient: 'pg',
};

/** Resolves when the transaction of this event has committed. */
export type Write = (event: BenchEvent) => Promise<void>;

/** One writer: a connection of its own, one transaction per event. */
export interface Publisher {
  readonly publish: Write;
  /** The same transaction through the same connection, with a bare INSERT into the plain table; not where the system publishes by connections of its own. */
  readonly insertBare?: Write;
  close(): Promise<void>;
}

/** Called for every event that a consumer handles, with the number that the payload carries. */
export type Handle = (consumer: number, n: number) => void;

/** A system under measurement, in one process. Each part of it opens what it needs and closes it again. */
export interface MeasuredSystem {
  /** Creates tables, queues and consumers in an empty database. */
  install(): Promise<void>;
  /** Adds a backlog by the fastest way that the system has, in one transaction, so that all of it appears at once. */
  fill(chunks: Iterable<BenchEvent[]>): Promise<void>;
  /** Opens a writer; `undefined` where the system cannot publish by that route. */
  openPublisher(route: PublishRoute): Promise<Publisher | undefined>;
  /** Starts all consumers; the promise resolves to the function that stops them. */
  consume(handle: Handle): Promise<() => Promise<void>>;
  /** Whether the database says that nothing is left to do. */
  isSettled(): Promise<boolean>;
  close(): Promise<void>;
}

export type SystemKind = 'project' | 'peer' | 'reference' | 'ceiling';

export interface SystemInfo {
  label: string;
  kind: SystemKind;
  /** `shipped` settings, or those that its own documentation recommends for throughput and latency. */
  settings: 'default' | 'best';
  /** What the settings are, for the report. */
  about: string;
  /** Below some 5,000 events a second: it gets a fifth of the backlog, which a drain that is cut off by time never empties. */
  slow?: true;
}
