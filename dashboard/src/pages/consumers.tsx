import { useState } from 'preact/hooks';
import type { Consumer } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Empty } from '../parts/empty.tsx';
import { Filter } from '../parts/filter.tsx';
import { Loaded } from '../parts/loading.tsx';
import { count, deadLettersOf, duration, perSecond, toReadText } from '../parts/number.ts';
import { orderingOf } from '../parts/ordering.ts';
import { Page } from '../parts/page.tsx';
import { Pager } from '../parts/pager.tsx';
import { Mark, type Tone } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Foreign, NameLink } from '../parts/text.tsx';
import { filterBy, type Place, to } from '../router/router.ts';
import { ChosenConsumers } from './consumers-chosen.tsx';
import { useBrokerColumn } from './relays/broker-column.tsx';

type ConsumerState = Consumer['state'];

const STATES: Readonly<Record<ConsumerState, { readonly tone: Tone; readonly name: string }>> = {
  working: { tone: 'ok', name: 'working' },
  paused: { tone: 'warn', name: 'paused' },
  unserved: { tone: 'bad', name: 'unserved' },
  unavailable: { tone: 'bad', name: 'unavailable' },
  orphaned: { tone: 'warn', name: 'no longer known' },
  repartitioning: { tone: 'info', name: 'changing partitions' },
};

export function ConsumerMark({ consumer: { state } }: { consumer: Pick<Consumer, 'state'> }) {
  const { tone, name } = STATES[state];
  return <Mark tone={tone}>{name}</Mark>;
}

/** How far something is behind. Where it asks for nothing that was looked at, that is a bound. */
export function behindOf({ lagSeconds, lagIsAtMost }: Pick<Consumer, 'lagSeconds' | 'lagIsAtMost'>): string {
  if (lagSeconds === null) return 'up to date';
  return `${lagIsAtMost ? 'at most ' : ''}${duration(lagSeconds)}`;
}

type Unread = Pick<Consumer, 'pendingEvents' | 'pendingPositions'>;

/** What is still to read. Where it was not counted, that is a bound. */
export function toReadOf({ pendingEvents, pendingPositions }: Unread): string {
  return toReadText(pendingEvents ?? pendingPositions, pendingEvents === null);
}

const COLUMNS: readonly Column<Consumer>[] = [
  {
    head: 'Consumer',
    isName: true,
    isLong: true,
    order: { name: 'name', first: 'ascending' },
    cell: ({ consumerName }) => <NameLink href={to(['consumers', consumerName])}>{consumerName}</NameLink>,
  },
  {
    head: 'State',
    order: { name: 'state', first: 'descending' },
    cell: (consumer) => <ConsumerMark consumer={consumer} />,
  },
  {
    head: 'To read',
    align: 'end',
    order: { name: 'unread', first: 'descending' },
    cell: toReadOf,
  },
  {
    head: 'Behind',
    align: 'end',
    order: { name: 'lag', first: 'descending' },
    cell: behindOf,
  },
  {
    head: 'Dead letters',
    align: 'end',
    order: { name: 'deadLetters', first: 'descending' },
    cell: (consumer) =>
      consumer.deadLetters === 0 ? (
        '0'
      ) : (
        <a class="bad-link" href={to(['dead-letters'], { consumer: consumer.consumerName })}>
          {deadLettersOf(consumer)}
        </a>
      ),
  },
  {
    head: 'Progress',
    align: 'end',
    order: { name: 'progress', first: 'descending' },
    cell: ({ settledPerSecond }) =>
      settledPerSecond === null ? <span class="muted">–</span> : perSecond(settledPerSecond),
  },
  { head: 'Partitions', align: 'end', cell: ({ partitions }) => count(partitions.length) },
  {
    head: 'Events',
    isLong: true,
    cell: ({ eventNames }) => <Foreign most={90}>{eventNames.join(', ')}</Foreign>,
  },
];

const ORDERS = {
  name: 'by name',
  state: 'by state',
  unread: 'most to read first',
  lag: 'furthest behind first',
  deadLetters: 'most dead letters first',
  progress: 'fastest first',
} as const;

/** So many consumers are on one page. */
const MOST_SHOWN = 1_000;

/** All consumers. A filter and an order stand in the URL. The server chooses and orders among all of them. */
export function ConsumersPage({ place }: { place: Place }) {
  const name = place.query.get('name') ?? '';
  const after = place.query.get('after') ?? undefined;
  const state = keyIn(STATES, place.query.get('state'));
  const order = keyIn(ORDERS, place.query.get('order')) ?? 'name';
  const query = { limit: MOST_SHOWN, name, after, state, order };
  const reading = useRead('GET consumers', { query });
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const chooseNone = () => setChosen(new Set());
  const brokersOf = useBrokerColumn();
  return (
    <Page title="Consumers" about="Each reads the log at its own pace.">
      <Filter
        place={place}
        fields={[
          { name: 'name', label: 'Name contains' },
          {
            name: 'state',
            label: 'State',
            options: [
              ['', 'any'],
              ...Object.entries(STATES).map(([value, { name }]) => [value, name] as const),
            ],
          },
          {
            name: 'order',
            label: 'Order',
            options: [['', ORDERS.name], ...Object.entries(ORDERS).filter(([value]) => value !== 'name')],
          },
        ]}
      />
      <Loaded from={reading}>
        {({ items, next }) => {
          const pager = <Pager place={place} next={next} shown={items.length} />;
          if (items.length === 0 && name === '' && state === undefined && after === undefined)
            return (
              <Empty title="No consumer has registered yet.">
                A consumer appears when a process with a subscriber starts. The guide says how under
                “Subscribing”.
              </Empty>
            );
          if (items.length === 0)
            return (
              <>
                <Empty title={noneOf(name, state)}>
                  <button
                    type="button"
                    class="link"
                    onClick={() => filterBy(place, { name: undefined, state: undefined })}
                  >
                    Clear the filter
                  </button>
                </Empty>
                {pager}
              </>
            );
          return (
            <>
              {chosen.size > 0 && (
                <ChosenConsumers
                  chosen={items.filter(({ consumerName }) => chosen.has(consumerName))}
                  onNone={chooseNone}
                  reload={reading.reload}
                />
              )}
              <Table
                caption="Consumers"
                columns={[...COLUMNS, ...brokersOf(items)]}
                rows={items}
                keyOf={({ consumerName }) => consumerName}
                selection={{ chosen, change: setChosen, nameOf: (name) => name }}
                ordering={orderingOf(place, order, 'name')}
                isBusy={reading.isLoading && reading.data === undefined}
              />
              {pager}
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

/** Says that there is no such consumer, by what was chosen. */
function noneOf(name: string, state: ConsumerState | undefined): string {
  if (state === undefined) return 'No consumer has such a name.';
  return `No consumer ${name === '' ? '' : 'of such a name '}is ${STATES[state].name}.`;
}

/** A choice of the address. Undefined if it is none of these. */
function keyIn<K extends string>(choices: Readonly<Record<K, unknown>>, given: string | null): K | undefined {
  return given !== null && Object.hasOwn(choices, given) ? (given as K) : undefined;
}
