const DAY_MS = 86_400_000;
const SECONDS = /^\d+$/;
/** The three forms of a date in HTTP. `Date` of JavaScript would also take -5 for a year. */
const DATE = /^(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,? .*\d\d:\d\d:\d\d/;

/**
 * For how long a receiver asks to be left alone, in milliseconds: more than none, at most a day. Undefined if
 * it says nothing, a time that has passed, or nonsense. Such a text must not become a pause of no length,
 * after which the receiver would be asked again at once.
 *
 * @param said the header `Retry-After`: seconds, or a date
 * @param date the header `Date` of the same answer. The two are by one clock, which need not be right.
 */
export function retryAfterMs(
  said: string | undefined,
  date: string | undefined,
  now = new Date(),
): number | undefined {
  const text = (said ?? '').trim();
  const ms = SECONDS.test(text)
    ? Number(text) * 1_000
    : (timeOf(text) ?? 0) - (timeOf(date ?? '') ?? now.getTime());
  return ms > 0 ? Math.min(ms, DAY_MS) : undefined;
}

function timeOf(text: string): number | undefined {
  // A date without a zone is in GMT, as all dates of HTTP are.
  const time = DATE.test(text) ? Date.parse(/GMT$/.test(text) ? text : `${text} GMT`) : Number.NaN;
  return Number.isNaN(time) ? undefined : time;
}
