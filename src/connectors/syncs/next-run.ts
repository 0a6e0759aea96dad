import { createHash } from 'node:crypto';
import type { Times } from '../../timing/timing.js';
import { intervalOf } from '../../timing/timing-checks.js';
import { growingPauseMs } from '../../words/growing-pause.js';
import type { FoundSync } from '../definition/sync.js';

/** Of the interval of a pattern, the part over which streams are spread. */
const SPREAD = 0.1;
const FIRST_PAUSE_MS = 10_000;
const LONGEST_PAUSE_MS = 3_600_000;
/** So often a run without a schedule is tried again by itself. */
const TRIES_WITHOUT_SCHEDULE = 10;

/** When a stream runs next by its schedule. Undefined without one. */
export function nextBySchedule(
  { schedule }: Pick<FoundSync, 'schedule'>,
  streamId: string,
  now: Date,
  times: Times | undefined,
): Date | undefined {
  if (schedule === undefined) return undefined;
  const { cron, timeZone = 'UTC', exact = false } = schedule;
  const share = exact ? 0 : shareOf(streamId);
  const everyMs = intervalOf(schedule.every);
  if (everyMs !== undefined) {
    const phase = Math.floor(share * everyMs);
    return new Date((Math.floor((now.getTime() - phase) / everyMs) + 1) * everyMs + phase);
  }
  if (cron === undefined || times === undefined) return undefined;
  const timing = { cron: cron.trim(), everyMs: null, timeZone, anchorAt: 0, startsAt: null, endsAt: null };
  const at = times.next(timing, now.getTime());
  if (at === undefined) return undefined;
  const following = times.next(timing, at) ?? at;
  return new Date(at + Math.floor(share * SPREAD * (following - at)));
}

/**
 * When a stream is tried again after failures in a row: at the time of its schedule, or after a pause, which
 * is earlier. Null if a person has to start it.
 */
export function nextAfterFailure(failures: number, scheduled: Date | undefined, now: Date): Date | null {
  const pauseMs = growingPauseMs(failures, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
  const again = new Date(now.getTime() + pauseMs);
  if (scheduled !== undefined) return scheduled < again ? scheduled : again;
  return failures < TRIES_WITHOUT_SCHEDULE ? again : null;
}

/** From 0 to 1, always the same for a stream. */
function shareOf(streamId: string): number {
  return createHash('sha256').update(streamId).digest().readUInt32BE(0) / 2 ** 32;
}
