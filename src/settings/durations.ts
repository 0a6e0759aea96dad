const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A whole number and a unit, as in `5s` or `250ms`. */
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/;

/**
 * The milliseconds of a list of durations such as `5s,5m,30m`. The units are ms, s, m, h and d. An item that
 * is not a duration is NaN.
 */
export function durationsOf(text: string): number[] {
  return text.split(',').map((item) => {
    const [, count, unit = ''] = DURATION.exec(item.trim()) ?? [];
    return count === undefined ? Number.NaN : Number(count) * (UNIT_MS[unit] ?? Number.NaN);
  });
}

/** The same list without spaces, so that equal lists are equal texts. */
export function plainDurations(text: string): string {
  return text
    .split(',')
    .map((item) => item.trim())
    .join(',');
}
