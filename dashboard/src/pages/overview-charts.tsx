import type { EngineRates } from '../api/schemas.ts';
import { LineChart } from '../parts/chart.tsx';
import { duration, perSecond, shortCount } from '../parts/number.ts';
import { agesOf } from './ages.ts';

const NOTHING =
  'Nothing is known of this time yet. Processes that run consumers write these figures every ten seconds.';

/** How fast everything was, over time. */
export function OverviewCharts({ rates: { points, busiest } }: { rates: EngineRates }) {
  const isKnown = points.some(
    ({ backlog, handledPerSecond }) => backlog !== null || handledPerSecond !== null,
  );
  const chart = {
    times: isKnown ? points.map(({ at }) => new Date(at).getTime()) : [],
    empty: NOTHING,
  };
  return (
    <>
      <LineChart
        {...chart}
        title="Events per second"
        lines={[
          { name: 'published', values: points.map((point) => point.publishedPerSecond) },
          { name: 'handled, all consumers', values: points.map((point) => point.handledPerSecond) },
          { name: 'failed attempts', values: points.map((point) => point.failedPerSecond) },
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
      <LineChart
        {...chart}
        title="Latency: from created to handled"
        lines={[
          { name: 'half of the events within', values: points.map((point) => point.latencyMedianSeconds) },
          { name: '95 % of the events within', values: points.map((point) => point.latencyP95Seconds) },
        ]}
        format={duration}
        least={0.1}
      />
      <LineChart
        {...chart}
        title="Age of the oldest waiting event"
        lines={[{ name: 'slowest consumer', values: agesOf(points) }]}
        format={duration}
      />
      <LineChart
        {...chart}
        title="Events to read"
        lines={[{ name: 'all consumers', values: points.map((point) => point.backlog) }]}
        format={shortCount}
      />
    </>
  );
}
