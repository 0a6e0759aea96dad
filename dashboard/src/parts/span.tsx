import { filterBy, type Place } from '../router/router.ts';
import type { Line } from './draw.ts';

/** The minutes are those of a step of the charts. */
const SPANS = [
  [1, 'last hour', 1],
  [6, 'last 6 hours', 1],
  [24, 'last 24 hours', 5],
  [168, 'last 7 days', 60],
  [720, 'last 30 days', 240],
] as const;
/** In minutes. After that it is the hour. */
const FILLED_MIN = [5, 15];
const HOUR_MS = 3_600_000;
const WEEK_MS = 168 * HOUR_MS;
const MINUTE_MS = 60_000;
const ZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone;
/** How often charts are read again, in milliseconds. */
export const CHARTS_AGAIN_MS = 15_000;
/** How often that of a week before is read again. */
export const PAST_AGAIN_MS = 15 * MINUTE_MS;

/** The time that charts show, from the URL. An hour, where the URL has none of those that can be chosen. */
export function hoursOf(place: Place, most: number): number {
  const asked = Number(place.query.get('hours') ?? 1);
  return SPANS.some(([hours]) => hours === asked && hours <= most) ? asked : 1;
}

/** Seconds of a step, where it is not what the server chooses: whole hours are kept for longer. */
export function stepOf(hours: number): number | undefined {
  const minutes = SPANS.find(([each]) => each === hours)?.[2] ?? 1;
  return minutes >= 60 ? minutes * 60 : undefined;
}

/**
 * The points that a chart opens with: the last five minutes or the last quarter of an hour, if nothing is known
 * of the time before, and nobody has chosen a time.
 */
export function filled<P extends { readonly at: string }>(
  place: Place,
  points: readonly P[],
  isKnown: (point: P) => boolean,
): readonly P[] {
  const first = points.find(isKnown);
  if (place.query.has('hours') || first === undefined) return points;
  const known = Date.now() - new Date(first.at).getTime();
  const shown = FILLED_MIN.find((minutes) => known <= minutes * MINUTE_MS);
  if (shown === undefined) return points;
  return points.filter(({ at }) => new Date(at).getTime() >= Date.now() - (shown + 1) * MINUTE_MS);
}

/** The time rounded down to a whole step. So the steps of a chart do not move with each reading. */
export function startOf(hours: number): string {
  const minutes = SPANS.find(([each]) => each === hours)?.[2] ?? 1;
  const stepMs = minutes * MINUTE_MS;
  return new Date(Math.floor((Date.now() - hours * HOUR_MS) / stepMs) * stepMs).toISOString();
}

/** The same time a week before, in steps of hours, because minutes are not kept that long. */
export function weekBefore(hours: number): { from: string; to: string; step: number } {
  const step = stepOf(hours) ?? HOUR_MS / 1_000;
  const atStep = (ms: number) => new Date(Math.floor(ms / (step * 1_000)) * step * 1_000);
  const now = Date.now() - WEEK_MS;
  return {
    from: atStep(now - hours * HOUR_MS).toISOString(),
    to: atStep(now + step * 1_000).toISOString(),
    step,
  };
}

interface Past {
  readonly from: string;
  readonly step: number;
  readonly points: readonly { readonly handledPerSecond: number | null }[];
}

/** A line of a week before: for each time the value of the step that it was in. None if nothing is known of it. */
export function lineOfWeekBefore(times: readonly number[], past: Past | undefined): Line[] {
  if (past === undefined) return [];
  const begin = Date.parse(past.from) + WEEK_MS;
  const values = times.map((time) => {
    const point = past.points[Math.floor((time - begin) / (past.step * 1_000))];
    return point?.handledPerSecond ?? null;
  });
  if (values.every((value) => value === null)) return [];
  return [{ name: 'handled a week before, by the hour', values, isPast: true }];
}

/** Lets somebody choose the time that charts show. */
export function SpanChoice({
  place,
  most,
  byDefault = 'last hour, or what is known of it',
}: {
  place: Place;
  most: number;
  byDefault?: string;
}) {
  return (
    <div class="small inline span-choice">
      <label>
        Charts show the{' '}
        <select
          value={place.query.has('hours') ? String(hoursOf(place, most)) : ''}
          onChange={(event) => filterBy(place, { hours: event.currentTarget.value })}
        >
          <option value="">{byDefault}</option>
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
