import type { DomainEvent } from '../events/domain-event.js';

/** An event as the log holds it. */
export interface OutboxEvent<P = unknown> extends DomainEvent<P> {
  /** Length of the payload's JSON text as published, in bytes; null for rows inserted by plain SQL. */
  payloadBytes: number | null;
  /** It keeps another event with the same key out for as long as the log has this one. */
  deduplicationKey: string | null;
  /** Handlers see the event from this time on; null: at once. */
  availableAt: Date | null;
}

/** What became of an event at one consumer. `skipped`: its handler said that the event is not for it. */
export type DeliveryStatus = 'pending' | 'processing' | 'processed' | 'failed' | 'dead_letter' | 'skipped';

/**
 * What became of an event on the whole: the worst of its consumers, `dead_letter`, `failed`, `processing`,
 * `pending`, then `processed` (which includes skipped). `unrouted`: no registered consumer asks for it.
 */
export type OutboxEventStatus = Exclude<DeliveryStatus, 'skipped'> | 'unrouted';

/** One event at one consumer. */
export interface ConsumerDelivery {
  consumerName: string;
  status: DeliveryStatus;
  /** Attempts that were made and did not succeed, as far as they were recorded. */
  attemptCount: number;
  lastError: string | null;
  /**
   * When it is due; null for one that is due now, waits for an earlier event of its aggregate, or is done.
   */
  availableAt: Date | null;
}

/** An event's status, rolled up and per consumer (by name). */
export interface OutboxEventStatusReport {
  outboxEventId: string;
  position: number;
  eventName: string;
  status: OutboxEventStatus;
  consumers: ConsumerDelivery[];
}

/** An event of an entity's history with what became of it. */
export type TimelineEntry = OutboxEvent & Pick<OutboxEventStatusReport, 'status' | 'consumers'>;

/** Which events; every given field must match. */
export interface OutboxEventFilter {
  /** Exact, or with a trailing `*`. */
  eventName?: string | undefined;
  sourceModule?: string | undefined;
  aggregateType?: string | undefined;
  aggregateId?: string | undefined;
  deduplicationKey?: string | undefined;
  /** Written at or after. */
  from?: Date | undefined;
  /** Written before. */
  to?: Date | undefined;
}

/** Which part of a result. */
export interface PageRequest {
  /** 1 to 1000, default 50. */
  limit?: number | undefined;
  /** `next` of the page before. */
  after?: number | undefined;
  /** Default `newest` first. */
  order?: 'newest' | 'oldest' | undefined;
}

/** A part of a result. `next` is null on the last page. */
export interface Page<T> {
  items: T[];
  next: number | null;
}

/** How many events are in which status at one consumer. */
export interface ConsumerCounts {
  consumerName: string;
  /** Events in the log that the consumer asks for. */
  total: number;
  pending: number;
  processing: number;
  processed: number;
  failed: number;
  dead_letter: number;
  skipped: number;
}

/** How many events of the log are in which status, by `OutboxEventStatus`, and the same per consumer. */
export interface OutboxStats {
  total: number;
  pending: number;
  processing: number;
  processed: number;
  failed: number;
  dead_letter: number;
  unrouted: number;
  /**
   * The log spans more than 100,000 positions, and counting it would take the longer the larger it is. What
   * is not settled is counted up to 10,000 events of each consumer and status; more `processing`, `failed`,
   * `dead_letter` or `skipped` ones show as 10,000, more `pending` ones as an estimate. `total`, `processed`
   * and `unrouted` are estimates from a sample of the log. Absent: every number is exact.
   */
  estimated?: true;
  consumers: ConsumerCounts[];
}
