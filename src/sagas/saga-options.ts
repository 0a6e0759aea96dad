import type { EventSchema } from '../contracts/schemas/event-schema.js';
import type { EventName } from '../events/domain-event.js';
import type { EventOf, StartFrom, SubscriberRetry } from '../subscribers/subscriber-definition.js';

/** What becomes of an event that comes before its saga, or in another step than it needs. */
export type Otherwise = 'wait' | 'skip' | 'dead';

export const OTHERWISE: readonly Otherwise[] = ['wait', 'skip', 'dead'];

/** Where a saga stands until it says otherwise. */
export const FIRST_STEP = 'started';

export interface SagaOptions {
  /**
   * It never changes: its consumer is `saga.<name>`. Letters, digits, `.`, `_` and `-`, at most 100
   * characters.
   */
  name: string;
  /** The version of its state. The default is 1. */
  version?: number | undefined;
  /** The steps that `become` may name, besides `started`, in which a saga begins. */
  steps?: readonly string[] | undefined;
  /**
   * What the state must be: a schema of a library that follows Standard Schema (zod, valibot, arktype and
   * others), or what `jsonSchema()` and `classSchema()` of `nestjs-integration/contracts` return. Without it
   * the state may be any JSON.
   */
  state?: EventSchema | undefined;
  /**
   * Functions that make the state of the next version, by the version that they take. A version without one
   * needs no change.
   */
  upcast?: Readonly<Record<number, (state: never) => unknown>> | undefined;
  /**
   * The number of its handlers that run at once in one process. Each holds a connection. The default is 5.
   */
  concurrency?: number | undefined;
  /** Over how many leases its events are spread, from 1 to 1024. The default is 1. */
  partitions?: number | undefined;
  /** Where its consumer starts in the log when it is new. The default is `recent`. */
  startFrom?: StartFrom | undefined;
  /** The timeout of each handler in milliseconds. The default is the setting `handlerTimeoutMs`. */
  timeoutMs?: number | undefined;
  retry?: SubscriberRetry | undefined;
}

export interface SagaStartOptions<N extends string = EventName> {
  /** Says which saga the event is for. Undefined says that it is for none. */
  key(event: EventOf<N>): string | undefined;
}

export interface SagaStepOptions<N extends string = EventName> extends SagaStartOptions<N> {
  /** The step, or steps, in which the event is handled. The default is any step. */
  in?: string | readonly string[] | undefined;
  /**
   * What becomes of the event before there is such a saga, and in other steps. `wait` (the default) keeps it
   * until the step is reached, and makes it a dead letter after `waitMs`. `skip` leaves it out. `dead` makes
   * it a dead letter at once.
   */
  otherwise?: Otherwise | undefined;
  /** How long the event waits, in milliseconds. The default is a day. */
  waitMs?: number | undefined;
}
