import type { WalkEvent } from '../sagas/walks.js';

/** An application with the saga of the proof, as it is started. */
export interface ConversingSetup {
  readonly databaseUrl: string;
  /** The process kills itself when its first undo has written its events, and nothing is committed. */
  readonly diesInUndo?: boolean;
}

export type ConversingRequest =
  | { readonly kind: 'publish'; readonly events: readonly WalkEvent[] }
  /** Everything is delivered to the saga once more. */
  | { readonly kind: 'replay' };

/** A saga's row in the host's table: what a handler did, and for which saga. */
export interface JournalRow {
  readonly key: string;
  readonly what: string;
}
