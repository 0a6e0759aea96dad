import type { WebhookEndpointPage } from '../../api/schemas.ts';
import { Mark } from '../../parts/status.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Foreign, NameLink } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { endpointHref, sourceHref } from './webhook-links.ts';

type Endpoint = WebhookEndpointPage['items'][number];

export function EndpointMark({ status }: Pick<Endpoint, 'status'>) {
  return status === 'paused' ? <Mark tone="warn">paused</Mark> : <Mark tone="ok">active</Mark>;
}

const COLUMNS: readonly Column<Endpoint>[] = [
  {
    head: 'Endpoint',
    isName: true,
    isLong: true,
    cell: ({ id }) => <NameLink href={endpointHref(id)}>{id}</NameLink>,
  },
  { head: 'Tenant', isLong: true, cell: ({ tenantId }) => <Foreign>{tenantId}</Foreign> },
  {
    head: 'Source',
    isLong: true,
    cell: ({ source }) => <NameLink href={sourceHref(source)}>{source}</NameLink>,
  },
  { head: 'State', cell: ({ status }) => <EndpointMark status={status} /> },
  {
    head: 'Account',
    isLong: true,
    cell: ({ externalId }) =>
      externalId === null ? <span class="muted">not noted</span> : <Foreign most={90}>{externalId}</Foreign>,
  },
  { head: 'Created', cell: ({ createdAt }) => <Time at={createdAt} /> },
];

export function EndpointsTable({ rows }: { rows: readonly Endpoint[] }) {
  return <Table caption="Endpoints of tenants" columns={COLUMNS} rows={rows} keyOf={({ id }) => id} />;
}
