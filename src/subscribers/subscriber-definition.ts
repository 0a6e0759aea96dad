import type { Logger } from '@nestjs/common';
import type { Tx } from '../database/clients/sql-client.js';
import type { DomainEvent, EventName, IntegrationEvents, KnownPattern } from '../events/domain-event.js';
import type { Jsonify } from '../events/json-types.js';
import type { InboxService } from '../inbox/inbox.service.js';
import type { IntegrationLinkService } from '../links/integration-link.service.js';
import { DECORATED_TYPE } from '../words/decorated-type.js';

/**
 * The event that a handler of `N` receives. For a declared name, the payload has the type that JSON gives
 * back. In a list of declared names, `event.eventName` tells the events apart. For an undeclared name or
 * pattern, the payload is `unknown`.
 */
export type EventOf<N extends string> = N extends keyof IntegrationEvents
  ? DomainEvent<Jsonify<IntegrationEvents[N]>> & (N extends `${string}*` ? unknown : { eventName: N })
  : DomainEvent;
export const EventOf: unknown = DECORATED_TYPE;

/** Like `EventOf`, for a handler that takes payloads as text (`payload: 'text'`). */
export type TextEventOf<N extends string> = N extends keyof IntegrationEvents
  ? DomainEvent<string> & (N extends `${string}*` ? unknown : { eventName: N })
  : DomainEvent<string>;
export const TextEventOf: unknown = DECORATED_TYPE;

/** Why a handler gets an event. */
export interface DeliveryOccasion {
  /**
   * `first`, or `retry` from the second attempt on. `redrive` or `replay` after an admin has sent the event
   * again, also when that delivery is tried again.
   */
  kind: 'first' | 'retry' | 'replay' | 'redrive';
  /**
   * One text for all attempts of an occasion, and another one for each replay and redrive. For `first` and
   * `retry` it is the id of the event. At most 100 characters of ASCII. It serves as a key for systems that
   * drop what they know already, such as JetStream by its message id.
   */
  id: string;
}

/**
 * What a handler gets together with its event. `Transaction` is the type of its transaction, where the
 * application has more than one library: `SubscriberContext<EntityManager>`.
 */
export interface SubscriberContext<Transaction = Tx> {
  /** Adds consumer and event to every line. */
  logger: Logger;
  /** The name of the integration whose event it is. It is `default` for the one without a name. */
  integration: string;
  inboxService: InboxService;
  linkService: IntegrationLinkService;
  /** The number of the attempt. The first is 1. */
  attempt: number;
  /** Aborted when the handler's timeout has passed, or when the process gives the event up. */
  signal: AbortSignal;
  /**
   * The transaction that the handler's effects belong to. Only transactional handlers have it. In other
   * handlers, reading it throws an error.
   */
  transaction: Transaction;
  /**
   * Why the handler gets this event: for the first time, as a retry, or because an admin has sent it again.
   *
   * @throws IntegrationError INTEGRATION_EVENT_INVALID if the handler did not receive the event in this call
   */
  occasion: (event: Pick<DomainEvent, 'outboxEventId'>) => DeliveryOccasion;
}
export const SubscriberContext: unknown = DECORATED_TYPE;

/** What the handler of a batch gets together with its events. */
export interface BatchSubscriberContext<Transaction = Tx> extends SubscriberContext<Transaction> {
  /**
   * Says that this event of the batch failed. The others are processed when the handler has returned. The
   * error means for the event what it means when a handler of one event throws it: retries and their delays,
   * dead letters, `PostponeError`, `UnavailableError` and so on. Of two errors of one event the first one
   * counts.
   *
   * An ordered consumer keeps the order: later events of the same aggregate wait behind the failed one, and
   * are handled after it. This holds as well for those that the handler has handled in this call already, so
   * they are handled again. Behind an event that is skipped (`SkipEventError`) no other one waits.
   *
   * If the handler throws, the batch has failed as a whole, whatever was said here before. A call after the
   * handler has returned, or after its deadline, changes nothing.
   *
   * @throws IntegrationError INTEGRATION_EVENT_INVALID if the event is not in the batch.
   * INTEGRATION_SUBSCRIBER_INVALID if the handler is transactional, because one transaction has one end.
   */
  fail: (event: Pick<DomainEvent, 'outboxEventId'>, error: unknown) => void;
}
export const BatchSubscriberContext: unknown = DECORATED_TYPE;

/**
 * The handler of a declared name is checked against its payload. The handler of an undeclared name may say
 * which payload it expects. The result of a handler is awaited and then ignored.
 */
type HandlerOf<N extends string, Input, Context> = [N] extends [keyof IntegrationEvents]
  ? (event: Input, context: Context) => unknown
  : { handle(event: Input, context: Context): unknown }['handle'];

/** Handles one event. */
export type SubscriberHandler<N extends string = EventName, Transaction = Tx> = HandlerOf<
  N,
  EventOf<N>,
  SubscriberContext<Transaction>
>;

