import type { CallError, CallStatus } from './external-call.js';

/** What was heard of a call, checked. */
export type Heard = { readonly externalId?: string | undefined } & (
  | { readonly phase: 'processing' }
  | { readonly phase: 'completed'; readonly result: unknown }
  | { readonly phase: 'failed'; readonly error: CallError }
  | { readonly phase: 'canceled'; readonly reason: string }
);

/** What hearing something may change of a call. */
export interface CallState {
  readonly id: string;
  readonly status: CallStatus;
  readonly externalId: string | null;
  readonly result: unknown;
  readonly error: CallError | null;
}

/** The events of a call after `requested`, in the only order in which they come. */
export type CallStep = 'initialized' | 'processing' | 'completed' | 'failed' | 'canceled';

/** What becomes of a call that has heard something. Nothing was applied if there are no steps. */
export interface Outcome {
  readonly state: CallState;
  readonly steps: readonly CallStep[];
}

const ENDS: readonly CallStatus[] = ['completed', 'failed', 'canceled'];

export function hasEnded(status: CallStatus): boolean {
  return ENDS.includes(status);
}

/**
 * The one sequence of every call: `initialized`, `processing`, then one of `completed`, `failed` and
 * `canceled`. A step that nobody reported is made up for, so all systems look the same. Only a call that
 * ended before the other system took it has no `processing`.
 *
 * - After the end nothing changes. So the first end holds, whatever is said later.
 * - An external id never changes. Who says another one speaks of something else.
 * - Before there is an external id, `processing` without one says nothing new, unless it is the answer to the
 *   start (`isStart`): then the other system has no name for the call, and gets the call's own id.
 */
export function hear(state: CallState, heard: Heard, isStart = false): Outcome {
  const unchanged = { state, steps: [] };
  if (hasEnded(state.status)) return unchanged;
  const { phase, externalId: said } = heard;
  if (state.externalId !== null && said !== undefined && said !== state.externalId) return unchanged;
  const isNamed = said !== undefined || isStart || phase !== 'processing';
  const externalId = state.externalId ?? (isNamed ? (said ?? state.id) : null);
  if (externalId === null) return unchanged;
  const steps: CallStep[] = state.externalId === null ? ['initialized'] : [];
  const wasTaken = phase === 'processing' || phase === 'completed' || said !== undefined;
  const isNew = state.status === 'requested' && wasTaken;
  if (isNew) steps.push('processing');
  const next: CallState = { ...state, externalId, status: isNew ? 'processing' : state.status };
  if (phase === 'processing') return { state: next, steps };
  return { state: { ...next, ...endOf(heard) }, steps: [...steps, phase] };
}

function endOf(heard: Heard): Partial<CallState> {
  if (heard.phase === 'completed') return { status: 'completed', result: heard.result };
  if (heard.phase === 'failed') return { status: 'failed', error: heard.error };
  return { status: 'canceled' };
}

/** What a report keeps besides its phase. */
export function dataOf(heard: Heard): unknown {
  if (heard.phase === 'completed') return heard.result;
  if (heard.phase === 'failed') return heard.error;
  return heard.phase === 'canceled' ? heard.reason : null;
}

/** What a report that was kept says. */
export function heardOf(phase: Heard['phase'], externalId: string | null, data: unknown): Heard {
  const named = externalId === null ? {} : { externalId };
  if (phase === 'completed') return { ...named, phase, result: data };
  if (phase === 'failed') return { ...named, phase, error: data as CallError };
  return phase === 'canceled' ? { ...named, phase, reason: String(data) } : { ...named, phase };
}
