import type { CallCounts } from '../../api/schemas.ts';
import type { Reading } from '../../api/use-read.ts';
import { Loaded } from '../../parts/loading.tsx';
import { count } from '../../parts/number.ts';
import { Panel } from '../../parts/page.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Foreign, NameLink } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { to } from '../../router/router.ts';
import { CallMark } from './call-texts.tsx';

type Count = CallCounts['items'][number];

const COLUMNS: readonly Column<Count>[] = [
  {
    head: 'Type',
    isName: true,
    isLong: true,
    cell: ({ type }) => <Foreign>{type}</Foreign>,
  },
  { head: 'State', cell: ({ status }) => <CallMark status={status} /> },
  {
    head: 'Calls',
    align: 'end',
    cell: ({ type, status, calls }) => (
      <NameLink href={to(['calls'], { type, status })} label={`${count(calls)} ${status} calls of ${type}`}>
        {count(calls)}
      </NameLink>
    ),
  },
  {
    head: 'Unknown',
    align: 'end',
    cell: ({ type, status, outcomeUnknown }) =>
      outcomeUnknown === 0 ? (
        <span class="muted">none</span>
      ) : (
        <a href={to(['calls'], { type, status, outcomeUnknown: 'true' })} class="mark warn">
          {`${count(outcomeUnknown)} unknown`}
        </a>
      ),
  },
  { head: 'First changed', cell: ({ oldestChangeAt }) => <Time at={oldestChangeAt} /> },
  { head: 'Last changed', cell: ({ newestChangeAt }) => <Time at={newestChangeAt} /> },
];

const ALL =
  'Those that go on, and those that have ended in the last day. Unknown is whether the other system has taken them.';
const SOME = `${ALL} At most 100,000 of each were counted.`;

/** How many calls of which type stand how. */
export function CountsPanel({ reading }: { reading: Reading<CallCounts> }) {
  return (
    <Loaded from={reading}>
      {({ items, atLeast }) =>
        items.length > 0 && (
          <Panel title="By type and state" about={atLeast ? SOME : ALL}>
            <Table
              caption="Calls by type and state"
              columns={COLUMNS}
              rows={items}
              keyOf={({ type, status }) => JSON.stringify([type, status])}
            />
          </Panel>
        )
      }
    </Loaded>
  );
}