/** Handles up to `batch.maxSize` events at once, in the order of the log. */
export type BatchSubscriberHandler<N extends string = EventName, Transaction = Tx> = HandlerOf<
  N,
  EventOf<N>[],
  BatchSubscriberContext<Transaction>
>;

/** Handles one event, with its payload as JSON text. */
export type TextSubscriberHandler<N extends string = EventName, Transaction = Tx> = HandlerOf<
  N,
  TextEventOf<N>,
  SubscriberContext<Transaction>
>;

/** Handles up to `batch.maxSize` events at once, with their payloads as JSON text. */
export type TextBatchSubscriberHandler<N extends string = EventName, Transaction = Tx> = HandlerOf<
  N,
  TextEventOf<N>[],
  BatchSubscriberContext<Transaction>
>;

/** How failed events are tried again. The settings decide what is left out here. */
export interface SubscriberRetry {
  /** Number of attempts, including the first. From 1 to 100. */
  maxAttempts?: number | undefined;
  /** Milliseconds before the second attempt. The delay doubles with each further attempt. At least 100. */
  baseDelayMs?: number | undefined;
  /** The longest delay in milliseconds. At least `baseDelayMs`. */
  maxDelayMs?: number | undefined;
}

export interface SubscriberBatch {
  /** The largest number of events in one call. From 1 to 5000. */
  maxSize: number;
  /**
   * Milliseconds that a batch waits to fill up. From 0 to 60000. The default is 0: the batch takes the events
   * that are there.
   */
  maxWaitMs?: number | undefined;
}

/**
 * Where a new consumer starts in the log. `recent` is one hour before it registered. `earliest` is the first
 * retained event. `latest` is the next event. A Date is the first event written at that time or later.
 */
export type StartFrom = 'recent' | 'earliest' | 'latest' | Date;

/** The options of a subscription, without the handler. */
export interface SubscriberOptions<N extends string = EventName> {
  /** Exact names, or patterns with a trailing `*` (`github.*`, `*`). At most 255 characters. */
  eventName: KnownPattern<N> | readonly KnownPattern<N>[];
  /** The durable key of the consumer's cursor. A new name makes a new consumer. At most 127 characters. */
  consumerName: string;
  /**
   * Runs the handler inside a transaction of the host's client, so that its effects happen exactly once. The
   * default is false.
   */
  transactional?: boolean | undefined;
  retry?: SubscriberRetry | undefined;
  /** The handler's timeout in milliseconds, at least 100. The default is the setting `handlerTimeoutMs`. */
  timeoutMs?: number | undefined;
  /** A higher number is served first when capacity is short. The default is 0. */
  priority?: number | undefined;
  /**
   * How the handler gets `event.payload`: parsed ('json'), or as the JSON text that Postgres keeps ('text').
   * The text has all digits of a number, while a JavaScript number has 15 to 17. The default is 'json'.
   */
  payload?: 'json' | 'text' | undefined;

  /**
   * For the consumer as a whole: the number of handlers that run at once in one process. The default is 10.
   */
  concurrency?: number | undefined;
  /** For the consumer as a whole: events of one aggregate run one after another. The default is true. */
  ordered?: boolean | undefined;
  /**
   * For the consumer as a whole: the number of leases over which its events are spread, from 1 to 1024. The
   * first registration fixes it. The default is 1.
   */
  partitions?: number | undefined;
  /**
   * For the consumer as a whole: where it starts in the log. Only its first registration uses it. The default
   * is 'recent'.
   */
  startFrom?: StartFrom | undefined;
}

/** Options of a subscriber that handles events one by one. */
export interface SingleSubscriberOptions<N extends string = EventName> extends SubscriberOptions<N> {
  batch?: undefined;
  payload?: 'json' | undefined;
}

/** Options of a subscriber that handles events one by one, with their payloads as text. */
export interface TextSubscriberOptions<N extends string = EventName> extends SubscriberOptions<N> {
  batch?: undefined;
  payload: 'text';
}

/** Options of a subscriber that handles events in batches. */
export interface BatchSubscriberOptions<N extends string = EventName> extends SubscriberOptions<N> {
  /** For the consumer as a whole: every definition of it must give the same value. */
  batch: SubscriberBatch;
  payload?: 'json' | undefined;
}

/** Options of a subscriber that handles events in batches, with their payloads as text. */
export interface TextBatchSubscriberOptions<N extends string = EventName> extends SubscriberOptions<N> {
  /** For the consumer as a whole: every definition of it must give the same value. */
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

/** A subscriber that handles events one by one, with their payloads as text. */
export interface TextSubscriberDefinition<N extends string = EventName> extends TextSubscriberOptions<N> {
  handler: TextSubscriberHandler<N>;
}

/** A subscriber that handles events in batches, with their payloads as text. */
export interface TextBatchSubscriberDefinition<N extends string = EventName>
  extends TextBatchSubscriberOptions<N> {
  handler: TextBatchSubscriberHandler<N>;
}

/** Any definition, without the types of its handler. */
export interface AnySubscriberDefinition extends SubscriberOptions<string> {
  batch?: SubscriberBatch | undefined;
  handler: (input: never, context: BatchSubscriberContext) => unknown;
}
