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
import { type ListedSaga, SagaMark, sagaHref } from './saga-texts.tsx';
import { StepsPanel } from './steps-panel.tsx';
import { TransitionsPanel } from './transitions-panel.tsx';

const STATES = ['active', 'completed', 'undone', 'canceled'] as const;
const CHOICES = [['', 'any'], ...STATES.map((each) => [each, each] as const)] as const;
const STUCK = [
  ['', 'any'],
  ['true', 'only those'],
  ['false', 'without those'],
] as const;

const COLUMNS: readonly Column<ListedSaga>[] = [
  {
    head: 'Key',
    isName: true,
    isLong: true,
    cell: ({ saga, key }) => <NameLink href={sagaHref(saga, key)}>{key}</NameLink>,
  },
  { head: 'Saga', isLong: true, cell: ({ saga }) => <Foreign>{saga}</Foreign> },
  { head: 'State', cell: (saga) => <SagaMark {...saga} /> },
  { head: 'Step', isLong: true, cell: ({ step }) => <Foreign>{step}</Foreign> },
  { head: 'Changed', cell: ({ changedAt }) => <Time at={changedAt} /> },
  { head: 'Began', cell: ({ startedAt }) => <Time at={startedAt} /> },
  {
    head: 'Tenant',
    isLong: true,
    cell: ({ tenantId }) =>
      tenantId === '' ? <span class="muted">none</span> : <Foreign>{tenantId}</Foreign>,
  },
];

/** Where the sagas of the application stand. */
export function SagasPage({ place }: { place: Place }) {
  const of = (name: string) => place.query.get(name) ?? undefined;
  const saga = of('saga');
  const status = STATES.find((each) => each === of('status'));
  const stuck = { true: true, false: false }[of('stuck') ?? ''];
  const query = { saga, status, step: of('step'), tenant: of('tenant'), stuck, after: of('after') };
  const steps = useRead('GET sagas/steps', {});
  const reading = useRead('GET sagas', { query });
  const isFiltered = Object.values(query).some((each) => each !== undefined);
  const names = [...new Set(steps.data?.steps.map((each) => each.saga))];
  return (
    <Page title="Sagas" about="Conversations of several events, each with a state of its own.">
      <StepsPanel reading={steps} />
      {saga !== undefined && <TransitionsPanel saga={saga} />}
      <Panel title="Each saga" about="Those that began last come first.">
        <Filter
          place={place}
          fields={[
            { name: 'saga', label: 'Saga', suggestions: names },
            { name: 'status', label: 'State', options: CHOICES },
            { name: 'step', label: 'Step' },
            { name: 'tenant', label: 'Tenant' },
            { name: 'stuck', label: 'Stuck', options: STUCK },
          ]}
        />
        <Loaded from={reading}>
          {({ items, next }) =>
            items.length === 0 ? (
              <Empty title={isFiltered ? 'No saga is like that.' : 'No saga has begun.'}>
                {isFiltered ? (
                  <a href={to(['sagas'])}>See all sagas</a>
                ) : (
                  'One begins with the first event that its class starts with.'
                )}
              </Empty>
            ) : (
              <>
                <Table caption="Sagas" columns={COLUMNS} rows={items} keyOf={({ id }) => id} />
                <Pager place={place} next={next} shown={items.length} />
              </>
            )
          }
        </Loaded>
      </Panel>
    </Page>
  );
}
