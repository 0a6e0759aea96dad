import type { Logger } from '@nestjs/common';
import type { EventSchema } from '../contracts/schemas/event-schema.js';
import type { LaneKind } from '../lanes/outgoing-target.store.js';
import type { CallHttp } from './call-http.js';
import type { CallSubject, CallUpdate } from './external-call.js';

/** What is to become of a call of which nobody knows whether the other system has taken it. */
export type UnknownOutcome = 'retry' | 'fail';

export const UNKNOWN_OUTCOMES: readonly UnknownOutcome[] = ['retry', 'fail'];

/** How often a call is asked for, in milliseconds. The time doubles from `firstMs` to `maxMs`. */
export interface CallPolling {
  firstMs: number;
  maxMs: number;
}

export interface ExternalCallTypeOptions {
  /**
   * It never changes: it is a part of the names of events, and of the consumer `integration.calls.<type>`.
   * Letters, digits, `.`, `_` and `-`, at most 60 characters.
   */
  type: string;
  /** What a request must be: a schema that follows Standard Schema. Without it, any JSON. */
  request?: EventSchema | undefined;
  /** What a result must be. A result that does not fit fails its call. */
  result?: EventSchema | undefined;
  /** A call fails that has not ended so many milliseconds after `create`. The default is a day. */
  deadlineMs?: number | undefined;
  /** Only with a method `poll`. The default is 2 seconds, and a minute at most. */
  poll?: CallPolling | undefined;
  /**
   * `retry` starts the call again, with the same idempotency key: for systems that know the key. `fail` ends
   * it, so that a person looks. Needed unless there is a method `find`, which asks the other system.
   */
  unknownOutcome?: UnknownOutcome | undefined;
  /** How often a call is started at most. The default is 5. */
  maxAttempts?: number | undefined;
  /** How long one method may take, in milliseconds. The default is 30 seconds. */
  timeoutMs?: number | undefined;
}

/** A call, for the methods of its type. */
export interface CallOf<Request = unknown> {
  readonly id: string;
  readonly type: string;
  readonly request: Request;
  /** Null for `start` and `find`, unless a report came before. */
  readonly externalId: string | null;
  /** Empty if it has none. */
  readonly tenantId: string;
  /** Empty if it has none. */
  readonly group: string;
  readonly subject: CallSubject | null;
}

export interface CallContext {
  /** Aborted when the time of the method is over, or when this process gives the call up. */
  readonly signal: AbortSignal;
  /** How often the call was begun, this time included. */
  readonly attempt: number;
  /** The same for each attempt of one call. Send it along, if the other system takes such a key. */
  readonly idempotencyKey: string;
  readonly logger: Logger;
  /** The way out over HTTP, under the network rules of `CallsModule`. */
  readonly http: CallHttp;
}

/** What a type of calls does. */
export interface ExternalCallHandler<Request = unknown, Result = unknown> {
  /**
   * Starts the call at the other system. Return `failed` where it refuses, because that ends the call. What
   * is thrown is tried again: `UnavailableError` and `RetryAfterError` say that the other system did not take
   * it, and anything else leaves that unknown.
   */
  start(call: CallOf<Request>, context: CallContext): Promise<CallUpdate<Result>>;
  /** Asks how far the call is. Without it, only reports say that. */
  poll?(
    call: CallOf<Request> & { readonly externalId: string },
    context: CallContext,
  ): Promise<CallUpdate<Result>>;
  /** Asks by the idempotency key whether the other system has taken the call. */
  find?(call: CallOf<Request>, context: CallContext): Promise<CallUpdate<Result> | 'never-started'>;
  /** Tells the other system that the call is not wanted any more. It may answer that it is over already. */
  cancel?(
    call: CallOf<Request> & { readonly externalId: string },
    context: CallContext,
    // biome-ignore lint/suspicious/noConfusingVoidType: a method that returns nothing fits as well
  ): Promise<CallUpdate<Result> | void>;
}

/** A type of calls of this application, checked. */
export interface CallType {
  readonly type: string;
  /** `TtsCalls (SpeechModule)` */
  readonly place: string;
  readonly handler: ExternalCallHandler;
  readonly request: EventSchema | undefined;
  readonly result: EventSchema | undefined;
  readonly deadlineMs: number;
  readonly poll: CallPolling | undefined;
  readonly unknownOutcome: UnknownOutcome;
  readonly maxAttempts: number;
  readonly timeoutMs: number;
}

export function kindOf(type: string): LaneKind {
  return `call.${type}`;
}

/** The consumer that hands the calls of a type to their lanes. */
export function consumerOf(type: string): string {
  return `integration.calls.${type}`;
}
