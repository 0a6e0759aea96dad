import type { AggregateEventInput, DomainEventInput, StoredAs } from '../events/domain-event.js';
import { checkDefinition } from './definition-checks.js';
import type {
  Direction,
  EventDefinition,
  Severity,
  Upcaster,
  Visibility,
  WebhookShape,
} from './event-definition.js';
import type { EventSchema, InferInput, InferOutput } from './schemas/event-schema.js';

/** The fields of an event that its contract does not know. */
type GivenFields<S extends EventSchema, Event> = Omit<Event, 'eventName' | 'eventVersion' | 'payload'> & {
  payload: InferInput<S>;
};

/** It is the same in every copy of the package. */
const CONTRACT = Symbol.for('nestjs-integration:event-contract');

/** The contract of one version of an event. `defineEvent` makes it. */
export class EventContract<N extends string = string, S extends EventSchema = EventSchema> {
  readonly name: N;
  readonly version: number;
  readonly schema: S;
  readonly upcast: Readonly<Record<number, Upcaster>>;
  readonly visibility: Visibility;
  readonly webhook: WebhookShape<InferOutput<S>> | undefined;
  readonly direction: Direction;
  readonly category: string | undefined;
  readonly severity: Severity | undefined;
  readonly description: string | undefined;
  readonly examples: readonly InferInput<S>[];
  readonly deprecated: boolean;
  readonly retired: boolean;

  /** @internal Use `defineEvent`. */
  constructor(given: EventDefinition<N, S>) {
    this.name = given.name;
    this.version = given.version ?? 1;
    this.schema = given.schema;
    this.upcast = { ...given.upcast };
    this.visibility = given.visibility ?? 'internal';
    this.webhook = given.webhook;
    this.direction = given.direction ?? 'outbound';
    this.category = given.category;
    this.severity = given.severity;
    this.description = given.description;
    this.examples = [...(given.examples ?? [])];
    this.deprecated = given.deprecated ?? false;
    this.retired = given.retired ?? false;
    Object.defineProperty(this, CONTRACT, { value: true });
    Object.freeze(this);
  }

  /**
   * An event of this contract, to be published: `publishEvent(invoiceCreated.event({ … }), { … })`.
   * Publishing checks the payload, not this function. Without module and aggregate type it is an event for
   * `AggregatePublisher.publishMany`.
   */
  event(given: GivenFields<S, DomainEventInput>): DomainEventInput<N>;
  event(given: GivenFields<S, AggregateEventInput>): AggregateEventInput<N>;
  event(given: object): unknown {
    return { ...given, eventName: this.name, eventVersion: this.version };
  }
}

/** Any contract, without the function that makes events of it. */
// biome-ignore lint/suspicious/noExplicitAny: schemas are invariant in their types, and all are taken.
export type AnyEventContract = Omit<EventContract<string, EventSchema<any, any>>, 'event'>;

/**
 * Declares one version of an event: its name, what its payload must be, and how payloads of earlier versions
 * become payloads of this one.
 *
 * ```ts
 * export const invoiceCreated = defineEvent({
 *   name: 'invoice.created',
 *   version: 2,
 *   schema: z.object({ total: z.number(), currency: z.string() }),
 *   upcast: { 1: (old: { total: number }) => ({ ...old, currency: 'EUR' }) },
 * });
 * ```
 *
 * @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`)
 */
export function defineEvent<const N extends string, S extends EventSchema>(
  definition: EventDefinition<N, S>,
): EventContract<N, S> {
  checkDefinition(definition);
  return new EventContract(definition);
}

/** Whether a value is a contract, of any copy of the package. */
export function isEventContract(value: unknown): value is AnyEventContract {
  return typeof value === 'object' && value !== null && CONTRACT in value;
}

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/**
 * The payload of an event with a contract, for `IntegrationEvents`:
 *
 * ```ts
 * declare module 'nestjs-integration' {
 *   interface IntegrationEvents { 'invoice.created': PayloadOfContract<typeof invoiceCreated> }
 * }
 * ```
 *
 * Publishing then takes the input of the schema, and handlers get its output as JSON gives it back.
 */
export type PayloadOfContract<C> = C extends { readonly schema: infer S extends EventSchema }
  ? Same<InferInput<S>, InferOutput<S>> extends true
    ? InferOutput<S>
    : StoredAs<InferOutput<S>, InferInput<S>>
  : never;
