import { filterBy, type Place } from '../router/router.ts';

/** The minutes are those of a step of the charts. */
const SPANS = [
  [1, 'last hour', 1],
  [6, 'last 6 hours', 1],
  [24, 'last 24 hours', 5],
  [168, 'last 7 days', 30],
] as const;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const ZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone;
/** How often charts are read again, in milliseconds. */
export const CHARTS_AGAIN_MS = 15_000;

/** The time that charts show, from the URL. An hour, where the URL has none of those that can be chosen. */
export function hoursOf(place: Place, most: number): number {
  const asked = Number(place.query.get('hours') ?? 1);
  return SPANS.some(([hours]) => hours === asked && hours <= most) ? asked : 1;
}

/** The time rounded down to a whole step. So the steps of a chart do not move with each reading. */
export function startOf(hours: number): string {
  const minutes = SPANS.find(([each]) => each === hours)?.[2] ?? 1;
  const stepMs = minutes * MINUTE_MS;
  return new Date(Math.floor((Date.now() - hours * HOUR_MS) / stepMs) * stepMs).toISOString();
}

/** Lets somebody choose the time that charts show. */
export function SpanChoice({ place, most }: { place: Place; most: number }) {
  return (
    <div class="small inline span-choice">
      <label>
        Charts show the{' '}
        <select
          value={String(hoursOf(place, most))}
          onChange={(event) => filterBy(place, { hours: event.currentTarget.value })}
        >
          {SPANS.filter(([hours]) => hours <= most).map(([hours, text]) => (
            <option key={hours} value={String(hours)}>
              {text}
            </option>
          ))}
        </select>
      </label>{' '}
      <span class="muted">Times are in {ZONE}.</span>
    </div>
  );
}
