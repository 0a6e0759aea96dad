import type { PersistenceClient } from '../database/clients/sql-client.js';

/** What a call is about in the application. */
export interface CallSubject {
  type: string;
  id: string;
}

/** The saga that made a call. */
export interface CallCaller {
  saga: string;
  key: string;
}

/** A call that is to be made. */
export interface NewExternalCall<Request = unknown> {
  request: Request;
  /** What it is about in the application. */
  subject?: CallSubject | undefined;
  /** The default is the tenant of the event that is handled, if there is one. */
  tenantId?: string | undefined;
  /** Calls of a type and tenant that have places and failures of their own: an account, a region. */
  group?: string | undefined;
  /** The same key gives the first call again, for a tenant and a type. */
  idempotencyKey?: string | undefined;
  /** The default is that of the type. */
  deadlineMs?: number | undefined;
}

export interface CreatedCall {
  callId: string;
  /** There was a call of the idempotency key already, and nothing was written. */
  isDuplicate: boolean;
}

/** A class with `@ExternalCallType`. */
export type CallClass = abstract new (...given: never) => { start(...given: never): unknown };

/** The request of a type of calls. */
export type RequestOf<Handler extends abstract new (...given: never) => unknown> =
  InstanceType<Handler> extends { start(call: infer Call, ...rest: never): unknown }
    ? Call extends { readonly request: infer Request }
      ? Request
      : unknown
    : unknown;

/** Who makes a call, where it is no handler of an event. */
export interface CalledBy {
  readonly caller?: CallCaller | undefined;
  /** What all events of the call inherit. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** Makes calls for other parts, which do not know the part of calls. */
export interface CallMaker {
  makeCall(
    type: unknown,
    call: NewExternalCall,
    persistenceClient: PersistenceClient | undefined,
    by: CalledBy,
  ): Promise<CreatedCall>;
}

/** What an application with `CallsModule` provides under this token. */
export const CALL_MAKER = Symbol('nestjs-integration:call-maker');

/** The names of the events of calls begin with it. */
export const CALL_EVENTS = 'integration.call.';

/** The saga that made the call of an event. Undefined for calls that no saga made. */
export function callerOf(payload: unknown): CallCaller | undefined {
  const { caller } = Object(payload) as { caller?: Partial<CallCaller> | null };
  const { saga, key } = Object(caller) as Partial<CallCaller>;
  return typeof saga === 'string' && typeof key === 'string' ? { saga, key } : undefined;
}
