import type { EventSchema } from '../contracts/schemas/event-schema.js';
import type { DomainEvent } from '../events/domain-event.js';
import type { AnySubscriberDefinition } from '../subscribers/subscriber-definition.js';
import type { Otherwise } from './saga-options.js';

/** A method of a saga, with the object that it is called on. */
export interface SagaCall {
  readonly call: (...given: unknown[]) => unknown;
  /** `OrderFulfilment.placed (OrdersModule)` */
  readonly place: string;
}

export interface StartHandler extends SagaCall {
  readonly key: (event: DomainEvent) => unknown;
}

export interface StepHandler extends StartHandler {
  /** Empty for any step. */
  readonly in: readonly string[];
  readonly otherwise: Otherwise;
  readonly waitMs: number;
}

/** What a saga does with the events of one name or pattern. At least one of both is there. */
export interface HandlersOfName {
  readonly eventName: string;
  readonly start: StartHandler | undefined;
  readonly steps: readonly StepHandler[];
}

/** How the state of a saga is checked, and raised from earlier versions. */
export interface StateRules {
  readonly version: number;
  readonly schema: EventSchema | undefined;
  readonly upcast: Readonly<Record<number, (state: unknown) => unknown>>;
}

/** The options of its consumer. */
export type SagaConsumerOptions = Pick<
  AnySubscriberDefinition,
  'concurrency' | 'partitions' | 'startFrom' | 'timeoutMs' | 'retry'
>;

/** A saga of this application, checked. */
export interface SagaDefinition {
  readonly name: string;
  /** All steps that it may be in. */
  readonly steps: readonly string[];
  readonly state: StateRules;
  readonly names: readonly HandlersOfName[];
  readonly timeouts: ReadonlyMap<string, SagaCall>;
  readonly consumer: SagaConsumerOptions;
  readonly place: string;
}

/** The name of a saga's consumer. */
export function consumerOf(saga: string): string {
  return `saga.${saga}`;
}
