import { useRead } from '../api/use-read.ts';
import { LineChart } from '../parts/chart.tsx';
import { Loaded } from '../parts/loading.tsx';
import { perSecond, shortCount } from '../parts/number.ts';
import {
  CHARTS_AGAIN_MS,
  filled,
  hoursOf,
  lineOfWeekBefore,
  PAST_AGAIN_MS,
  SpanChoice,
  startOf,
  stepOf,
  weekBefore,
} from '../parts/span.tsx';
import { type Place, to } from '../router/router.ts';
import { AgeChart, chartOf, LatencyChart } from './rate-charts.tsx';
import { TimeAxis, useChanges } from './time-axis.tsx';

const MONTH_H = 720;

/** How fast a consumer was, how long its events took, and how far it was behind. */
export function ConsumerRatesCharts({ name, place }: { name: string; place: Place }) {
  const hours = hoursOf(place, MONTH_H);
  const from = startOf(hours);
  const changes = useChanges(from, name);
  const range = { path: { name }, query: { from, step: stepOf(hours) } };
  const again = { isLive: false, everyMs: CHARTS_AGAIN_MS };
  const rates = useRead('GET consumers/{name}/rates', range, again);
  const work = useRead('GET consumers/{name}/work', range, again);
  const past = useRead(
    'GET consumers/{name}/work',
    { path: { name }, query: weekBefore(hours) },
    { isLive: false, everyMs: PAST_AGAIN_MS },
  );
  return (
    <>
      <div class="section-head">
        <h2>Over time</h2>
        <SpanChoice place={place} most={MONTH_H} />
      </div>
      <p class="small">
        <a href={to(['heat'], { consumer: name })}>Latency and failures as heat maps</a>
      </p>
      <TimeAxis changes={changes} consumer={name} />
      <div class="grid two">
        <Loaded from={work}>
          {(of) => {
            const isKnown = ({ handledPerSecond }: (typeof of.points)[number]) => handledPerSecond !== null;
            const points = filled(place, of.points, isKnown);
            const chart = chartOf(points, isKnown, changes?.changes);
            return (
              <>
                <LineChart
                  {...chart}
                  title="Events per second"
                  lines={[
                    { name: 'handled', values: points.map((point) => point.handledPerSecond) },
                    { name: 'failed attempts', values: points.map((point) => point.failedPerSecond) },
                    ...lineOfWeekBefore(chart.times, past.data),
                  ]}
                  format={perSecond}
                />
                <LatencyChart points={points} chart={chart} />
              </>
            );
          }}
        </Loaded>
        <Loaded from={rates}>
          {(of) => {
            const isKnown = ({ backlog }: (typeof of.points)[number]) => backlog !== null;
            const points = filled(place, of.points, isKnown);
            const chart = chartOf(points, isKnown, changes?.changes);
            return (
              <>
                <AgeChart points={points} chart={chart} name="age" />
                <LineChart
                  {...chart}
                  title="Positions to read, of any name, and dead letters"
                  lines={[
                    { name: 'positions to read', values: points.map((point) => point.backlog), isPeak: true },
                    { name: 'dead letters', values: points.map((point) => point.deadLetters), isPeak: true },
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
