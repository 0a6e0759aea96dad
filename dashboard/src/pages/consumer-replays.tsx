import type { Replay } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Loaded } from '../parts/loading.tsx';
import { count } from '../parts/number.ts';
import { Panel } from '../parts/page.tsx';
import { Mark } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Code, Foreign } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';

const COLUMNS: readonly Column<Replay>[] = [
  { head: 'Asked for', isName: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
  {
    head: 'By',
    isLong: true,
    cell: ({ requestedBy }) => <Foreign most={60}>{requestedBy ?? 'not known'}</Foreign>,
  },
  {
    head: 'Events',
    isLong: true,
    cell: ({ eventNames, since }) => (
      <>
        <Foreign most={120}>{eventNames.length === 0 ? 'all names' : eventNames.join(', ')}</Foreign>
        {since !== null && (
          <>
            {' '}
            since <Time at={since} />
          </>
        )}
      </>
    ),
  },
  { head: 'Sent', align: 'end', cell: ({ sent }) => count(sent) },
  {
    head: 'How far',
    cell: ({ finishedAt, nextPosition, toPosition }) =>
      finishedAt === null ? (
        <>
          <Mark tone="info">running</Mark> <Code>{count(nextPosition)}</Code> of{' '}
          <Code>{count(toPosition)}</Code>
        </>
      ) : (
        <Mark tone="ok">done</Mark>
      ),
  },
];

/** The latest replays of a consumer. */
export function ConsumerReplays({ name }: { name: string }) {
  const reading = useRead('GET consumers/{name}/replays', { path: { name } });
  return (
    <Loaded from={reading}>
      {({ items }) =>
        items.length > 0 && (
          <Panel title="Replays">
            <Table caption="Replays" columns={COLUMNS} rows={items} keyOf={({ id }) => id} />
          </Panel>
        )
      }
    </Loaded>
  );
}
