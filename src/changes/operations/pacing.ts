import type { OperationVerdict } from './operation.js';

/** It begins with this number of events. */
const FIRST = 5;
/** So many more may be under way for each event that was handled: 5, then 50, then 500 are sent in all. */
const GROWTH = 9;
/**
 * However well it goes, no more are under way. Processes that handle events take that in one or two beats.
 */
const MOST_UNDER_WAY = 5_000;
/** A share of fewer events than this says nothing: one failure of five may be the only one of a thousand. */
const FEWEST_JUDGED = 20;

/*
 * Why a growing operation never harms much, and never waits without need.
 *
 * States. An event that was sent is under way, or handled, or has failed. `sent` is the count of the
 * operation. It is written in the transaction that sends, under the token of the process that has the
 * lease. What is under way and what has failed is counted in the rows of the inbox, each time anew. Nothing
 * is kept in memory. So a process that takes over, after a death or a pause, decides by the same numbers as
 * the one before.
 *
 * Bound. Let h be the events that were handled before a portion. No more than max(5, 9 h) events are under
 * way behind it, and never more than 5,000. It stops at the first look that finds more failures than the
 * share allows. So what fails beyond the share was under way at that look. If everything fails from the k-th
 * event on, at most 10 k + 5 events were sent, whatever the rate is.
 *
 * Order. `sent` is read first, and the outcomes later. An event may have got its outcome in between. Then the
 * process sees fewer events under way than there were, and no event that is under way is missed, because only
 * this process sends. Two processes cannot both send: the portion is fenced by the token. One that lost its
 * lease may decide by old numbers, but its portion changes nothing.
 *
 * Progress. While nothing more may be sent, it looks again after 25 ms, and then after twice as long each
 * time, up to half a second. Before it begins to wait it wakes the owners of consumers, who would otherwise
 * see what was sent with their next beat. A message that is lost costs a beat and nothing else.
 */

/** What limits how much an operation may send before its events have an outcome. */
export interface Pace {
  readonly stopAfter: number | null;
  readonly stopAbovePercent: number | null;
}

/** How many events may be sent now. 0 means that outcomes are awaited. */
export type Allowance = { readonly most: number } | { readonly stop: string };

/** `sent` was read before `verdict`. */
export function allowanceOf(
  { stopAfter, stopAbovePercent }: Pace,
  sent: number,
  { succeeded, failedTheSameWay, failedOtherwise, pending }: OperationVerdict,
): Allowance {
  const failures = failedTheSameWay + failedOtherwise;
  if (stopAfter !== null && failures >= stopAfter)
    return { stop: `It has stopped by itself: ${failures} of its events have failed again` };
  // A verdict stops counting, so those with an outcome are counted as what is not under way.
  const judged = Math.max(sent - pending, failures);
  if (stopAbovePercent !== null && failures * 100 > stopAbovePercent * Math.max(judged, FEWEST_JUDGED))
    return {
      stop: `It has stopped by itself: ${failures} of ${judged} events have failed again, which is more than ${stopAbovePercent} percent`,
    };
  const underWay =
    stopAbovePercent === null
      ? Number.POSITIVE_INFINITY
      : Math.min(MOST_UNDER_WAY, Math.max(FIRST, GROWTH * succeeded));
  // No more events are under way than may still fail.
  const mayFail = stopAfter === null ? Number.POSITIVE_INFINITY : stopAfter - failures;
  return { most: Math.max(0, Math.min(underWay, mayFail) - pending) };
}
