import type { Contract } from '../../api/schemas.ts';
import { useRead } from '../../api/use-read.ts';
import { Empty } from '../../parts/empty.tsx';
import { Loaded } from '../../parts/loading.tsx';
import { Page } from '../../parts/page.tsx';
import { Pager } from '../../parts/pager.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Code, NameLink } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { type Place, to } from '../../router/router.ts';
import { ComparedMark, StateMark } from './contract-marks.tsx';

type Version = Contract['versions'][number];
/** A contract with its newest version. */
type Row = Contract & { readonly newest: Version };

const COLUMNS: readonly Column<Row>[] = [
  {
    head: 'Event',
    isName: true,
    isLong: true,
    cell: ({ name }) => <NameLink href={to(['contracts', name])}>{name}</NameLink>,
  },
  { head: 'Versions', cell: ({ versions }) => versions.map(({ version }) => version).join(', ') },
  { head: 'Visibility', cell: ({ newest }) => newest.visibility },
  { head: 'State', cell: ({ newest }) => <StateMark version={newest} /> },
  {
    head: 'Schema',
    cell: ({ newest: { hash } }) =>
      hash === null ? <span class="muted">none</span> : <Code>{hash.slice(0, 12)}</Code>,
  },
  { head: 'Changes', cell: ({ newest }) => <ComparedMark version={newest} /> },
  { head: 'Newest since', cell: ({ newest }) => <Time at={newest.registeredAt} /> },
];

/** The contracts of events that processes have registered. */
export function ContractsPage({ place }: { place: Place }) {
  const reading = useRead('GET contracts', { query: { after: place.query.get('after') ?? undefined } });
  return (
    <Page
      title="Contracts"
      about="What the payloads of events must be, as processes have registered it when they started. The columns are about the newest version."
    >
      <Loaded from={reading}>
        {({ items, next }) =>
          items.length === 0 ? (
            <Empty title="No contract is registered.">
              A process registers the contracts of ContractsModule.forFeature when it starts.
            </Empty>
          ) : (
            <>
              <Table
                caption="Contracts"
                columns={COLUMNS}
                rows={items.flatMap(rowOf)}
                keyOf={({ name }) => name}
              />
              <Pager place={place} next={next} shown={items.length} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

function rowOf(contract: Contract): Row[] {
  const newest = contract.versions.at(-1);
  return newest === undefined ? [] : [{ ...contract, newest }];
}
