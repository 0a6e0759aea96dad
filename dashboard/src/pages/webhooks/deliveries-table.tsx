import type { WebhookDeliveryPage } from '../../api/schemas.ts';
import { count } from '../../parts/number.ts';
import { type Column, Table } from '../../parts/table.tsx';
import { Foreign, NameLink } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { DeliveryMark } from './destination-state.tsx';
import { deliveryHref } from './webhook-links.ts';

type Delivery = WebhookDeliveryPage['items'][number];

const COLUMNS: readonly Column<Delivery>[] = [
  {
    head: 'Position',
    isName: true,
    cell: (row) => <NameLink href={deliveryHref(row)}>{String(row.position)}</NameLink>,
  },
  {
    head: 'Type',
    isLong: true,
    cell: ({ type }) => <Foreign>{type ?? 'its body could not be made'}</Foreign>,
  },
  { head: 'State', cell: (row) => <DeliveryMark {...row} /> },
  { head: 'Attempts', align: 'end', cell: ({ attempts }) => count(attempts) },
  {
    head: 'Next attempt',
    cell: ({ dueAt, status }) =>
      dueAt === null ? (
        <span class="muted">{status === 'pending' ? 'waits for another one' : 'none'}</span>
      ) : (
        <Time at={dueAt} />
      ),
  },
  {
    head: 'Last answer',
    isLong: true,
    cell: ({ lastStatus, lastError }) => (
      <div class="stack">
        {lastStatus !== null && <span>{String(lastStatus)}</span>}
        {lastError !== null && <Foreign most={140}>{lastError}</Foreign>}
        {lastStatus === null && lastError === null && <span class="muted">none yet</span>}
      </div>
    ),
  },
];

export function DeliveriesTable({ rows }: { rows: readonly Delivery[] }) {
  return (
    <Table
      caption="Deliveries"
      columns={COLUMNS}
      rows={rows}
      keyOf={({ destinationId, position }) => `${destinationId}.${position}`}
    />
  );
}
