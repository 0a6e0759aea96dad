import type { DomainEvent } from '../events/domain-event.js';
import type { EventSchema, InferInput, InferOutput } from './schemas/event-schema.js';

export type Visibility = 'internal' | 'public';
export type Direction = 'outbound' | 'inbound' | 'bidirectional';
export type Severity = 'info' | 'warning' | 'error' | 'critical';

/** Turns the payload of one version into that of the next one. It is not asynchronous. */
// `never` lets each function say which payload it expects.
export type Upcaster = (payload: never) => unknown;

/** What `defineEvent` takes. */
export interface EventDefinition<N extends string, S extends EventSchema> {
  name: N;
  /** A whole number from 1 on. The default is 1. */
  version?: number | undefined;
  /** What the payload must be. Its output is what is stored. */
  schema: S;
  /** Under the number of a version, the function that makes the payload of the next version. */
  upcast?: Readonly<Record<number, Upcaster>> | undefined;
  /** Whether others than this application read the event. The default is `internal`. */
  visibility?: Visibility | undefined;
  /** How outgoing webhooks carry the event. */
  webhook?: WebhookShape<InferOutput<S>> | undefined;
  /** Whether the application sends the event (the default), receives it, or does both. */
  direction?: Direction | undefined;
  category?: string | undefined;
  severity?: Severity | undefined;
  description?: string | undefined;
  /** Payloads as they are published. */
  examples?: readonly InferInput<S>[] | undefined;
  /** Whether the event is still published, but not for long. */
  deprecated?: boolean | undefined;
  /**
   * Whether the event is no longer published. A public event is retired for one release before its contract
   * goes. Stored events are handled as before.
   */
  retired?: boolean | undefined;
}

/** How outgoing webhooks carry an event whose stored payload is `Payload`. */
export interface WebhookShape<Payload = unknown> {
  /** The type that receivers see. The default is the event's name. */
  type?: string | undefined;
  /** Returns what receivers get. The default is the payload. */
  // A method, so that contracts of different payloads can stand in one list.
  data?(event: DomainEvent<Payload>): unknown;
}
