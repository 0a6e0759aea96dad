import { useRead } from '../api/use-read.ts';
import { LineChart } from '../parts/chart.tsx';
import { Loaded } from '../parts/loading.tsx';
import { duration, perSecond, shortCount } from '../parts/number.ts';
import { filterBy, type Place } from '../router/router.ts';

const HOUR_MS = 3_600_000;
const SPANS = [
  ['1', 'the last hour'],
  ['6', 'the last 6 hours'],
  ['24', 'the last day'],
  ['168', 'the last week'],
] as const;
const READ_AGAIN_MS = 30_000;
const NOTHING = 'There are no samples of this time yet. One process writes one every ten seconds.';

/** How fast a consumer was, and how far behind. */
export function ConsumerRatesCharts({ name, place }: { name: string; place: Place }) {
  const hours = Number(place.query.get('hours') ?? 1);
  const reading = useRead(
    'GET consumers/{name}/rates',
    // The time is rounded, so that the same hour is not another question at each turn.
    { path: { name }, query: { from: roundedStart(hours) } },
    { isLive: false, everyMs: READ_AGAIN_MS },
  );
  return (
    <>
      <label class="small inline">
        Show{' '}
        <select
          value={String(hours)}
          onChange={(event) => filterBy(place, { hours: event.currentTarget.value })}
        >
          {SPANS.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <Loaded from={reading}>
        {({ points }) => {
          const known = points.some(
            ({ settledPerSecond, backlog }) => settledPerSecond !== null || backlog !== null,
          );
          const times = known ? points.map(({ at }) => new Date(at).getTime()) : [];
          return (
            <div class="grid three">
              <LineChart
                title="Rates of the consumer"
                times={times}
                lines={[
                  { name: 'settled a second', values: points.map((point) => point.settledPerSecond) },
                  { name: 'published a second', values: points.map((point) => point.publishedPerSecond) },
                ]}
                format={perSecond}
                empty={NOTHING}
              />
              <LineChart
                title="How far behind it was"
                times={times}
                lines={[{ name: 'lag', values: points.map((point) => point.lagSeconds) }]}
                format={duration}
                empty={NOTHING}
              />
              <LineChart
                title="Backlog and dead letters"
                times={times}
                lines={[
                  { name: 'positions to read', values: points.map((point) => point.backlog) },
                  { name: 'dead letters', values: points.map((point) => point.deadLetters) },
                ]}
                format={shortCount}
                empty={NOTHING}
              />
            </div>
          );
        }}
      </Loaded>
    </>
  );
}

function roundedStart(hours: number): string {
  const minute = 60_000;
  return new Date(Math.floor((Date.now() - hours * HOUR_MS) / minute) * minute).toISOString();
}
