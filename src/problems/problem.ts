import type { NotedChange } from '../history/noted-change.js';
import type { FindingAction, FindingSeverity } from '../maintenance/finding.js';
import type { EstimatedCount } from '../rates/counted.js';

/**
 * `dead-letters`: events failed for good by one cause. `unavailable`: what handlers need is out of reach.
 * `unserved`: no process may work on the consumer. `orphaned`: no process has had its handlers for days.
 * `unowned`: no process works on it. `long-running`: an attempt has run for more than a minute. `paused`,
 * `behind` and `repartitioning`: it is so. `finding`: the doctor found it.
 */
export const PROBLEM_KINDS = [
  'dead-letters',
  'unavailable',
  'unserved',
  'orphaned',
  'unowned',
  'long-running',
  'behind',
  'paused',
  'repartitioning',
  'finding',
] as const;
export type ProblemKind = (typeof PROBLEM_KINDS)[number];

/**
 * How the dead letters of the last ten minutes compare with those of the ten minutes before. `over`: there
 * was none in the last ten minutes.
 */
export const PROBLEM_TRENDS = ['growing', 'steady', 'falling', 'over'] as const;
export type ProblemTrend = (typeof PROBLEM_TRENDS)[number];

/** One cause, however many consumers have it. */
export interface Problem {
  /** The same as long as the problem is there. */
  key: string;
  kind: ProblemKind;
  severity: FindingSeverity;
  /** What is wrong, as a sentence. It has no time, because `since` is shown in the zone of the reader. */
  says: string;
  /** Since when. Null if that is not known. Of dead letters: since the last hour without one. */
  since: Date | null;
  /** The consumers that have it, and the names of the first five. None if it is not about consumers. */
  consumers: { count: number; first: string[] };
  /**
   * The kind of the failure of dead letters. Null if they have several, because an error was thrown at
   * several places, or none. Null for other problems.
   */
  fingerprint: string | null;
  /** The check that made the finding. Null for other problems. */
  check: string | null;
  /** What mends it, if one call of a service does. Null if not, or if somebody has to decide what first. */
  action: FindingAction | null;
  /** Null for problems that are no dead letters. So are the next two. */
  deadLetters: EstimatedCount | null;
  /** How many came in a minute, in the last ten minutes. */
  perMinute: number | null;
  trend: ProblemTrend | null;
  /** How many came in each of the last 60 minutes, the oldest first. Empty for other problems. */
  minutes: number[];
  /** What was changed in the ten minutes before `since`, the latest first: at most five. */
  changedBefore: NotedChange[];
}

/** What may be looked at. What a person may not see is left out. */
export const PROBLEM_SOURCES = ['consumers', 'dead-letters', 'doctor', 'changes'] as const;
export type ProblemSource = (typeof PROBLEM_SOURCES)[number];

export interface ProblemRequest {
  /** Only problems that this consumer has. Findings of the doctor are left out then. */
  consumerName?: string | undefined;
  /** Number of problems: 10 by default, at most 100. */
  limit?: number | undefined;
  /** What is looked at. The default is everything. */
  sources?: readonly ProblemSource[] | undefined;
}

export interface ProblemList {
  /** When the look was taken, by the clock of this process. */
  at: Date;
  /** The worst first: by severity, then those that go on, then those with the most consumers. */
  problems: Problem[];
  /** How many more there are. */
  more: number;
  /** Checks of the doctor that could not be made. */
  notChecked: { check: string; reason: string }[];
}
