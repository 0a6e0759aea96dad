import { useEffect, useState } from 'preact/hooks';
import type { OperationWithVerdict } from '../api/schemas.ts';
import { LineChart } from '../parts/chart.tsx';
import { count } from '../parts/number.ts';
import { TimeAxis, useChanges } from './time-axis.tsx';

interface Point {
  readonly at: number;
  readonly sent: number;
  readonly handled: number;
  readonly failed: number;
}

/** More points than this are thinned out: every second one goes. */
const MOST_POINTS = 400;

/** What was sent, handled and has failed, since this page was opened. It grows with each look. */
export function OperationChart({ operation }: { operation: OperationWithVerdict }) {
  const [points, setPoints] = useState<readonly Point[]>([]);
  useEffect(() => {
    const { changed, verdict } = operation;
    const failed = verdict.failedTheSameWay + verdict.failedOtherwise;
    // A verdict stops counting what was handled. What is neither under way nor has failed was handled.
    const handled = verdict.isPartial ? Math.max(0, changed - verdict.pending - failed) : verdict.succeeded;
    const point = { at: Date.now(), sent: changed, handled, failed };
    setPoints((before) => [
      ...(before.length < MOST_POINTS ? before : before.filter((_, index) => index % 2 === 0)),
      point,
    ]);
  }, [operation]);
  const { createdAt, startedAt, filter } = operation;
  const changes = useChanges(startedAt ?? createdAt, filter.consumerName);
  // What was changed before the first look has no place in the chart.
  const begin = points[0]?.at ?? Number.POSITIVE_INFINITY;
  const marked = changes && {
    ...changes,
    changes: changes.changes.filter(({ at }) => Date.parse(at) >= begin),
    more: false,
  };
  return (
    <>
      <TimeAxis changes={marked} consumer={filter.consumerName} />
      <LineChart
        title="Sent, handled and failed"
        times={points.map(({ at }) => at)}
        lines={[
          { name: 'sent', values: points.map(({ sent }) => sent) },
          { name: 'handled', values: points.map(({ handled }) => handled) },
          { name: 'failed', values: points.map(({ failed }) => failed) },
        ]}
        format={count}
        changes={marked?.changes ?? []}
        empty="The chart begins with the next look, while this page is open."
      />
    </>
  );
}
