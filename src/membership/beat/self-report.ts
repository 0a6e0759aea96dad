import type { CursorKey } from '../../inbox/inbox-status.js';

/** An attempt that has run for long. */
export interface LongAttempt extends CursorKey {
  readonly position: number;
  readonly eventName: string;
  readonly events: number;
  /** The positions of the other events of a batch, at most a hundred. */
  readonly others: readonly number[];
  /** Whether later events of its entity wait for it. */
  readonly holdsUp: boolean;
  readonly attempt: number;
  /** For how many milliseconds it has run. */
  readonly ms: number;
}

/** What a process says of itself, for people who look at the processes. */
export interface SelfReport {
  /** The values in force by their full keys. */
  readonly settings: Readonly<Record<string, boolean | number | string>>;
  readonly working: readonly LongAttempt[];
}
