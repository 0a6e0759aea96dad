import { messageOf } from '../errors.js';
import { durationsOf } from '../settings/durations.js';
import { problemOfText } from '../words/text.js';
import type { Times } from './timing.js';

const LONGEST_PATTERN = 255;
const LONGEST_ZONE = 63;
const SHORTEST_MS = 1_000;
/** Ten years. */
const LONGEST_MS = 3_660 * 86_400_000;

type Given = Readonly<Record<string, unknown>>;

/** Undefined without `every`, and NaN for what is none. */
export function intervalOf(every: unknown): number | undefined {
  if (every === undefined) return undefined;
  if (typeof every === 'number') return every;
  const [ms = Number.NaN, ...more] = typeof every === 'string' ? durationsOf(every) : [];
  return more.length === 0 ? ms : Number.NaN;
}

/**
 * What is wrong with `cron` or `every`, and `timeZone`. `times` may be left out where there is no pattern.
 */
export function problemsOfTiming(
  given: Given,
  everyMs: number | undefined,
  times: Times | undefined,
): string[] {
  const { cron, timeZone } = given;
  if ((cron === undefined) === (everyMs === undefined)) return ['give either cron or every'];
  const zone = timeZone === undefined ? [] : problemsOfZone(timeZone);
  if (everyMs !== undefined) {
    const isRight = Number.isSafeInteger(everyMs) && everyMs >= SHORTEST_MS && everyMs <= LONGEST_MS;
    return isRight
      ? zone
      : [
          'every must be milliseconds, or a text such as 90s, 15m, 6h or 1d: from a second to ten years',
          ...zone,
        ];
  }
  return [...problemsOfPattern(cron, times), ...zone];
}

function problemsOfPattern(cron: unknown, times: Times | undefined): string[] {
  const text = textProblem('cron', cron, LONGEST_PATTERN);
  if (text.length > 0) return text;
  // croner takes a date for a pattern as well, and is due once then.
  const pattern = String(cron).trim();
  const fields = pattern.split(/\s+/).length;
  if (!pattern.startsWith('@') && (fields < 5 || fields > 7))
    return [`cron ${JSON.stringify(cron)} must have five fields, or six with seconds`];
  try {
    times?.checkPattern(pattern);
    return [];
  } catch (error) {
    return [`cron ${JSON.stringify(cron)} cannot be read: ${messageOf(error)}`];
  }
}

function problemsOfZone(timeZone: unknown): string[] {
  const text = textProblem('timeZone', timeZone, LONGEST_ZONE);
  if (text.length > 0) return text;
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: String(timeZone) });
    return [];
  } catch {
    return [`timeZone ${JSON.stringify(timeZone)} is not the name of a zone, such as Europe/Berlin or UTC`];
  }
}

function textProblem(field: string, value: unknown, most: number): string[] {
  const problem = problemOfText(value, most);
  return problem === undefined ? [] : [`${field} ${problem}`];
}
