import { useRead } from '../api/use-read.ts';
import { LineChart } from '../parts/chart.tsx';
import { Loaded } from '../parts/loading.tsx';
import { perSecond, shortCount } from '../parts/number.ts';
import { CHARTS_AGAIN_MS, hoursOf, SpanChoice, startOf } from '../parts/span.tsx';
import type { Place } from '../router/router.ts';
import { AgeChart, chartOf, LatencyChart } from './rate-charts.tsx';

const WEEK_H = 168;

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
            const chart = chartOf(points, ({ handledPerSecond }) => handledPerSecond !== null);
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
                <LatencyChart points={points} chart={chart} />
              </>
            );
          }}
        </Loaded>
        <Loaded from={rates}>
          {({ points }) => {
            const chart = chartOf(points, ({ backlog }) => backlog !== null);
            return (
              <>
                <AgeChart points={points} chart={chart} name="age" />
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
