import type { RunningAttempts } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Loaded } from '../parts/loading.tsx';
import { count } from '../parts/number.ts';
import { Panel } from '../parts/page.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Code, Foreign, NameLink } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { to } from '../router/router.ts';

type Row = RunningAttempts['items'][number];

const COLUMNS: readonly Column<Row>[] = [
  {
    head: 'Event',
    isName: true,
    isLong: true,
    cell: ({ eventName, position }) => <NameLink href={to(['positions', position])}>{eventName}</NameLink>,
  },
  { head: 'Position', align: 'end', cell: ({ position }) => <Code>{position}</Code> },
  { head: 'Events', align: 'end', cell: ({ events }) => count(events) },
  { head: 'Attempt', align: 'end', cell: ({ attempt }) => count(attempt) },
  { head: 'Since', cell: ({ since }) => <Time at={since} /> },
  { head: 'Process', isLong: true, cell: ({ host, pid }) => <Foreign>{`${host}, pid ${pid}`}</Foreign> },
];

/** The attempts that have run for longer than two seconds. */
export function ConsumerRunning({ name }: { name: string }) {
  const reading = useRead('GET consumers/{name}/running', { path: { name } });
  return (
    <Panel title="Running now" about="Attempts that have run for longer than two seconds.">
      <Loaded from={reading}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="muted">Nothing runs for that long.</p>
          ) : (
            <Table
              caption="Running attempts"
              columns={COLUMNS}
              rows={items}
              keyOf={({ processId, position, partition }) => `${processId} ${partition} ${position}`}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}
