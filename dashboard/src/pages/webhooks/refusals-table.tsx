import type { WebhookRefusals } from '../../api/schemas.ts';
import { bytes } from '../../parts/number.ts';
import { type Column, Table } from '../../parts/table.tsx';
import { Code, Foreign, NameLink } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { isUuid } from '../../parts/uuid.ts';
import { endpointHref, sourceHref } from './webhook-links.ts';

type Refusal = WebhookRefusals['items'][number];

const TIME: Column<Refusal> = { head: 'Time', isName: true, cell: ({ at }) => <Time at={at} /> };
const SOURCE: Column<Refusal> = {
  head: 'Source',
  isLong: true,
  cell: ({ source }) =>
    source === null ? (
      <span class="muted">no source</span>
    ) : (
      <NameLink href={sourceHref(source)}>{source}</NameLink>
    ),
};
/** A stranger may have chosen the ids. */
const REST: readonly Column<Refusal>[] = [
  { head: 'Step', cell: ({ step }) => step },
  {
    head: 'Delivery',
    isLong: true,
    cell: ({ deliveryId }) =>
      deliveryId === null ? <span class="muted">not known</span> : <Foreign>{deliveryId}</Foreign>,
  },
  {
    head: 'Endpoint',
    isLong: true,
    cell: ({ endpointId }) => {
      if (endpointId === null) return <span class="muted">none</span>;
      return isUuid(endpointId) ? (
        <NameLink href={endpointHref(endpointId.toLowerCase())}>{endpointId}</NameLink>
      ) : (
        <Code>{endpointId}</Code>
      );
    },
  },
  {
    head: 'Size',
    align: 'end',
    cell: ({ bytes: size }) => (size === null ? <span class="muted">not read</span> : bytes(size)),
  },
];

/** Refused requests. Of their headers and bodies nothing is kept. */
export function RefusalsTable({ rows, hasSource }: { rows: readonly Refusal[]; hasSource: boolean }) {
  if (rows.length === 0) return <p class="muted">None is known.</p>;
  return (
    <Table
      caption="Refused requests"
      columns={hasSource ? [TIME, SOURCE, ...REST] : [TIME, ...REST]}
      rows={rows}
      keyOf={({ id }) => id}
    />
  );
}
