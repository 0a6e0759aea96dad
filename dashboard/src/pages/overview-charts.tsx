import type { ChangeHistory, EngineRates } from '../api/schemas.ts';
import { LineChart } from '../parts/chart.tsx';
import { perSecond, shortCount } from '../parts/number.ts';
import { filled, lineOfWeekBefore } from '../parts/span.tsx';
import type { Place } from '../router/router.ts';
import { AgeChart, chartOf, LatencyChart } from './rate-charts.tsx';

/** How fast everything was, over time. */
export function OverviewCharts({
  rates,
  past,
  place,
  changes,
}: {
  rates: EngineRates;
  past: EngineRates | undefined;
  place: Place;
  changes: ChangeHistory | undefined;
}) {
  const isKnown = ({ backlog, handledPerSecond }: EngineRates['points'][number]) =>
    backlog !== null || handledPerSecond !== null;
  const points = filled(place, rates.points, isKnown);
  const busiest = rates.busiest.map((each) => ({ ...each, points: each.points.slice(-points.length) }));
  const chart = chartOf(points, isKnown, changes?.changes);
  return (
    <>
      <LineChart
        {...chart}
        title="Events per second"
        lines={[
          { name: 'published', values: points.map((point) => point.publishedPerSecond) },
          { name: 'handled, all consumers', values: points.map((point) => point.handledPerSecond) },
          { name: 'failed attempts', values: points.map((point) => point.failedPerSecond) },
          ...lineOfWeekBefore(chart.times, past),
        ]}
        format={perSecond}
      />
      <LineChart
        {...chart}
        title="Handled per second, busiest consumers"
        lines={busiest.map(({ consumerName, points: own }) => ({
          name: consumerName,
          values: own.map((point) => point.handledPerSecond),
        }))}
        format={perSecond}
      />
      <LatencyChart points={points} chart={chart} />
      <AgeChart points={points} chart={chart} name="slowest consumer, paused ones included" />
      <LineChart
        {...chart}
        title="Positions of the log to read, of any name"
        lines={[
          {
            name: 'all consumers, paused ones included',
            values: points.map((point) => point.backlog),
            isPeak: true,
          },
        ]}
        format={shortCount}
      />
    </>
  );
}
