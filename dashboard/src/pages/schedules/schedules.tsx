import type { Schedule } from '../../api/schemas.ts';
import { useRead } from '../../api/use-read.ts';
import { Empty } from '../../parts/empty.tsx';
import { Loaded } from '../../parts/loading.tsx';
import { count } from '../../parts/number.ts';
import { Page, Panel } from '../../parts/page.tsx';
import { Pager } from '../../parts/pager.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Foreign, NameLink } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import type { Place } from '../../router/router.ts';
import { ScheduleMark, scheduleHref, timingText } from './schedule-texts.tsx';

const COLUMNS: readonly Column<Schedule>[] = [
  {
    head: 'Schedule',
    isName: true,
    isLong: true,
    cell: ({ name }) => <NameLink href={scheduleHref(name)}>{name}</NameLink>,
  },
  { head: 'Timing', isLong: true, cell: (schedule) => <Foreign>{timingText(schedule)}</Foreign> },
  { head: 'State', cell: (schedule) => <ScheduleMark {...schedule} /> },
  {
    head: 'Next',
    cell: ({ nextAt }) => (nextAt === null ? <span class="muted">none</span> : <Time at={nextAt} />),
  },
  {
    head: 'Last',
    cell: ({ lastAt }) => (lastAt === null ? <span class="muted">none</span> : <Time at={lastAt} />),
  },
  { head: 'Skipped', align: 'end', cell: ({ skipped }) => count(skipped) },
];

/** The schedules of the application, and when they are due. */
export function SchedulesPage({ place }: { place: Place }) {
  const after = place.query.get('after') ?? undefined;
  const reading = useRead('GET schedules', { query: { after } });
  return (
    <Page title="Schedules" about="Each publishes an event at its times, once for all processes.">
      <Panel title="Each schedule" about="By their names.">
        <Loaded from={reading}>
          {({ items, next }) =>
            items.length === 0 ? (
              <Empty title="There is no schedule.">
                The application declares one with @IntegrationSchedule, or makes one with SchedulesService.
              </Empty>
            ) : (
              <>
                <Table caption="Schedules" columns={COLUMNS} rows={items} keyOf={({ name }) => name} />
                <Pager place={place} next={next} shown={items.length} />
              </>
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}
