import { growingPauseMs } from '../../words/growing-pause.js';
import type { LeaseWork } from './lease.js';
import type { TakenLease } from './taken-lease.js';

/**
 * Where a name stands that this process wants:
 *
 * - waiting: it takes the lease as soon as it can, but not before `from`.
 * - held: the lease is renewed, and the work runs.
 * - ending: the lease is renewed, the work was told to end, and the lease is given back then.
 * - lost: the lease is another one's, or may be. The work was told to end. Until it has
 *   ended, the lease is not taken again.
 * - over: the work has ended.
 */
export type WantState =
  | { readonly is: 'waiting'; readonly from: number }
  | { readonly is: 'held' | 'ending' | 'lost'; readonly lease: TakenLease }
  | { readonly is: 'over' };

/** A name that this process wants, or still has. */
export interface Want {
  readonly name: string;
  readonly work: LeaseWork;
  /** False when it is wanted no more. It stays as long as its work runs. */
  isWanted: boolean;
  state: WantState;
  /** Resolves when the work that runs has ended. */
  running: Promise<void>;
  /** How often the work has failed, one time after another. */
  failures: number;
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** Milliseconds before work that has failed so often is begun again. */
export function pauseAfter(failures: number): number {
  return failures === 0 ? 0 : growingPauseMs(failures, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
}

/** The lease of a name, if it is to be renewed. */
export function renewedOf({ state }: Want): TakenLease | undefined {
  return state.is === 'held' || state.is === 'ending' ? state.lease : undefined;
}
