import type { Times, Timing } from '../timing/timing.js';

/** What becomes of times at which nobody could publish. */
export type MissedTimes = 'once' | 'skip' | 'all';
export const MISSED: readonly MissedTimes[] = ['once', 'skip', 'all'];

/** What becomes of a time at which the event of the one before is not done. */
export type Overlap = 'skip' | 'queue';
export const OVERLAPS: readonly Overlap[] = ['skip', 'queue'];

/** How many of the times that were missed are published at most, the last ones. */
export const MOST_MISSED = 1_000;

/** A schedule that is due. */
export interface DueSchedule extends Timing {
  readonly nextAt: number;
  /** How many events may still be published. Null if there is no limit. */
  readonly left: number | null;
  readonly missed: MissedTimes;
  readonly overlap: Overlap;
}

export interface Decision {
  /** The times whose events are published, in their order. */
  readonly publish: readonly number[];
  /** How many of the times are skipped, because the last event is not done, or another time is published. */
  readonly skipped: number;
  /** Whether the times are published late, as `missed` says. */
  readonly isMissed: boolean;
  /** Undefined if the schedule has ended. */
  readonly nextAt: number | undefined;
  readonly left: number | null;
}

export interface At {
  /** By the database's clock. */
  readonly now: number;
  /** A time that is later than this was missed. What a takeover takes is less. */
  readonly graceMs: number;
  /** Whether the schedule's last event is not done. */
  readonly isBusy: boolean;
}

/**
 * What a tick does with one schedule. It has no state and no clock of its own, so a year can be played
 * through.
 *
 * Each time within `graceMs` is published, however many there are. As soon as one is older, all that are due
 * count as missed, and `missed` decides.
 */
export function decide(times: Times, schedule: DueSchedule, { now, graceMs, isBusy }: At): Decision {
  const { nextAt, left, missed, overlap } = schedule;
  const due = times.lastBetween(schedule, nextAt, now, MOST_MISSED);
  const isMissed = now - nextAt > graceMs;
  const chosen = isMissed ? chosenOf(due, missed, now - graceMs) : due;
  const allowed = left === null ? chosen : chosen.slice(0, left);
  const publish = overlap === 'queue' ? allowed : isBusy ? [] : allowed.slice(-1);
  const rest = left === null ? null : left - publish.length;
  return {
    publish,
    skipped: allowed.length - publish.length,
    isMissed,
    nextAt: rest === 0 ? undefined : times.next(schedule, now),
    left: rest,
  };
}

function chosenOf(due: readonly number[], missed: MissedTimes, onTime: number): readonly number[] {
  if (missed === 'all') return due;
  return missed === 'once' ? due.slice(-1) : due.filter((at) => at >= onTime);
}
