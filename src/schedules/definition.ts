import type { Times } from '../timing/timing.js';
import { intervalOf, problemsOfTiming } from '../timing/timing-checks.js';
import { problemsOfUnknownNames } from '../words/known-names.js';
import { problemOfText } from '../words/text.js';
import { MISSED, type MissedTimes, OVERLAPS, type Overlap } from './decide.js';
import { jsonCopy } from './payload.js';
import { consumerOf, type ScheduleDefinition } from './schedule.js';

/** A schedule's name is a part of names of events and of its consumer. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,99}$/i;
const LONGEST_CONSUMER = 127;
const MOST_LIMIT = 2_147_483_647;

/** A definition that was checked, as the table has it. */
export interface CheckedSchedule {
  readonly cron: string | null;
  readonly everyMs: number | null;
  readonly timeZone: string;
  readonly startsAt: number | null;
  readonly endsAt: number | null;
  readonly limit: number | null;
  readonly missed: MissedTimes;
  readonly overlap: Overlap;
  readonly consumerName: string;
  /** JSON text. */
  readonly payload: string;
}

/** The fields of a definition. `consumerName` is for `upsert` alone. */
export const TIMING_FIELDS = [
  'cron',
  'every',
  'timeZone',
  'startAt',
  'endAt',
  'limit',
  'missed',
  'overlap',
  'payload',
] as const satisfies (keyof ScheduleDefinition)[];

export type Checked =
  | { readonly schedule: CheckedSchedule; readonly problems: readonly [] }
  | { readonly schedule: undefined; readonly problems: readonly string[] };

type Given = Readonly<Record<string, unknown>>;

export function problemOfScheduleName(name: unknown): string | undefined {
  if (typeof name === 'string' && NAME.test(name)) return undefined;
  return 'name must have 1 to 100 letters, digits, ".", "_" and "-", and begin with a letter or a digit';
}

/**
 * Checks a definition. What is wrong is told at once, one sentence each. `known` are the fields that it may
 * have.
 */
export function checkDefinition(
  name: string,
  definition: unknown,
  times: Times,
  { known, kind }: { known: readonly string[]; kind: string },
): Checked {
  if (typeof definition !== 'object' || definition === null)
    return refused(['a schedule is an object with cron or every']);
  const given = definition as Given;
  const everyMs = intervalOf(given.every);
  const payload = jsonCopy(given.payload);
  const problems = [
    ...problemsOfUnknownNames(given, { known, kind }),
    ...problemsOfTiming(given, everyMs, times),
    ...problemsOfBounds(given),
    ...problemsOfChoices(given),
    ...(given.consumerName === undefined
      ? []
      : textProblem('consumerName', given.consumerName, LONGEST_CONSUMER)),
    ...(payload.problem === undefined ? [] : [payload.problem]),
  ];
  if (problems.length > 0) return refused(problems);
  const {
    cron,
    timeZone = 'UTC',
    startAt,
    endAt,
    limit,
    missed = 'once',
    consumerName,
  } = given as ScheduleDefinition;
  const schedule: CheckedSchedule = {
    cron: cron === undefined ? null : cron.trim(),
    everyMs: everyMs ?? null,
    timeZone,
    startsAt: startAt?.getTime() ?? null,
    endsAt: endAt?.getTime() ?? null,
    limit: limit ?? null,
    missed,
    overlap: (given.overlap as Overlap | undefined) ?? (missed === 'all' ? 'queue' : 'skip'),
    consumerName: consumerName ?? consumerOf(name),
    payload: payload.json,
  };
  const never = neverDue(schedule, times);
  return never === undefined ? { schedule, problems: [] } : refused([never]);
}

function refused(problems: readonly string[]): Checked {
  return { schedule: undefined, problems };
}

function problemsOfBounds({ startAt, endAt, limit }: Given): string[] {
  const isTime = (value: unknown) => value instanceof Date && Number.isFinite(value.getTime());
  const isLimit = Number.isInteger(limit) && Number(limit) >= 1 && Number(limit) <= MOST_LIMIT;
  return [
    ...(startAt === undefined || isTime(startAt) ? [] : ['startAt must be a Date']),
    ...(endAt === undefined || isTime(endAt) ? [] : ['endAt must be a Date']),
    ...(isTime(startAt) && isTime(endAt) && Number(startAt) > Number(endAt)
      ? ['endAt must not be before startAt']
      : []),
    ...(limit === undefined || isLimit ? [] : [`limit must be a whole number from 1 to ${MOST_LIMIT}`]),
  ];
}

function problemsOfChoices({ missed, overlap }: Given): string[] {
  const choice = (name: string, value: unknown, choices: readonly unknown[]) =>
    value === undefined || choices.includes(value) ? [] : [`${name} must be one of ${choices.join(', ')}`];
  return [
    ...choice('missed', missed, MISSED),
    ...choice('overlap', overlap, OVERLAPS),
    ...(missed === 'all' && overlap === 'skip'
      ? ["missed: 'all' needs overlap: 'queue', because each missed time would skip the one behind it"]
      : []),
  ];
}

function textProblem(field: string, value: unknown, most: number): string[] {
  const problem = problemOfText(value, most);
  return problem === undefined ? [] : [`${field} ${problem}`];
}

/** A pattern may name a day that no year has, and the bounds may hold no time. */
function neverDue(
  { cron, everyMs, timeZone, startsAt, endsAt }: CheckedSchedule,
  times: Times,
): string | undefined {
  const anchorAt = startsAt ?? 0;
  const timing = { cron, everyMs, timeZone, anchorAt, startsAt, endsAt: null };
  const first = times.next(timing, startsAt === null ? Date.now() : startsAt - 1);
  if (first === undefined) return `cron ${JSON.stringify(cron)} names a time that never comes`;
  return startsAt !== null && endsAt !== null && first > endsAt
    ? 'no time lies between startAt and endAt'
    : undefined;
}
