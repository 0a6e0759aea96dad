import type { StoredRecord } from './record.store.js';

/**
 * What becomes of a record that came.
 *
 * - `added`, `updated`: it is written, with an event.
 * - `unchanged`: it is what is stored.
 * - `older`: what is stored is newer, so nothing is taken over.
 */
export type Fate = 'added' | 'updated' | 'unchanged' | 'older';

export interface Came {
  readonly hash: string;
  readonly sourceAt: Date | null;
}

/*
 * Which of two states of one record is newer.
 *
 * 1. The other system says it: the later time of a change is the newer one. An equal time decides nothing,
 *    because such times may be coarse.
 * 2. A page was asked for at some moment, and shows its records as they were at that moment or later. What
 *    somebody has told of since then may be newer, and the page may be wrong. So it wins. If the page is the
 *    newer one after all, the record comes again: the overlap of the next run has it, or the next full run.
 *
 * `since` is a time of the database before the page was asked for. It is null for what is told, which counts
 * as new in the order in which it comes.
 */

/** What becomes of a record, given what is stored of it. */
export function fateOf(stored: StoredRecord | undefined, came: Came, since: Date | null): Fate {
  if (stored === undefined) return 'added';
  const order = compareTimes(came.sourceAt, stored.sourceAt);
  if (order < 0) return 'older';
  if (order === 0 && isToldSince(stored, since)) return 'older';
  if (stored.deletedAt !== null) return 'added';
  return stored.hash === came.hash ? 'unchanged' : 'updated';
}

/** Whether a page that says that a record is gone is right. */
export function isGone(stored: StoredRecord | undefined, since: Date | null): boolean {
  return stored !== undefined && stored.deletedAt === null && !isToldSince(stored, since);
}

function isToldSince({ toldAt }: StoredRecord, since: Date | null): boolean {
  return since !== null && toldAt !== null && toldAt.getTime() >= since.getTime();
}

/** 0 if one of them is not known. */
function compareTimes(a: Date | null, b: Date | null): number {
  return a === null || b === null ? 0 : Math.sign(a.getTime() - b.getTime());
}
