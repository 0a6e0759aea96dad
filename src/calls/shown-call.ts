import type { CallReport, CallStatus, ExternalCall, ListedCall } from './external-call.js';
import { hasEnded } from './heard.js';

/** An error without its details, which are data of the other system. */
export interface ShownError {
  readonly code: string;
  readonly message: string;
}

/** A call without data of the application and of the other system. */
export type ShownCall = Omit<ListedCall, 'error'> & { readonly error: ShownError | null };
export type ShownReport = Omit<CallReport, 'data'>;

/**
 * A call without its request, its result and the details of its error. They are data of the application, and
 * `mask` is a function of events, so it cannot say what may be seen of them.
 */
export function shownCall({ error, ...call }: ListedCall | ExternalCall): ShownCall {
  const { request: _, result: __, ...shown } = call as Omit<ExternalCall, 'error'>;
  return { ...shown, error: error === null ? null : { code: error.code, message: error.message } };
}

/** What was heard of a call, without what it brought. */
export function shownReport({ data: _, ...report }: CallReport): ShownReport {
  return report;
}

/**
 * What happens next to a call that has not ended. Its deadline may come before.
 *
 * - `start`: the other system is asked to begin.
 * - `find-out`: first it is found out whether the other system has taken it.
 * - `poll`: the other system is asked how far it is.
 * - `report`: nothing, until somebody reports.
 * - `cancel`: the other system is told that it is not wanted any more.
 */
export type CallNext = 'start' | 'find-out' | 'poll' | 'report' | 'cancel';

export const CALL_NEXT: readonly CallNext[] = ['start', 'find-out', 'poll', 'report', 'cancel'];

type Standing = Pick<ListedCall, 'cancelReason' | 'dueAt' | 'isOutcomeUnknown'> & {
  readonly status: CallStatus;
};

/** Null for a call that has ended. */
export function nextOf({ status, cancelReason, dueAt, isOutcomeUnknown }: Standing): CallNext | null {
  if (hasEnded(status)) return null;
  if (cancelReason !== null && dueAt !== null) return 'cancel';
  if (status === 'requested') return isOutcomeUnknown ? 'find-out' : 'start';
  return dueAt === null ? 'report' : 'poll';
}
