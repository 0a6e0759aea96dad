import { useRead } from '../../api/use-read.ts';
import { Empty } from '../../parts/empty.tsx';
import { Filter } from '../../parts/filter.tsx';
import { Loaded } from '../../parts/loading.tsx';
import { Page, Panel } from '../../parts/page.tsx';
import { Pager } from '../../parts/pager.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Foreign, NameLink } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { type Place, to } from '../../router/router.ts';
import { CallState, callHref, type ListedCall, STATES } from './call-texts.tsx';
import { CountsPanel } from './counts-panel.tsx';

const CHOICES = [['', 'any'], ...STATES.map((each) => [each, each] as const)] as const;
const UNKNOWN = [
  ['', 'any'],
  ['true', 'unknown'],
  ['false', 'known'],
] as const;

const COLUMNS: readonly Column<ListedCall>[] = [
  {
    head: 'Call',
    isName: true,
    isLong: true,
    cell: ({ id }) => <NameLink href={callHref(id)}>{id}</NameLink>,
  },
  { head: 'Type', isLong: true, cell: ({ type }) => <Foreign>{type}</Foreign> },
  { head: 'State', cell: (call) => <CallState call={call} /> },
  {
    head: 'Last error',
    isLong: true,
    cell: ({ error, lastError }) => {
      const said = error === null ? lastError : `${error.code}: ${error.message}`;
      return said === null ? '' : <Foreign most={200}>{said}</Foreign>;
    },
  },
  { head: 'Created', cell: ({ createdAt }) => <Time at={createdAt} /> },
  {
    head: 'Tenant',
    isLong: true,
    cell: ({ tenantId }) =>
      tenantId === '' ? <span class="muted">none</span> : <Foreign>{tenantId}</Foreign>,
  },
];

/** Calls to other systems, and how they stand. */
export function CallsPage({ place }: { place: Place }) {
  const of = (name: string) => place.query.get(name) ?? undefined;
  const query = {
    type: of('type'),
    status: STATES.find((each) => each === of('status')),
    outcomeUnknown: { true: true, false: false }[of('outcomeUnknown') ?? ''],
    tenant: of('tenant'),
    group: of('group'),
    after: of('after'),
  };
  const counts = useRead('GET calls/counts', {});
  const reading = useRead('GET calls', { query });
  const isFiltered = Object.values(query).some((each) => each !== undefined);
  const types = [...new Set(counts.data?.items.map(({ type }) => type))];
  return (
    <Page title="Calls" about="Calls to other systems that take seconds or days.">
      <CountsPanel reading={counts} />
      <Filter
        place={place}
        fields={[
          { name: 'type', label: 'Type', suggestions: types },
          { name: 'status', label: 'State', options: CHOICES },
          { name: 'outcomeUnknown', label: 'Outcome', options: UNKNOWN },
          { name: 'tenant', label: 'Tenant' },
          { name: 'group', label: 'Group' },
        ]}
      />
      <Panel title="Each call" about="Those that were made last come first.">
        <Loaded from={reading}>
          {({ items, next }) =>
            items.length === 0 ? (
              <Empty title={isFiltered ? 'No call is like that.' : 'No call was made.'}>
                {isFiltered ? (
                  <a href={to(['calls'])}>See all calls</a>
                ) : (
                  'The application makes one with create of ExternalCallsService.'
                )}
              </Empty>
            ) : (
              <>
                <Table caption="Calls" columns={COLUMNS} rows={items} keyOf={({ id }) => id} />
                <Pager place={place} next={next} shown={items.length} />
              </>
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}
