import type { DomainEvent } from '../events/domain-event.js';

/** An event as the log holds it. */
export interface OutboxEvent<P = unknown> extends DomainEvent<P> {
  /** Length in bytes of the payload's JSON text as published. Null for rows that plain SQL inserted. */
  payloadBytes: number | null;
  /** As long as this event is in the log, no other event with the same key can be published. */
  deduplicationKey: string | null;
  /** Handlers do not see the event before this time. Null means that they see it at once. */
  availableAt: Date | null;
}

/**
 * The state of an event at one consumer. `skipped` means that the handler said the event is not for it.
 * `processing` means that its handler runs. Of a first attempt this is known once it has run for two seconds.
 */
export type DeliveryStatus = 'pending' | 'processing' | 'processed' | 'failed' | 'dead_letter' | 'skipped';

/**
 * The state of an event over all consumers. It is the worst state among them, in this order: `dead_letter`,
 * `failed`, `processing`, `pending`, `processed`. Here `processed` includes skipped events. `unrouted` means
 * that no registered consumer asks for the event.
 */
export type OutboxEventStatus = Exclude<DeliveryStatus, 'skipped'> | 'unrouted';

/** The state of one event at one consumer. */
export interface ConsumerDelivery {
  consumerName: string;
  status: DeliveryStatus;
  /** Number of recorded attempts that did not succeed. */
  attemptCount: number;
  lastError: string | null;
  /**
   * When the event is due. Null when it is due now, when it waits for an earlier event of its aggregate, or
   * when it is done.
   */
  availableAt: Date | null;
  /**
   * Since when the handler has put the event off (`PostponeError`) without an attempt that counted. Null if
   * it did not. The reason is in `lastError`.
   */
  postponedSince: Date | null;
}

/** The status of an event over all consumers, and at each consumer (sorted by name). */
export interface OutboxEventStatusReport {
  outboxEventId: string;
  position: number;
  eventName: string;
  status: OutboxEventStatus;
  consumers: ConsumerDelivery[];
}

/** An event of an entity's history, with its status. */
export type TimelineEntry = OutboxEvent & Pick<OutboxEventStatusReport, 'status' | 'consumers'>;

/** Chooses events. An event must match every given field. */
export interface OutboxEventFilter {
  /** An exact name, or a prefix with a trailing `*`. */
  eventName?: string | undefined;
  sourceModule?: string | undefined;
  aggregateType?: string | undefined;
  aggregateId?: string | undefined;
  deduplicationKey?: string | undefined;
  /** Of this correlation. */
  correlationId?: string | undefined;
  /** Written at this time or later. */
  from?: Date | undefined;
  /** Written before this time. */
  to?: Date | undefined;
}

/** Chooses a part of a result. */
export interface PageRequest {
  /** Number of items, from 1 to 1000. The default is 50. */
  limit?: number | undefined;
  /** The value `next` of the previous page. */
  after?: number | undefined;
  /** The default is `newest`, which returns the newest event first. */
  order?: 'newest' | 'oldest' | undefined;
}

/** One part of a result. `next` is null on the last page. */
export interface Page<T> {
  items: T[];
  next: number | null;
}

/** Number of events in each status at one consumer. */
export interface ConsumerCounts {
  consumerName: string;
  /** Number of events in the log that the consumer asks for. */
  total: number;
  pending: number;
  processing: number;
  processed: number;
  failed: number;
  dead_letter: number;
  skipped: number;
}

/** Number of events of the log in each `OutboxEventStatus`, in total and per consumer. */
export interface OutboxStats {
  total: number;
  pending: number;
  processing: number;
  processed: number;
  failed: number;
  dead_letter: number;
  unrouted: number;
  /**
   * True when the log spans more than 100,000 positions, because counting a log of any size could take very
   * long. Unsettled events are counted up to 10,000 per consumer and status. If there are more, `processing`,
   * `failed`, `dead_letter` and `skipped` show 10,000, and `pending` shows an estimate. `total`, `processed`
   * and `unrouted` are estimates from a sample of the log. When this field is absent, every number is exact.
   */
  estimated?: true;
  consumers: ConsumerCounts[];
}
