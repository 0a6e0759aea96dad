import type { Consumer } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { useLive } from '../live/live.ts';
import { Bars, LineChart } from '../parts/chart.tsx';
import { Empty } from '../parts/empty.tsx';
import { Loaded } from '../parts/loading.tsx';
import { count, duration, perSecond, shortCount } from '../parts/number.ts';
import { Page, Panel } from '../parts/page.tsx';
import { Mark } from '../parts/status.tsx';
import { Foreign, NameLink } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { to } from '../router/router.ts';
import { troublesOf } from './troubles.ts';

/** How everything does, and what is wrong, in sentences that lead to where it is mended. */
export function OverviewPage() {
  const { look, looks } = useLive();
  const consumers = useRead('GET consumers', { query: { limit: 1_000 } });
  const times = looks.map(({ at }) => new Date(at).getTime());
  return (
    <Page title="Overview" about={look === undefined ? 'Reading the first look…' : <LookedAt at={look.at} />}>
      <ul class="figures">
        <Figure
          name="Published a second"
          value={look && perSecond(look.publishedPerSecond)}
          note={
            look && look.settledPerSecond !== null
              ? `${perSecond(look.settledPerSecond)} settled, by all consumers`
              : undefined
          }
          href={to(['events'])}
        />
        <Figure
          name="Waiting to be read"
          value={look && count(look.pendingPositions)}
          href={to(['consumers'])}
        />
        <Figure
          name="Furthest behind"
          value={look && (look.lagSeconds === null ? 'up to date' : duration(look.lagSeconds))}
          href={to(['consumers'])}
        />
        <Figure
          name="Dead letters"
          value={look && count(look.deadLetters)}
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
      <Loaded from={consumers}>{({ items }) => <Troubles consumers={items} />}</Loaded>
      <div class="grid two">
        <LineChart
          title="Rates"
          times={times}
          lines={[
            { name: 'published a second', values: looks.map(({ publishedPerSecond }) => publishedPerSecond) },
            { name: 'settled a second', values: looks.map(({ settledPerSecond }) => settledPerSecond) },
          ]}
          format={perSecond}
          empty="The line begins with the second look. It shows what has been since this page was opened."
        />
        <LineChart
          title="Lag"
          times={times}
          lines={[{ name: 'furthest behind', values: looks.map(({ lagSeconds }) => lagSeconds ?? 0) }]}
          format={duration}
          empty="The line begins with the second look. It shows what has been since this page was opened."
        />
        <LineChart
          title="Positions that wait to be read"
          times={times}
          lines={[{ name: 'all consumers', values: looks.map(({ pendingPositions }) => pendingPositions) }]}
          format={shortCount}
          empty="The line begins with the second look. It shows what has been since this page was opened."
        />
        <Loaded from={consumers}>{({ items }) => <Backlogs consumers={items} />}</Loaded>
      </div>
    </Page>
  );
}

function LookedAt({ at }: { at: string }) {
  return (
    <>
      Looked at <Time at={at} />
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

function Troubles({ consumers }: { consumers: readonly Consumer[] }) {
  const troubles = troublesOf(consumers);
  return (
    <Panel title="What is wrong">
      {consumers.length === 0 ? (
        <Empty title="No consumer has registered yet.">
          A consumer appears when a process with a subscriber starts. The guide says how under “Subscribing”.
        </Empty>
      ) : troubles.length === 0 ? (
        <p class="all-well">
          <Mark tone="ok">Nothing</Mark> Every consumer works, and none has a dead letter.
        </p>
      ) : (
        <ul class="troubles">
          {troubles.map(({ tone, consumer, says, href, next }) => (
            <li key={`${consumer} ${says}`}>
              <Mark tone={tone}>{tone === 'bad' ? 'Broken' : 'Look'}</Mark>
              <p>
                <NameLink href={to(['consumers', consumer])}>{consumer}</NameLink>{' '}
                <Foreign most={400}>{says}</Foreign>.
              </p>
              <a href={href} aria-label={`${next}: ${consumer}`}>
                {next}
              </a>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Backlogs({ consumers }: { consumers: readonly Consumer[] }) {
  const behind = [...consumers]
    .filter(({ pendingPositions }) => pendingPositions > 0)
    .sort((a, b) => b.pendingPositions - a.pendingPositions)
    .slice(0, 12);
  return (
    <Bars
      title="Backlog by consumer"
      empty="No consumer has anything to read."
      bars={behind.map(({ consumerName, pendingPositions, lagSeconds }) => ({
        name: consumerName,
        href: to(['consumers', consumerName]),
        value: pendingPositions,
        text: `${count(pendingPositions)}${lagSeconds === null ? '' : ` · ${duration(lagSeconds)}`}`,
      }))}
    />
  );
}
