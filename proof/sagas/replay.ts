/** Plays the log once more, without a database: what each walk must have done. */
import { UNDO, type WalkKind } from './walks.js';

/** An event of the log that is for a walk. */
export interface LogEvent {
  readonly key: string;
  readonly name: string;
  readonly kind: WalkKind;
}

export interface WalkEnd {
  readonly status: 'completed' | 'undone';
  /** What its handlers did, in order. */
  readonly journal: readonly string[];
  /** The events that it has published, besides those of its start. */
  readonly undone: readonly string[];
}

/**
 * Plays the events of one walk in the order of the log. An event whose step is not reached waits for it. A racing
 * walk may end in two ways, so whoever asks says whether its timeout came first.
 */
export function replayed(events: readonly LogEvent[], wasLate: boolean): WalkEnd | undefined {
  const journal: string[] = [];
  const waiting = events.map(({ name }) => name);
  let step = '';
  const take = (name: string, to: string, what: string) => {
    const at = waiting.indexOf(name);
    if (at < 0) return false;
    waiting.splice(at, 1);
    journal.push(what);
    step = to;
    return true;
  };
  if (!take('walk.begun', 'paying', 'begun')) return undefined;
  if (wasLate) return { status: 'undone', journal: [...journal, 'late'], undone: [...UNDO].reverse() };
  if (!take('walk.paid', 'paid', 'paid') || !take('walk.done', 'done', 'done')) return undefined;
  return step === 'done' ? { status: 'completed', journal, undone: [] } : undefined;
}

/** Whether the timeout must have come first. Undefined where both ways are right. */
export function mustBeLate(kind: WalkKind): boolean | undefined {
  return { paid: false, racing: undefined, unpaid: true }[kind];
}
