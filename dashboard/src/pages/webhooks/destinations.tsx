import { useState } from 'preact/hooks';
import { useRead } from '../../api/use-read.ts';
import { Act } from '../../parts/button.tsx';
import { Empty } from '../../parts/empty.tsx';
import { Filter } from '../../parts/filter.tsx';
import { Loaded } from '../../parts/loading.tsx';
import { atLeast } from '../../parts/number.ts';
import { Page } from '../../parts/page.tsx';
import { Pager } from '../../parts/pager.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Foreign, NameLink } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { type Place, to } from '../../router/router.ts';
import { CreateDestination } from './create-destination.tsx';
import { DestinationMark, type ListedDestination, successText } from './destination-state.tsx';
import { destinationHref } from './webhook-links.ts';

const STATES = ['active', 'paused', 'disabled'] as const;
const CHOICES = [['', 'any'], ...STATES.map((each) => [each, each] as const)] as const;

const COLUMNS: readonly Column<ListedDestination>[] = [
  {
    head: 'Destination',
    isName: true,
    isLong: true,
    cell: ({ id, url }) => <NameLink href={destinationHref(id)}>{url}</NameLink>,
  },
  { head: 'Tenant', isLong: true, cell: ({ tenantId }) => <Foreign>{tenantId}</Foreign> },
  { head: 'State', cell: (row) => <DestinationMark {...row} /> },
  {
    head: 'Failing since',
    cell: ({ failingSince }) =>
      failingSince === null ? <span class="muted">not failing</span> : <Time at={failingSince} />,
  },
  { head: 'Waiting', align: 'end', cell: ({ waiting }) => atLeast(waiting) },
  { head: 'Dead', align: 'end', cell: ({ dead }) => atLeast(dead) },
  { head: 'Delivered, last hour', align: 'end', cell: successText },
  {
    head: 'Types',
    isLong: true,
    cell: ({ eventTypes }) => <Foreign most={90}>{eventTypes.join(', ')}</Foreign>,
  },
];

/** Where tenants get their events. */
export function DestinationsPage({ place }: { place: Place }) {
  const [isAsked, setAsked] = useState(false);
  const of = (name: string) => place.query.get(name) ?? undefined;
  const status = STATES.find((each) => each === of('status'));
  const query = { tenant: of('tenant'), status, after: of('after') };
  const reading = useRead('GET webhooks/destinations', { query });
  const isFiltered = Object.values(query).some((each) => each !== undefined);
  return (
    <Page
      title="Destinations of webhooks"
      about="Where tenants get their events. One that fails or hangs holds up no other."
      acts={
        <Act kind="primary" needs="webhooks.change" onAct={() => setAsked(true)}>
          Add a destination
        </Act>
      }
    >
      <Filter
        place={place}
        fields={[
          { name: 'tenant', label: 'Tenant' },
          { name: 'status', label: 'State', options: CHOICES },
        ]}
      />
      <Loaded from={reading}>
        {({ items, next }) =>
          items.length === 0 ? (
            <Empty title={isFiltered ? 'No destination is like that.' : 'There are no destinations.'}>
              {isFiltered ? (
                <a href={to(['webhook-destinations'])}>See all destinations</a>
              ) : (
                'The application makes one where a tenant asks for events, or an admin adds one here.'
              )}
            </Empty>
          ) : (
            <>
              <Table
                caption="Destinations of tenants"
                columns={COLUMNS}
                rows={items}
                keyOf={({ id }) => id}
              />
              <Pager place={place} next={next} shown={items.length} />
            </>
          )
        }
      </Loaded>
      {isAsked && (
        <CreateDestination
          onClose={() => {
            setAsked(false);
            reading.reload();
          }}
        />
      )}
    </Page>
  );
}
