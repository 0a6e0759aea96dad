import type { DomainEventInput } from '../events/domain-event.js';
import { CALL_EVENTS, type RequestOf } from '../module/call-maker.js';
import { DECORATED_TYPE } from '../words/decorated-type.js';
import type { StoredCall } from './call.store.js';
import type { CallCaller, CallError, CallSubject } from './external-call.js';
import type { CallStep } from './heard.js';

/** The aggregate of the events of a call. Its id is that of the call. */
export const AGGREGATE = 'external_call';
export const SOURCE_MODULE = 'calls';

/** What every event of a call says. */
export interface CallEvent {
  callId: string;
  type: string;
  /** Null only before `initialized`. */
  externalId: string | null;
  subject: CallSubject | null;
  group: string | null;
  /** The saga that made the call. Null if none did. */
  caller: CallCaller | null;
}
export const CallEvent: unknown = DECORATED_TYPE;

type Named = CallEvent & { externalId: string };

/**
 * The payloads of the events of a type of calls, by their names. An application that declares the names of
 * its events adds them:
 *
 * ```ts
 * declare module 'nestjs-integration' {
 *   interface IntegrationEvents extends CallEvents<typeof TtsCalls, 'tts'> {}
 * }
 * ```
 */
export type CallEvents<Handler extends abstract new (...given: never) => unknown, Type extends string> = {
  [K in `integration.call.${Type}.requested`]: CallEvent & { request: RequestOf<Handler> };
} & { [K in `integration.call.${Type}.initialized` | `integration.call.${Type}.processing`]: Named } & {
  [K in `integration.call.${Type}.completed`]: Named & { result: ResultOf<Handler> };
} & { [K in `integration.call.${Type}.failed`]: Named & { error: CallError } } & {
  [K in `integration.call.${Type}.canceled`]: Named & { reason: string };
};

/** The result of a type of calls. */
export type ResultOf<Handler extends abstract new (...given: never) => unknown> =
  InstanceType<Handler> extends { start(...given: never): Promise<infer Update> }
    ? Extract<Update, { phase: 'completed' }> extends { result: infer Result }
      ? Result
      : unknown
    : unknown;

/** `integration.call.tts.completed` */
export function callEventName(type: string, step: CallStep | 'requested'): string {
  return `${CALL_EVENTS}${type}.${step}`;
}

type About = Pick<
  StoredCall,
  'id' | 'type' | 'tenantId' | 'group' | 'subjectType' | 'subjectId' | 'caller' | 'metadata'
>;

export function callEvent(
  call: About,
  externalId: string | null,
  step: CallStep | 'requested',
  more: object,
): DomainEventInput {
  const { id, type, tenantId, group, subjectType, subjectId, caller, metadata } = call;
  const subject = subjectType === null || subjectId === null ? null : { type: subjectType, id: subjectId };
  return {
    eventName: callEventName(type, step),
    sourceModule: SOURCE_MODULE,
    aggregateType: AGGREGATE,
    aggregateId: id,
    payload: { callId: id, type, externalId, subject, group: group === '' ? null : group, caller, ...more },
    metadata: { ...metadata, ...(tenantId === '' ? {} : { tenantId }) },
  };
}
