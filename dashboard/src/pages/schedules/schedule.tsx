import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Schedule, ScheduleRuns } from '../../api/schemas.ts';
import { useRead } from '../../api/use-read.ts';
import { Act } from '../../parts/button.tsx';
import { Empty } from '../../parts/empty.tsx';
import { ConsumerLink, eventHref } from '../../parts/links.tsx';
import { Loaded, LoadedPage } from '../../parts/loading.tsx';
import { count } from '../../parts/number.ts';
import { Facts, Page, Panel } from '../../parts/page.tsx';
import { Status } from '../../parts/status.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Foreign, NameLink } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { type Place, to } from '../../router/router.ts';
import { ChangeSchedule, type ScheduleChange } from './schedule-dialogs.tsx';
import { ScheduleMark, timingText } from './schedule-texts.tsx';

type Run = ScheduleRuns['items'][number];

const SHOWN_TIMES = 5;

/** One schedule: its timing, its next times, and what became of its last events. */
export function SchedulePage({ place }: { place: Place }) {
  const schedule = place.path[1] ?? '';
  const reading = useRead('GET schedules/{schedule}', { path: { schedule } });
  const next = useRead('GET schedules/{schedule}/preview', {
    path: { schedule },
    query: { count: SHOWN_TIMES },
  });
  const runs = useRead('GET schedules/{schedule}/runs', { path: { schedule }, query: {} });
  const reload = () => {
    reading.reload();
    next.reload();
    runs.reload();
  };
  return (
    <LoadedPage from={reading} title={schedule} above={<Above />}>
      {(found) => (
        <Shown schedule={found} reload={reload}>
          <Panel
            title="Next times"
            about={found.status === 'paused' ? 'It is paused, so they pass by.' : 'Unless a time is skipped.'}
          >
            <Loaded from={next}>
              {({ items }) =>
                items.length === 0 ? (
                  <Empty title="It has ended.">No time is left to it.</Empty>
                ) : (
                  <Table caption="Next times" columns={TIMES} rows={items} keyOf={(at) => at} />
                )
              }
            </Loaded>
          </Panel>
          <Panel title="Last events" about="The latest first, and how they stand at its consumer.">
            <Loaded from={runs}>
              {({ items }) =>
                items.length === 0 ? (
                  <Empty title="It has published nothing yet.">Or retention has deleted its events.</Empty>
                ) : (
                  <Table
                    caption="Last events"
                    columns={RUNS}
                    rows={items}
                    keyOf={({ outboxEventId }) => outboxEventId}
                  />
                )
              }
            </Loaded>
          </Panel>
        </Shown>
      )}
    </LoadedPage>
  );
}

function Above() {
  return <a href={to(['schedules'])}>Schedules</a>;
}

interface ShownProps {
  readonly schedule: Schedule;
  readonly reload: () => void;
  readonly children: ComponentChildren;
}

function Shown({ schedule, reload, children }: ShownProps) {
  const [asked, setAsked] = useState<ScheduleChange>();
  const close = () => {
    setAsked(undefined);
    reload();
  };
  const { name, pausedAt } = schedule;
  return (
    <Page
      title={name}
      above={<Above />}
      acts={
        <>
          <ScheduleMark {...schedule} />
          <Act needs="schedules.change" onAct={() => setAsked('trigger')}>
            Trigger
          </Act>
          <Act needs="schedules.change" onAct={() => setAsked(pausedAt === null ? 'pause' : 'resume')}>
            {pausedAt === null ? 'Pause' : 'Resume'}
          </Act>
          <Act needs="schedules.change" onAct={() => setAsked('remove')}>
            Remove
          </Act>
        </>
      }
    >
      <Details schedule={schedule} />
      {children}
      {asked !== undefined && <ChangeSchedule change={asked} schedule={name} onClose={close} />}
    </Page>
  );
}

const MISSED: Readonly<Record<Schedule['missed'], string>> = {
  once: 'one event for all of them',
  skip: 'nothing',
  all: 'an event for each, at most the last 1,000',
};
const OVERLAP: Readonly<Record<Schedule['overlap'], string>> = {
  skip: 'nothing, and the time is counted as skipped',
  queue: 'an event that waits for its turn',
};

function Details({ schedule }: { schedule: Schedule }) {
  const { name, startAt, endAt, limit, left, skipped, skippedAt, pausedAt, place } = schedule;
  return (
    <Panel title="Details">
      <Facts>
        {[
          ['Timing', <Foreign key="t">{timingText(schedule)}</Foreign>],
          startAt === null ? undefined : ['Begins', <Time key="b" at={startAt} />],
          endAt === null ? undefined : ['Ends', <Time key="e" at={endAt} />],
          limit === null ? undefined : ['Events left', `${count(left ?? 0)} of ${count(limit)}`],
          pausedAt === null ? undefined : ['Paused', <Time key="p" at={pausedAt} />],
          ['For times that were missed, it publishes', MISSED[schedule.missed]],
          ['While the event before is not done, it publishes', OVERLAP[schedule.overlap]],
          ['Times that were skipped', count(skipped)],
          skippedAt === null ? undefined : ['The last of them', <Time key="s" at={skippedAt} />],
          ['Consumer', <ConsumerLink key="o" name={schedule.consumerName} />],
          [
            'Set by',
            <span key="y">
              <Foreign>{schedule.changedBy}</Foreign>, <Time at={schedule.changedAt} />
            </span>,
          ],
          place === null ? undefined : ['Declared at', <Foreign key="c">{place}</Foreign>],
          [
            'Changes',
            <a key="a" href={to(['audit'], { target: `schedule/${name}` })}>
              See the audit
            </a>,
          ],
        ]}
      </Facts>
    </Panel>
  );
}

const TIMES: readonly Column<string>[] = [{ head: 'Time', isName: true, cell: (at) => <Time at={at} /> }];

const CAUSES: Readonly<Record<Run['cause'], string>> = {
  time: 'it was due',
  missed: 'it was missed',
  trigger: 'triggered',
};

const RUNS: readonly Column<Run>[] = [
  {
    head: 'Event',
    isName: true,
    isLong: true,
    cell: ({ outboxEventId }) => <NameLink href={eventHref(outboxEventId)}>{outboxEventId}</NameLink>,
  },
  { head: 'For', cell: ({ at }) => <Time at={at} /> },
  { head: 'Why', cell: ({ cause }) => CAUSES[cause] },
  { head: 'State', cell: ({ status }) => <Status of={status ?? 'unrouted'} /> },
  { head: 'Attempts', align: 'end', cell: ({ attempts }) => count(attempts) },
  {
    head: 'Last error',
    isLong: true,
    cell: ({ lastError }) =>
      lastError === null ? <span class="muted">–</span> : <Foreign most={200}>{lastError}</Foreign>,
  },
];
