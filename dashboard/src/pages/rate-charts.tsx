import { type ChangeMark, LineChart } from '../parts/chart.tsx';
import { duration } from '../parts/number.ts';

/** What a chart of figures of time says where it is empty. */
const NO_FIGURES =
  'Nothing is known of this time yet. Processes that run consumers write these figures every ten seconds.';

/** What the charts of the same points share. They have no times if nothing is known of any of the points. */
export function chartOf<P extends { readonly at: string }>(
  points: readonly P[],
  isKnown: (point: P) => boolean,
  changes: readonly ChangeMark[] = [],
): { readonly times: number[]; readonly empty: string; readonly changes: readonly ChangeMark[] } {
  const times = points.some(isKnown) ? points.map(({ at }) => new Date(at).getTime()) : [];
  return { times, empty: NO_FIGURES, changes };
}

/** How long events took from their creation until they were handled. */
export function LatencyChart({
  points,
  chart,
}: {
  points: readonly {
    readonly latencyMedianSeconds: number | null;
    readonly latencyP95Seconds: number | null;
  }[];
  chart: ReturnType<typeof chartOf>;
}) {
  return (
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
  );
}

/** How far somebody was behind. `name` says who. */
export function AgeChart({
  points,
  chart,
  name,
}: {
  points: readonly { readonly backlog: number | null; readonly lagSeconds: number | null }[];
  chart: ReturnType<typeof chartOf>;
  name: string;
}) {
  // Nothing waited where the backlog is known and the lag is not.
  const ages = points.map(({ backlog, lagSeconds }) => lagSeconds ?? (backlog === null ? null : 0));
  return (
    <LineChart
      {...chart}
      title="Age of the oldest waiting event"
      lines={[{ name, values: ages, isPeak: true }]}
      format={duration}
    />
  );
}
