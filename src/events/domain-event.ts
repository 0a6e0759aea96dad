/**
 * Augmented by the host to type its events:
 *
 * ```ts
 * declare module 'nestjs-integration' {
 *   interface IntegrationEvents { 'invoice.created': { invoiceId: string; total: number } }
 * }
 * ```
 *
 * Publish, subscribe and handlers then check name and payload at compile time; names that are not declared
 * stay `unknown`.
 */
// biome-ignore lint/suspicious/noEmptyInterface: an interface, because only interfaces merge
export interface IntegrationEvents {}

/** A declared event name, or any other string. */
export type EventName = Extract<keyof IntegrationEvents, string> | (string & {});

/** The payload that belongs to an event name; `unknown` for a name (or pattern) that nobody declared. */
export type PayloadOf<N> = N extends keyof IntegrationEvents ? IntegrationEvents[N] : unknown;

/** Facts about an event beside its payload; filled from the current handler and trace where left out. */
export interface EventMetadata {
  correlationId?: string;
  causationId?: string;
  traceparent?: string;
  producer?: string;
  tenantId?: string;
  [key: string]: unknown;
}

/** What a caller publishes. Names at most 255 (event) or 127 (module, aggregate type) characters, ids 255. */
export interface DomainEventInput<N extends EventName = EventName> {
  eventName: N;
  sourceModule: string;
  aggregateType: string;
  aggregateId: string;
  /** JSON; at most 1 MiB when serialized. Default `{}`. */
  payload?: PayloadOf<N> | undefined;
  metadata?: EventMetadata | undefined;
  /** Default 1. */
  eventVersion?: number | undefined;
  /** Handlers see the event from this time on. Not together with `delayMs`. */
  availableAt?: Date | undefined;
  /** Handlers see the event this many milliseconds from now. Not together with `availableAt`. */
  delayMs?: number | undefined;
  /** Publishing the same key again changes nothing and returns the first event. At most 255 characters. */
  deduplicationKey?: string | undefined;
  /** A uuid; default a new version 7 one. */
  id?: string | undefined;
}

/** What a handler receives. */
export interface DomainEvent<P = unknown> {
  outboxEventId: string;
  eventName: string;
  eventVersion: number;
  sourceModule: string;
  aggregateType: string;
  aggregateId: string;
  payload: P;
  metadata: EventMetadata;
  /** When the event was written to the log, by the database's clock. */
  timestamp: Date;
  /** Its place in the log. */
  position: number;
}

/** The receipt of a publish. `duplicate` is true when a deduplication key was seen before. */
export interface PublishedEvent {
  outboxEventId: string;
  position: number;
  duplicate: boolean;
}
