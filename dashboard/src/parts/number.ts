const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** `12,345` */
export function count(value: number): string {
  return WHOLE.format(value);
}

/** `12.3K`, for axes. */
export function shortCount(value: number): string {
  return SHORT.format(value);
}

/** `1 event`, `12 events` */
export function counted(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** `10,000+` where counting has stopped. */
export function atLeast({ count: value, atLeast: isMore }: { count: number; atLeast: boolean }): string {
  return isMore ? `${count(value)}+` : count(value);
}

/** `~12,000` where counting has stopped, and the rest was estimated. */
export function estimated({ atLeast: isMore, estimate }: { atLeast: boolean; estimate: number }): string {
  return isMore ? `~${count(estimate)}` : count(estimate);
}

/** The dead letters of a consumer, a partition or all of them. */
export function deadLettersOf(of: { deadLetters: number; deadLettersAtLeast: boolean }): string {
  return atLeast({ count: of.deadLetters, atLeast: of.deadLettersAtLeast });
}

/** `20`, or `up to 3,000` where events were not counted and positions of any name stand for them. */
export function toReadText(toRead: number, isAtMost: boolean): string {
  return isAtMost ? `up to ${count(toRead)}` : count(toRead);
}

export function duration(seconds: number): string {
  if (seconds === 0) return '0 s';
  if (seconds < 0.001) return '<1 ms';
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 120)
    return `${seconds < 10 ? seconds.toFixed(1).replace(/\.0$/, '') : Math.round(seconds)} s`;
  if (seconds < 120 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3_600) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

export function bytes(value: number): string {
  if (value < 1_024) return `${value} B`;
  return value < 1_048_576 ? `${(value / 1_024).toFixed(1)} KB` : `${(value / 1_048_576).toFixed(1)} MB`;
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

/** `12.5/s`, for events in a second. What is very little is not shown as nothing. */
export function perSecond(value: number | null): string {
  if (value === null) return 'not known';
  if (value >= 100) return `${count(value)}/s`;
  if (value > 0 && value < 0.01) return '<0.01/s';
  return `${trimmed(value, value < 10 ? 2 : 1)}/s`;
}
