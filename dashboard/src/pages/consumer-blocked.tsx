import type { BlockingEvents } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { EntityLink, eventHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { atLeast, count } from '../parts/number.ts';
import { Panel } from '../parts/page.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Foreign, NameLink } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';

type Row = BlockingEvents['items'][number];

const COLUMNS: readonly Column<Row>[] = [
  {
    head: 'Entity',
    isName: true,
    isLong: true,
    cell: ({ aggregateType, aggregateId }) => <EntityLink type={aggregateType} id={aggregateId} />,
  },
  {
    head: 'Held up by',
    isLong: true,
    cell: ({ outboxEventId, position }) => (
      <NameLink href={eventHref(outboxEventId)}>{`position ${position}`}</NameLink>
    ),
  },
  { head: 'Behind it', align: 'end', cell: ({ behind }) => atLeast(behind) },
  { head: 'Attempts', align: 'end', cell: ({ attemptCount }) => count(attemptCount) },
  { head: 'Tried again', cell: ({ retryAt }) => <Time at={retryAt} /> },
  { head: 'Error', isLong: true, cell: ({ lastError }) => <Foreign most={160}>{lastError ?? '–'}</Foreign> },
];

/** The events whose retry others wait for. */
export function ConsumerBlocked({ name }: { name: string }) {
  const reading = useRead('GET consumers/{name}/blocked', { path: { name } });
  return (
    <Panel
      title="Events that block others"
      about="While an event is tried again, later events of its entity wait."
    >
      <Loaded from={reading}>
        {({ items }) =>
          items.length === 0 ? (
            <p class="muted">Nothing waits for a retry.</p>
          ) : (
            <Table
              caption="Events that others wait for"
              columns={COLUMNS}
              rows={items}
              keyOf={({ outboxEventId, partition }) => `${outboxEventId} ${partition}`}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}
