import { filterBy, type Place } from '../router/router.ts';

const SPANS = [
  [1, 'last hour'],
  [6, 'last 6 hours'],
  [24, 'last day'],
  [168, 'last week'],
] as const;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** How often charts are read again, in milliseconds. */
export const CHARTS_AGAIN_MS = 15_000;

/** The time that charts show, from the URL. An hour, where the URL has none of those that can be chosen. */
export function hoursOf(place: Place, most: number): number {
  const asked = Number(place.query.get('hours') ?? 1);
  return SPANS.some(([hours]) => hours === asked && hours <= most) ? asked : 1;
}

/** The time rounded to minutes, so that the same hour is not another question at each turn. */
export function startOf(hours: number): string {
  return new Date(Math.floor((Date.now() - hours * HOUR_MS) / MINUTE_MS) * MINUTE_MS).toISOString();
}

/** Lets somebody choose the time that charts show. */
export function SpanChoice({ place, most }: { place: Place; most: number }) {
  return (
    <label class="small inline span-choice">
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
    </label>
  );
}
