import { useRead } from '../api/use-read.ts';
import { LineChart } from '../parts/chart.tsx';
import { Loaded } from '../parts/loading.tsx';
import { duration, perSecond, shortCount } from '../parts/number.ts';
import { CHARTS_AGAIN_MS, hoursOf, SpanChoice, startOf } from '../parts/span.tsx';
import type { Place } from '../router/router.ts';
import { agesOf } from './ages.ts';

const WEEK_H = 168;
const NOTHING =
  'Nothing is known of this time yet. Processes that run consumers write these figures every ten seconds.';

/** How fast a consumer was, how long its events took, and how far it was behind. */
export function ConsumerRatesCharts({ name, place }: { name: string; place: Place }) {
  const range = { path: { name }, query: { from: startOf(hoursOf(place, WEEK_H)) } };
  const again = { isLive: false, everyMs: CHARTS_AGAIN_MS };
  const rates = useRead('GET consumers/{name}/rates', range, again);
  const work = useRead('GET consumers/{name}/work', range, again);
  return (
    <>
      <div class="section-head">
        <h2>Over time</h2>
        <SpanChoice place={place} most={WEEK_H} />
      </div>
      <div class="grid two">
        <Loaded from={work}>
          {({ points }) => {
            const chart = {
              times: timesOf(points, ({ handledPerSecond }) => handledPerSecond !== null),
              empty: NOTHING,
            };
            return (
              <>
                <LineChart
                  {...chart}
                  title="Events per second"
                  lines={[
                    { name: 'handled', values: points.map((point) => point.handledPerSecond) },
                    { name: 'failed attempts', values: points.map((point) => point.failedPerSecond) },
                  ]}
                  format={perSecond}
                />
                <LineChart
                  {...chart}
                  title="Latency: from created to handled"
                  lines={[
                    {
                      name: 'half of the events within',
                      values: points.map((point) => point.latencyMedianSeconds),
                    },
                    {
                      name: '95 % of the events within',
                      values: points.map((point) => point.latencyP95Seconds),
                    },
                  ]}
                  format={duration}
                  least={0.1}
                />
              </>
            );
          }}
        </Loaded>
        <Loaded from={rates}>
          {({ points }) => {
            const chart = { times: timesOf(points, ({ backlog }) => backlog !== null), empty: NOTHING };
            return (
              <>
                <LineChart
                  {...chart}
                  title="Age of the oldest waiting event"
                  lines={[{ name: 'age', values: agesOf(points) }]}
                  format={duration}
                />
                <LineChart
                  {...chart}
                  title="Events to read, and dead letters"
                  lines={[
                    { name: 'to read', values: points.map((point) => point.backlog) },
                    { name: 'dead letters', values: points.map((point) => point.deadLetters) },
                  ]}
                  format={shortCount}
                />
              </>
            );
          }}
        </Loaded>
      </div>
    </>
  );
}

/** No times if nothing is known of any of the points. */
function timesOf<P extends { readonly at: string }>(
  points: readonly P[],
  isKnown: (point: P) => boolean,
): number[] {
  return points.some(isKnown) ? points.map(({ at }) => new Date(at).getTime()) : [];
}
