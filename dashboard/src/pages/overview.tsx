import type { Overview, TroubleList } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { useLive } from '../live/live.ts';
import { Bars } from '../parts/chart.tsx';
import { Empty } from '../parts/empty.tsx';
import { Loaded } from '../parts/loading.tsx';
import { count, deadLettersOf, duration, perSecond, toReadText } from '../parts/number.ts';
import { Page, Panel } from '../parts/page.tsx';
import {
  CHARTS_AGAIN_MS,
  hoursOf,
  PAST_AGAIN_MS,
  SpanChoice,
  startOf,
  stepOf,
  weekBefore,
} from '../parts/span.tsx';
import { Mark } from '../parts/status.tsx';
import { Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';
import { WALL } from '../section.ts';
import { OverviewCharts } from './overview-charts.tsx';
import { ProblemLines } from './problem-lines.tsx';
import { TimeAxis, useChanges } from './time-axis.tsx';

const MONTH_H = 720;

/**
 * How everything does, and what is wrong, in sentences that lead to where it is mended. What is wrong comes
 * first: from the start of the page it is one Tab away.
 */
export function OverviewPage({ place }: { place: Place }) {
  const { look, mode } = useLive();
  const isWall = place.path[0] === WALL;
  const untilThen = mode === 'lost' ? 'The server does not answer.' : 'Loading…';
  const problems = useRead('GET problems', {});
  const hours = hoursOf(place, MONTH_H);
  const from = startOf(hours);
  const changes = useChanges(from);
  const rates = useRead(
    'GET rates',
    { query: { from, step: stepOf(hours) } },
    { isLive: false, everyMs: CHARTS_AGAIN_MS },
  );
  const past = useRead('GET rates', { query: weekBefore(hours) }, { isLive: false, everyMs: PAST_AGAIN_MS });
  const done = rates.data?.points.findLast(({ handledPerSecond }) => handledPerSecond !== null);
  return (
    <Page
      title="Overview"
      about={look === undefined ? untilThen : <LookedAt at={look.at} />}
      acts={isWall ? <a href={to(['overview'])}>Back to the dashboard</a> : undefined}
    >
      <Loaded from={problems}>
        {(list) => <Problems list={list} hasConsumers={look?.consumers !== 0} onDone={problems.reload} />}
      </Loaded>
      {!isWall && (
        <p class="small">
          <a href={to(['incident'])}>Report of an incident</a> · <a href={to([WALL])}>Show it on a wall</a>
        </p>
      )}
      <ul class="figures">
        <Figure
          name="Published"
          value={look && perSecond(look.publishedPerSecond)}
          note="mean of the last minute"
          href={to(['events'])}
        />
        <Figure
          name="Handled"
          value={rates.data && perSecond(done?.handledPerSecond ?? null)}
          note={done && `${perSecond(done.failedPerSecond)} attempts failed`}
          href={to(['consumers'])}
        />
        <Figure
          name="Events to read"
          value={look && toReadText(look.toRead, look.toReadAtMost)}
          note={
            look && look.paused > 0
              ? `${toReadText(look.pausedToRead, look.toReadAtMost)} of them at paused consumers`
              : undefined
          }
          href={to(['consumers'])}
        />
        <Figure
          name="Oldest waiting event"
          value={look && (look.oldestSeconds === null ? 'none' : duration(look.oldestSeconds))}
          note={look && look.paused > 0 ? 'paused consumers included' : undefined}
          href={to(['consumers'])}
        />
        <Figure
          name="Dead letters"
          value={look && deadLettersOf(look)}
          isBad={(look?.deadLetters ?? 0) > 0}
          href={to(['dead-letters'])}
        />
        <Figure
          name="Consumers"
          value={look && count(look.consumers)}
          note={look && look.paused > 0 ? `${count(look.paused)} paused` : undefined}
          href={to(['consumers'])}
        />
      </ul>
      <div class="section-head">
        <h2>Over time</h2>
        <SpanChoice place={place} most={MONTH_H} />
      </div>
      <p class="small">
        <a href={to(['heat'])}>Latency and failures as heat maps</a>
      </p>
      <TimeAxis changes={changes} />
      <Loaded from={rates}>
        {(data) => (
          <div class="grid two">
            <OverviewCharts rates={data} past={past.data} place={place} changes={changes} />
            {look && <Backlogs of={look.mostToRead} />}
          </div>
        )}
      </Loaded>
    </Page>
  );
}

function LookedAt({ at }: { at: string }) {
  return (
    <>
      Updated <Time at={at} />
    </>
  );
}

function Figure({
  name,
  value,
  note,
  href,
  isBad = false,
}: {
  name: string;
  value: string | undefined;
  note?: string | undefined;
  href: string;
  isBad?: boolean;
}) {
  return (
    <li class={isBad ? 'figure bad' : 'figure'}>
      <a href={href}>
        <span class="figure-name">{name}</span>
        <span class="figure-value">{value ?? '–'}</span>
        {note !== undefined && <span class="muted small">{note}</span>}
      </a>
    </li>
  );
}

function Problems({
  list,
  hasConsumers,
  onDone,
}: {
  list: TroubleList;
  hasConsumers: boolean;
  onDone: () => void;
}) {
  return (
    <Panel title="What is wrong">
      {!hasConsumers && (
        <Empty title="No consumer has registered yet.">
          A consumer appears when a process with a subscriber starts. The guide says how under “Subscribing”.
        </Empty>
      )}
      {list.problems.length > 0 && <ProblemLines list={list} onDone={onDone} />}
      {list.problems.length === 0 && hasConsumers && (
        <p class="all-well">
          <Mark tone="ok">Nothing</Mark> Every consumer works, and none has a dead letter.
        </p>
      )}
    </Panel>
  );
}

/** The server names those with the most to read of all consumers, however many there are. */
function Backlogs({ of }: { of: Overview['mostToRead'] }) {
  return (
    <Bars
      title="Events to read, by consumer"
      empty="Every consumer has read everything that it asks for."
      bars={of.map(({ consumerName, toRead, toReadAtMost, oldestSeconds }) => ({
        name: consumerName,
        href: to(['consumers', consumerName]),
        value: toRead,
        text: `${toReadText(toRead, toReadAtMost)}${oldestSeconds === null ? '' : `, oldest ${duration(oldestSeconds)}`}`,
      }))}
    />
  );
}
