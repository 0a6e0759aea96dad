import type { HeatMap as Maps } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import type { ChangeMark } from '../parts/chart.tsx';
import { HeatMap } from '../parts/heat-map.tsx';
import { ConsumerLink } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { count, counted, duration } from '../parts/number.ts';
import { Page } from '../parts/page.tsx';
import { CHARTS_AGAIN_MS, hoursOf, SpanChoice, startOf } from '../parts/span.tsx';
import { absolute } from '../parts/time.tsx';
import { filterBy, type Place, to } from '../router/router.ts';
import { TimeAxis, useChanges } from './time-axis.tsx';

const MONTH_H = 720;
const DAY_H = 24;
const ALL = 500;

/** How long events took and where attempts failed, over time. A window that was dragged leads here too. */
export function HeatPage({ place }: { place: Place }) {
  const consumer = place.query.get('consumer') ?? undefined;
  const given = place.query.get('from') ?? undefined;
  const until = place.query.get('to') ?? undefined;
  const isAll = place.query.has('all');
  const from = given ?? startOf(place.query.has('hours') ? hoursOf(place, MONTH_H) : DAY_H);
  const changes = useChanges(from, consumer);
  const map = useRead(
    'GET heat',
    { query: { from, to: until, consumer, limit: isAll ? ALL : undefined } },
    { isLive: false, everyMs: CHARTS_AGAIN_MS },
  );
  return (
    <Page
      title="Latency and failures"
      about={
        consumer === undefined ? (
          'How many events took how long, and at which consumers attempts failed. The stronger the colour, the more.'
        ) : (
          <>
            Of the consumer <ConsumerLink name={consumer} /> only.{' '}
            <a href={to(['heat'])}>See all consumers</a>
          </>
        )
      }
    >
      {given === undefined ? (
        <SpanChoice place={place} most={MONTH_H} byDefault="last 24 hours" />
      ) : (
        <p class="small inline">
          From {absolute(new Date(given))} to {until === undefined ? 'now' : absolute(new Date(until))}.{' '}
          <a href={to(['heat'], { consumer })}>See the last 24 hours</a>
        </p>
      )}
      <TimeAxis changes={changes} consumer={consumer} />
      <Loaded from={map}>
        {(maps) => <BothMaps maps={maps} place={place} isAll={isAll} changes={changes?.changes ?? []} />}
      </Loaded>
    </Page>
  );
}

function BothMaps({
  maps,
  place,
  isAll,
  changes,
}: {
  maps: Maps;
  place: Place;
  isAll: boolean;
  changes: readonly ChangeMark[];
}) {
  const { step, steps, latencyBounds, failing, others } = maps;
  const shared = { times: steps.map(({ at }) => Date.parse(at)), stepMs: step * 1_000, changes };
  const classes = latencyBounds.map((bound, index) => ({
    name:
      bound === null ? `more than ${duration(latencyBounds[index - 1] ?? 0)}` : `up to ${duration(bound)}`,
    values: steps.map(({ latency }) => latency && (latency[index] ?? 0)),
  }));
  const consumers = failing.map(({ consumerName, steps: values }) => ({
    name: consumerName,
    href: to(['consumers', consumerName]),
    values,
  }));
  const rest =
    others.consumers === 0 ? [] : [{ name: `${counted(others.consumers, 'other')}`, values: others.steps }];
  return (
    <div class="stack">
      <HeatMap
        {...shared}
        title="Latency: from created to handled"
        what="events"
        of="Latency"
        rows={classes.reverse()}
        empty="No event was handled in this time."
      />
      <HeatMap
        {...shared}
        title="Failed attempts, the worst first"
        what="failed attempts"
        of="Consumer"
        rows={[...consumers, ...rest]}
        empty="No attempt failed in this time."
      />
      {others.consumers > 0 && !isAll && (
        <p>
          {counted(others.consumers, 'other consumer')} had {count(others.failed)} failed attempts.{' '}
          <button type="button" class="link" onClick={() => filterBy(place, { all: 'yes' })}>
            Show them as well
          </button>
        </p>
      )}
    </div>
  );
}
