/** The calls of the proof, as data: what the other system does with each, and how each must end. */
import type { Random } from '../harness/random.js';

/**
 * `at-once`: it answers with the result. `asked`: it takes the call, and says later when it is asked. `told`: it
 * takes the call, and a webhook says what came of it, which may come before the answer. `lost`: it takes the call,
 * and its answer never comes. `refused`: it refuses.
 */
export const KINDS = ['at-once', 'asked', 'told', 'lost', 'refused'] as const;
export type CallKind = (typeof KINDS)[number];

/** `found` can ask for a call by its key, and the other system does not know keys otherwise. `retried` sends the key. */
export const TYPES = ['found', 'retried'] as const;
export type CallTypeName = (typeof TYPES)[number];

export interface ProofRequest {
  readonly kind: CallKind | 'held' | 'poison';
}

export interface ProofCall {
  readonly type: CallTypeName;
  readonly kind: ProofRequest['kind'];
  readonly group: string;
}

const GROUPS = 7;

export function callsOf(count: number, random: Random): ProofCall[] {
  return Array.from({ length: count }, (_, i) => ({
    type: TYPES[i % TYPES.length] as CallTypeName,
    kind: KINDS[random.int(KINDS.length)] as CallKind,
    group: `g${random.int(GROUPS)}`,
  }));
}

export function endOf(kind: ProofRequest['kind']): 'completed' | 'failed' {
  return kind === 'refused' || kind === 'poison' ? 'failed' : 'completed';
}

/** The only two ways in which the events of a call may follow each other, here. */
export const SEQUENCES: Readonly<Record<'completed' | 'failed', string>> = {
  completed: 'requested initialized processing completed',
  failed: 'requested initialized failed',
};
