import type { IntegrationTypes } from '../integration.types.js';
import { DECORATED_TYPE } from '../words/decorated-type.js';
import type { Publishable } from './json-types.js';

/**
 * The application augments this interface to type its events:
 *
 * ```ts
 * declare module 'nestjs-integration' {
 *   interface IntegrationEvents { 'invoice.created': { invoiceId: string; total: number } }
 * }
 * ```
 *
 * The compiler then checks names and payloads where events are published, subscribed to and handled. A
 * declared name needs its payload. A handler receives the payload as JSON gives it back (`Jsonify`). Names
 * that are not declared have the payload type `unknown`. `strictEvents` in `IntegrationTypes` refuses
 * undeclared names that look like a misspelt declared name.
 */
// biome-ignore lint/suspicious/noEmptyInterface: an interface, because only interfaces merge
export interface IntegrationEvents {}

/** The key under which a declared payload has the type that it is published as. No value has it. */
declare const PUBLISHED_AS: unique symbol;

/**
 * The payload of an event that is published as one type and stored as another, because a schema in between
 * fills in defaults or converts. `PayloadOfContract` of `nestjs-integration/contracts` makes it.
 */
export type StoredAs<Stored, Published> = Stored & { readonly [PUBLISHED_AS]?: Published };

/** The type as which the payload of a declared name is published. */
type PublishedSide<Payload> = typeof PUBLISHED_AS extends keyof Payload
  ? Exclude<Payload[typeof PUBLISHED_AS], undefined>
  : Payload;

type DeclaredName = Extract<keyof IntegrationEvents, string>;

/** A declared event name, or any other string. */
export type EventName = DeclaredName | (string & {});

/** The part of a name before the first dot. */
type NamespaceOf<N extends string> = N extends `${infer First}.${string}` ? First : N;

type DeclaredIn<Namespace, Name extends string = DeclaredName> = Name extends string
  ? NamespaceOf<Name> extends Namespace
    ? Name
    : never
  : never;

/**
 * Stands in the place of a name that is not declared while other names of its namespace are. The compiler's
 * message shows its members.
 */
export interface NotDeclared<N, Declared> {
  readonly notDeclared: N;
  readonly declared: Declared;
}

/** A name that is not declared stays as it is, unless other names of its namespace are declared. */
type OtherName<N extends string> = N extends DeclaredName
  ? never
  : NamespaceOf<N> extends NamespaceOf<DeclaredName>
    ? NotDeclared<N, DeclaredIn<NamespaceOf<N>>>
    : N;

type IsStrict = IntegrationTypes extends { strictEvents: true } ? true : false;

/** The names that may be published. These are all names, unless the application sets `strictEvents`. */
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
 * The payload type of an event name where it is published. For a declared name it is the declared type;
 * whatever JSON cannot hold (a bigint, a Map) is replaced by a type that no value fits. For a name or pattern
 * that nobody declared it is `unknown`. A handler receives `EventOf<N>['payload']`.
 */
export type PayloadOf<N> = N extends keyof IntegrationEvents
  ? Publishable<PublishedSide<IntegrationEvents[N]>>
  : unknown;
export const PayloadOf: unknown = DECORATED_TYPE;

// biome-ignore lint/complexity/noBannedTypes: the payload that is stored where none is given
type IsOptional<Payload> = {} extends Payload ? true : false;

/** Stands in the place of the name of an event that is declared with a payload and published without one. */
export interface PayloadMissing<N> {
  readonly declaredWithPayload: N;
}

/**
 * The name of an event that is published without a payload. Such a name is not declared, or its declared
 * payload may be `{}`.
 */
export type NameWithoutPayload<N> = N extends keyof IntegrationEvents
  ? IsOptional<PublishedSide<IntegrationEvents[N]>> extends true
    ? N
    : PayloadMissing<N>
  : N;

/** Undefined if the payload of this name may be left out. */
export type NoPayload<N> = N extends keyof IntegrationEvents
  ? IsOptional<PublishedSide<IntegrationEvents[N]>> extends true
    ? undefined
    : never
  : undefined;

/**
 * A declared name needs its payload, unless that may be `{}`. The type has two parts, so that generic code
 * can give the first.
 */
type PayloadField<N> = { payload: PayloadOf<N> } | PayloadLeftOut<N>;

type PayloadLeftOut<N> = [N] extends [keyof IntegrationEvents]
  ? IsOptional<PublishedSide<IntegrationEvents[N]>> extends true
    ? { payload?: PayloadOf<N> | undefined }
    : never
  : { payload?: unknown };

/** Facts about an event besides its payload. What is left out is taken from the current handler and trace. */
export interface EventMetadata {
  correlationId?: string;
  causationId?: string;
  traceparent?: string;
  producer?: string;
  tenantId?: string;
  /** Where the change came from first, such as the name of an external system. */
  origin?: string;
  [key: string]: unknown;
}

/**
 * What a caller publishes. An event name has at most 255 characters, a module or aggregate type at most 127,
 * an id at most 255. `payload` is JSON of at most 1 MiB when serialized. A payload that is left out is `{}`;
 * a declared name allows this only if its payload may be `{}`.
 */
export type DomainEventInput<N extends EventName = EventName> = EventSource & AggregateEventInput<N>;

/** A `DomainEventInput` without the module and the aggregate type, which an `AggregatePublisher` knows. */
export type AggregateEventInput<N extends EventName = EventName> = EventFields<N> & PayloadField<N>;

interface EventSource {
  sourceModule: string;
  aggregateType: string;
}

interface EventFields<N extends EventName> {
  eventName: KnownName<N>;
  aggregateId: string;
  metadata?: EventMetadata | undefined;
  /** The default is 1. */
  eventVersion?: number | undefined;
  /** Handlers receive the event from this time on. Cannot be given together with `delayMs`. */
  availableAt?: Date | undefined;
  /**
   * Handlers receive the event this many milliseconds from now. Cannot be given together with `availableAt`.
   */
  delayMs?: number | undefined;
  /**
   * Publishing the same key again changes nothing and returns the first event, as long as the log has that
   * event. Retention deletes the event some time after `retentionDays` (default 14), and then the key may be
   * published again. At most 255 characters.
   */
  deduplicationKey?: string | undefined;
  /** A uuid. The default is a new uuid of version 7. */
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
  /** The time at which the event was written to the log, by the database's clock. */
  timestamp: Date;
  /** Its place in the log. */
  position: number;
}
export const DomainEvent: unknown = DECORATED_TYPE;

/**
 * The receipt of a publish. `duplicate` is true when the log has an event with this deduplication key
 * already.
 */
export interface PublishedEvent {
  outboxEventId: string;
  position: number;
  duplicate: boolean;
}
