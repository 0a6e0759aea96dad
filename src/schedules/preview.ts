import type { Times, Timing } from '../timing/timing.js';
import type { CheckedSchedule } from './definition.js';
import type { LockedSchedule } from './schedule.store.js';

export const MOST_PREVIEWED = 1_000;

/** The times of a schedule that is stored. Its own next time may have passed a moment ago. */
export function previewStored(
  times: Times,
  { nextAt, left, ...timing }: LockedSchedule,
  from: Date | undefined,
  count: number,
): Date[] {
  if (nextAt === null) return [];
  const after = from?.getTime() ?? Date.now();
  const first = nextAt > after ? nextAt : times.next(timing, after);
  return datesOf(times, timing, first, Math.min(count, left ?? count));
}

/** The times of a schedule that begins at `from`. */
export function previewDefinition(
  times: Times,
  { limit, startsAt, ...given }: CheckedSchedule,
  from: Date | undefined,
  count: number,
): Date[] {
  const after = from?.getTime() ?? Date.now();
  const timing = { ...given, startsAt, anchorAt: startsAt ?? after };
  return datesOf(times, timing, times.next(timing, after), Math.min(count, limit ?? count));
}

function datesOf(times: Times, timing: Timing, first: number | undefined, count: number): Date[] {
  if (first === undefined || count === 0) return [];
  return [first, ...times.list(timing, first, count - 1)].map((at) => new Date(at));
}
