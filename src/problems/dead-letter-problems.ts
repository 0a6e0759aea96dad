import type { EstimatedCount } from '../rates/counted.js';
import { estimatedTo } from '../rates/counted.js';
import { firstLine } from '../words/first-line.js';
import { wholeText } from '../words/number-text.js';
import type { Cause, CauseDetails } from './cause.store.js';
import type { Problem, ProblemTrend } from './problem.js';

const LONGEST_ERROR = 300;
const TREND_MINUTES = 10;
/** A number has to differ by a fifth before it is called growing or falling. */
const NOTABLE = 1.2;

/** The dead letters of one cause, as a problem. */
export function problemOfCause({ cause, details }: Cause & { readonly details: CauseDetails }): Problem {
  const { minutes, consumers, first, since, counted, size } = details;
  const deadLetters = estimatedTo(counted, size);
  const trend = trendOf(minutes);
  const perMinute = rounded(sum(minutes.slice(-TREND_MINUTES)) / TREND_MINUTES);
  const who = consumers === 1 ? (first[0] ?? '') : `${wholeText(consumers)} consumers`;
  const error = details.error === null ? 'no error is known' : firstLine(details.error, LONGEST_ERROR);
  return {
    key: `dead-letters/${cause ?? 'none'}`,
    kind: 'dead-letters',
    severity: 'critical',
    says: `${who}: ${error}: ${lettersOf(deadLetters)}, ${paceOf(perMinute, trend)}`,
    since,
    consumers: { count: consumers, first },
    fingerprint: details.kind,
    check: null,
    action: null,
    deadLetters,
    perMinute,
    trend,
    minutes,
    changedBefore: [],
  };
}

/** `297 dead letters`, `~12,000 dead letters` */
function lettersOf({ count: counted, atLeast, estimate }: EstimatedCount): string {
  if (counted === 1 && !atLeast) return '1 dead letter';
  return `${atLeast ? '~' : ''}${wholeText(estimate)} dead letters`;
}

function paceOf(perMinute: number, trend: ProblemTrend): string {
  if (trend === 'over') return `none in the last ${TREND_MINUTES} minutes`;
  return `${perMinute < 1 ? 'less than one' : wholeText(perMinute)} a minute, ${trend}`;
}

function trendOf(minutes: readonly number[]): ProblemTrend {
  const now = sum(minutes.slice(-TREND_MINUTES));
  const before = sum(minutes.slice(-2 * TREND_MINUTES, -TREND_MINUTES));
  if (now === 0) return 'over';
  if (now > before * NOTABLE) return 'growing';
  return now * NOTABLE < before ? 'falling' : 'steady';
}

function rounded(value: number): number {
  return value < 10 ? Math.round(value * 10) / 10 : Math.round(value);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
