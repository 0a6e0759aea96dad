import type { IntegrationTypes } from '../integration.types.js';
import type { Publishable } from './json-types.js';

/**
 * Augmented by the host to type its events:
 *
 * ```ts
 * declare module 'nestjs-integration' {
 *   interface IntegrationEvents { 'invoice.created': { invoiceId: string; total: number } }
 * }
 * ```
 *
 * Publish, subscribe and handlers then check name and payload at compile time: a declared name needs its
 * payload, and a handler gets what JSON gives back of it (`Jsonify`). Names that are not declared stay
 * `unknown`, and `strictEvents` in `IntegrationTypes` refuses those that look like a misspelt one.
 */
// biome-ignore lint/suspicious/noEmptyInterface: an interface, because only interfaces merge
export interface IntegrationEvents {}

type DeclaredName = Extract<keyof IntegrationEvents, string>;

/** A declared event name, or any other string. */
export type EventName = DeclaredName | (string & {});

/** Up to the first dot. */
type NamespaceOf<N extends string> = N extends `${infer First}.${string}` ? First : N;

type DeclaredIn<Namespace, Name extends string = DeclaredName> = Name extends string
  ? NamespaceOf<Name> extends Namespace
    ? Name
    : never
  : never;

/**
 * In the place of a name that is not declared, while others of its namespace are. The compiler's message
 * shows these.
 */
export interface NotDeclared<N, Declared> {
  readonly notDeclared: N;
  readonly declared: Declared;
}

/** A name that is not declared is itself, unless others of its namespace are. */
type OtherName<N extends string> = N extends DeclaredName
  ? never
  : NamespaceOf<N> extends NamespaceOf<DeclaredName>
    ? NotDeclared<N, DeclaredIn<NamespaceOf<N>>>
    : N;

type IsStrict = IntegrationTypes extends { strictEvents: true } ? true : false;

/** The names that may be published: all of them, unless the host says `strictEvents`. */
export type KnownName<N extends string> = IsStrict extends true ? (N & DeclaredName) | OtherName<N> : N;

/** The names and patterns that may be subscribed to. */
export type KnownPattern<N extends string> = IsStrict extends true
  ? N extends `${infer Beginning}*`
    ? [Extract<DeclaredName, `${Beginning}${string}`>] extends [never]
      ? KnownName<N>
      : N
    : KnownName<N>
  : N;

/**
 * The payload that is published under an event name: the declared type, in which whatever JSON cannot hold (a
 * bigint, a Map) is replaced by a type that nothing fits; `unknown` for a name (or pattern) that nobody
 * declared. What a handler receives is `EventOf<N>['payload']`.
 */
export type PayloadOf<N> = N extends keyof IntegrationEvents ? Publishable<IntegrationEvents[N]> : unknown;

// biome-ignore lint/complexity/noBannedTypes: the payload that is stored where none is given
type IsOptional<Payload> = {} extends Payload ? true : false;

/** In the place of the name of an event that is declared with a payload and published without one. */
export interface PayloadMissing<N> {
  readonly declaredWithPayload: N;
}

/**
 * An event's name where it is published without a payload: not declared, or declared with one that may be
 * `{}`.
 */
export type NameWithoutPayload<N> = N extends keyof IntegrationEvents
  ? IsOptional<IntegrationEvents[N]> extends true
    ? N
    : PayloadMissing<N>
  : N;

/** Undefined, where the payload of this name may be left out. */
export type NoPayload<N> = N extends keyof IntegrationEvents
  ? IsOptional<IntegrationEvents[N]> extends true
    ? undefined
    : never
  : undefined;

/**
 * A declared name needs its payload, unless that may be `{}`. In two parts, so that generic code can give the
 * first.
 */
type PayloadField<N> = { payload: PayloadOf<N> } | PayloadLeftOut<N>;

type PayloadLeftOut<N> = [N] extends [keyof IntegrationEvents]
  ? IsOptional<IntegrationEvents[N]> extends true
    ? { payload?: PayloadOf<N> | undefined }
    : never
  : { payload?: unknown };

/** Facts about an event beside its payload; filled from the current handler and trace where left out. */
export interface EventMetadata {
  correlationId?: string;
  causationId?: string;
  traceparent?: string;
  producer?: string;
  tenantId?: string;
  [key: string]: unknown;
}

/**
 * What a caller publishes: names at most 255 (event) or 127 (module, aggregate type) characters, ids 255.
 * `payload` is JSON, at most 1 MiB when serialized, and `{}` where it is left out, which a declared name
 * allows only if its payload may be `{}`.
 */
export type DomainEventInput<N extends EventName = EventName> = EventSource & AggregateEventInput<N>;

/** A `DomainEventInput` but for what an `AggregatePublisher` knows: module and aggregate type. */
export type AggregateEventInput<N extends EventName = EventName> = EventFields<N> & PayloadField<N>;

interface EventSource {
  sourceModule: string;
  aggregateType: string;
}

interface EventFields<N extends EventName> {
  eventName: KnownName<N>;
  aggregateId: string;
  metadata?: EventMetadata | undefined;
  /** Default 1. */
  eventVersion?: number | undefined;
  /** Handlers see the event from this time on. Not together with `delayMs`. */
  availableAt?: Date | undefined;
  /** Handlers see the event this many milliseconds from now. Not together with `availableAt`. */
  delayMs?: number | undefined;
  /**
   * Publishing the same key again changes nothing and returns the first event, as long as the log has that
   * event: retention deletes it some time after `retentionDays` (default 14), and the key may be published
   * anew then. At most 255 characters.
   */
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

/**
 * The receipt of a publish. `duplicate` is true when the log has an event with this deduplication key
 * already.
 */
export interface PublishedEvent {
  outboxEventId: string;
  position: number;
  duplicate: boolean;
}
