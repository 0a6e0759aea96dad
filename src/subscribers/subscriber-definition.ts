import type { Logger } from '@nestjs/common';
import type { Tx } from '../database/clients/sql-client.js';
import type { DomainEvent, EventName, IntegrationEvents, KnownPattern } from '../events/domain-event.js';
import type { Jsonify } from '../events/json-types.js';
import type { InboxService } from '../inbox/inbox.service.js';
import type { IntegrationLinkService } from '../links/integration-link.service.js';

/**
 * The event that a handler of `N` receives. A declared name brings its payload's type as JSON gives it back,
 * and tells the members of a list apart by `event.eventName`; a name or pattern that nobody declared brings
 * `unknown`.
 */
export type EventOf<N extends string> = N extends keyof IntegrationEvents
  ? DomainEvent<Jsonify<IntegrationEvents[N]>> & (N extends `${string}*` ? unknown : { eventName: N })
  : DomainEvent;

/** The same for a handler that takes payloads as text (`payload: 'text'`). */
export type TextEventOf<N extends string> = N extends keyof IntegrationEvents
  ? DomainEvent<string> & (N extends `${string}*` ? unknown : { eventName: N })
  : DomainEvent<string>;

/** What a handler is given beside its event. */
export interface SubscriberContext {
  /** Names consumer and event in every line. */
  logger: Logger;
  inboxService: InboxService;
  linkService: IntegrationLinkService;
  /** 1 for the first try. */
  attempt: number;
  /** Aborted when the handler's deadline has passed, or the process gives the event up. */
  signal: AbortSignal;
  /**
   * The transaction that the handler's effects belong to. Transactional handlers only: reading it elsewhere
   * throws.
   */
  transaction: Tx;
}

/**
 * A declared name's handler is checked against its payload; an undeclared one's may say which payload it
 * expects. What it returns is awaited and of no account.
 */
type HandlerOf<N extends string, Input> = [N] extends [keyof IntegrationEvents]
  ? (event: Input, context: SubscriberContext) => unknown
  : { handle(event: Input, context: SubscriberContext): unknown }['handle'];

/** Handles one event. */
export type SubscriberHandler<N extends string = EventName> = HandlerOf<N, EventOf<N>>;

/** Handles up to `batch.maxSize` events at once, in the order of the log. */
export type BatchSubscriberHandler<N extends string = EventName> = HandlerOf<N, EventOf<N>[]>;

/** Handles one event, its payload as JSON text. */
export type TextSubscriberHandler<N extends string = EventName> = HandlerOf<N, TextEventOf<N>>;

/** Handles up to `batch.maxSize` events at once, their payloads as JSON text. */
export type TextBatchSubscriberHandler<N extends string = EventName> = HandlerOf<N, TextEventOf<N>[]>;

/** Left out: what the settings say. */
export interface SubscriberRetry {
  /** Tries in all, the first included; 1–100. */
  maxAttempts?: number | undefined;
  /** Delay before the second try, doubled for each further one; at least 100 ms. */
  baseDelayMs?: number | undefined;
  /** The longest delay; at least `baseDelayMs`. */
  maxDelayMs?: number | undefined;
}

export interface SubscriberBatch {
  /** Most events in one call; 1–5000. */
  maxSize: number;
  /** How long a batch waits to fill up, in ms; 0–60000, default 0: it takes what is there. */
  maxWaitMs?: number | undefined;
}

/**
 * Where a new consumer starts in the log: an hour before it registered, the first retained event, the next
 * event, or the first event written at that time or later.
 */
export type StartFrom = 'recent' | 'earliest' | 'latest' | Date;

/** What subscribing takes, apart from the handler. */
export interface SubscriberOptions<N extends string = EventName> {
  /** Exact names, or patterns with a trailing `*` (`github.*`, `*`); at most 255 characters. */
  eventName: KnownPattern<N> | readonly KnownPattern<N>[];
  /** Durable: it is the cursor's key, renaming makes a new consumer. At most 127 characters. */
  consumerName: string;
  /** Run the handler inside a transaction of the host's client, its effects exactly once. Default false. */
  transactional?: boolean | undefined;
  retry?: SubscriberRetry | undefined;
  /** The handler's deadline in ms, at least 100. Default: the setting `handlerTimeoutMs`. */
  timeoutMs?: number | undefined;
  /** Higher is served first when capacity is short. Default 0. */
  priority?: number | undefined;
  /**
   * How the handler gets `event.payload`: parsed, or as the JSON text that Postgres keeps. In the text all
   * digits of a number are there, where JavaScript's numbers have 15 to 17. Default 'json'.
   */
  payload?: 'json' | 'text' | undefined;

  /** Of the consumer as a whole: handlers at once in one process. Default 10. */
  concurrency?: number | undefined;
  /** Of the consumer as a whole: events of one aggregate run one after another. Default true. */
  ordered?: boolean | undefined;
  /**
   * Of the consumer as a whole: its share of the log is spread over so many leases, 1–1024. Fixed at first
   * registration. Default 1.
   */
  partitions?: number | undefined;
  /** Of the consumer as a whole: heeded at its first registration only. Default 'recent'. */
  startFrom?: StartFrom | undefined;
}

/** Options of a subscriber that handles events one by one. */
export interface SingleSubscriberOptions<N extends string = EventName> extends SubscriberOptions<N> {
  batch?: undefined;
  payload?: 'json' | undefined;
}

/** Options of a subscriber that handles events one by one, their payloads as text. */
export interface TextSubscriberOptions<N extends string = EventName> extends SubscriberOptions<N> {
  batch?: undefined;
  payload: 'text';
}

/** Options of a subscriber that handles events in batches. */
export interface BatchSubscriberOptions<N extends string = EventName> extends SubscriberOptions<N> {
  /** Of the consumer as a whole: every definition of it gives the same. */
  batch: SubscriberBatch;
  payload?: 'json' | undefined;
}

/** Options of a subscriber that handles events in batches, their payloads as text. */
export interface TextBatchSubscriberOptions<N extends string = EventName> extends SubscriberOptions<N> {
  /** Of the consumer as a whole: every definition of it gives the same. */
  batch: SubscriberBatch;
  payload: 'text';
}

/** A subscriber that handles events one by one. */
export interface SubscriberDefinition<N extends string = EventName> extends SingleSubscriberOptions<N> {
  handler: SubscriberHandler<N>;
}

/** A subscriber that handles events in batches. */
export interface BatchSubscriberDefinition<N extends string = EventName> extends BatchSubscriberOptions<N> {
  handler: BatchSubscriberHandler<N>;
}

/** A subscriber that handles events one by one, their payloads as text. */
export interface TextSubscriberDefinition<N extends string = EventName> extends TextSubscriberOptions<N> {
  handler: TextSubscriberHandler<N>;
}

/** A subscriber that handles events in batches, their payloads as text. */
export interface TextBatchSubscriberDefinition<N extends string = EventName>
  extends TextBatchSubscriberOptions<N> {
  handler: TextBatchSubscriberHandler<N>;
}

/** Any definition, its handler's types set aside. */
export interface AnySubscriberDefinition extends SubscriberOptions<string> {
  batch?: SubscriberBatch | undefined;
  handler: (input: never, context: SubscriberContext) => unknown;
}
