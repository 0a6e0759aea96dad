import { useRead } from '../../api/use-read.ts';
import { Empty } from '../../parts/empty.tsx';
import { Filter } from '../../parts/filter.tsx';
import { Loaded } from '../../parts/loading.tsx';
import { Page } from '../../parts/page.tsx';
import { Pager } from '../../parts/pager.tsx';
import { type Place, to } from '../../router/router.ts';
import { EndpointsTable } from './endpoints-table.tsx';

const STATES = [
  ['', 'any'],
  ['active', 'active'],
  ['paused', 'paused'],
] as const;

/** The addresses at which senders of tenants deliver. */
export function EndpointsPage({ place }: { place: Place }) {
  const of = (name: string) => place.query.get(name) ?? undefined;
  const given = of('status');
  const status: 'active' | 'paused' | undefined =
    given === 'active' || given === 'paused' ? given : undefined;
  const query = { source: of('source'), tenant: of('tenant'), status, after: of('after') };
  const reading = useRead('GET webhooks/endpoints', { query });
  const isFiltered = Object.values(query).some((each) => each !== undefined);
  return (
    <Page
      title="Endpoints of webhooks"
      about="The addresses at which the senders of tenants deliver, each with a secret of its own."
    >
      <Filter
        place={place}
        fields={[
          { name: 'source', label: 'Source' },
          { name: 'tenant', label: 'Tenant' },
          { name: 'status', label: 'State', options: STATES },
        ]}
      />
      <Loaded from={reading}>
        {({ items, next }) =>
          items.length === 0 ? (
            <Empty title={isFiltered ? 'No endpoint is like that.' : 'There are no endpoints.'}>
              {isFiltered ? (
                <a href={to(['webhook-endpoints'])}>See all endpoints</a>
              ) : (
                'The application makes one for each tenant whose sender has a secret of its own.'
              )}
            </Empty>
          ) : (
            <>
              <EndpointsTable rows={items} />
              <Pager place={place} next={next} shown={items.length} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}
