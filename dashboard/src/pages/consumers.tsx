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

const STATES = [
  'working',
  'paused',
  'unserved',
  'unavailable',
  'no longer known',
  'changing partitions',
] as const;
export type ConsumerState = (typeof STATES)[number];
const TONES: Readonly<Record<ConsumerState, Tone>> = {
  working: 'ok',
  paused: 'warn',
  unserved: 'bad',
  unavailable: 'bad',
  'no longer known': 'warn',
  'changing partitions': 'info',
};

/** The state that a person has to know first. */
export function stateOf({
  paused,
  orphaned,
  unservedSince,
  repartitioningTo,
  partitions,
}: Consumer): ConsumerState {
  if (partitions.some(({ unavailable }) => unavailable !== null)) return 'unavailable';
  if (paused) return 'paused';
  if (orphaned) return 'no longer known';
  if (unservedSince !== null) return 'unserved';
  return repartitioningTo === null ? 'working' : 'changing partitions';
}

export function ConsumerMark({ consumer }: { consumer: Consumer }) {
  const state = stateOf(consumer);
  return <Mark tone={TONES[state]}>{state}</Mark>;
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

const unreadOf = ({ pendingEvents, pendingPositions }: Unread) => pendingEvents ?? pendingPositions;

const ORDERS = {
  name: (a: Consumer, b: Consumer) => (a.consumerName < b.consumerName ? -1 : 1),
  state: (a: Consumer, b: Consumer) =>
    STATES.indexOf(stateOf(b)) - STATES.indexOf(stateOf(a)) || ORDERS.name(a, b),
  unread: (a: Consumer, b: Consumer) => unreadOf(b) - unreadOf(a) || ORDERS.name(a, b),
  progress: (a: Consumer, b: Consumer) => (b.settledPerSecond ?? -1) - (a.settledPerSecond ?? -1),
  lag: (a: Consumer, b: Consumer) =>
    Number(a.lagIsAtMost) - Number(b.lagIsAtMost) || (b.lagSeconds ?? 0) - (a.lagSeconds ?? 0),
  dead: (a: Consumer, b: Consumer) => b.deadLetters - a.deadLetters,
} as const;

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
    order: { name: 'dead', first: 'descending' },
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

/** So many consumers are on one page. */
const MOST_SHOWN = 1_000;

/** All consumers. A filter and an order stand in the URL. */
export function ConsumersPage({ place }: { place: Place }) {
  const name = place.query.get('name') ?? '';
  const after = place.query.get('after') ?? undefined;
  const state = place.query.get('state') ?? '';
  // The server chooses the paused ones among all. Every other state is looked for on the page that is shown.
  const paused = state === 'paused' || undefined;
  const reading = useRead('GET consumers', { query: { limit: MOST_SHOWN, name, after, paused } });
  const order = (place.query.get('order') ?? 'name') as keyof typeof ORDERS;
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const chooseNone = () => setChosen(new Set());
  return (
    <Page title="Consumers" about="Each reads the log at its own pace.">
      <Filter
        place={place}
        fields={[
          { name: 'name', label: 'Name contains' },
          {
            name: 'state',
            label: 'State',
            options: [['', 'any'], ...STATES.map((each) => [each, each] as const)],
          },
          {
            name: 'order',
            label: 'Order',
            options: [
              ['', 'by name'],
              ['state', 'by state'],
              ['unread', 'most to read first'],
              ['lag', 'furthest behind first'],
              ['dead', 'most dead letters first'],
              ['progress', 'fastest first'],
            ],
          },
        ]}
      />
      <Loaded from={reading}>
        {({ items, next }) => {
          const rows = items
            .filter((each) => state === '' || stateOf(each) === state)
            .sort(ORDERS[order] ?? ORDERS.name);
          const pager = <Pager place={place} next={next} shown={items.length} />;
          const isPart = next !== null || after !== undefined;
          if (items.length === 0 && name === '' && state === '' && after === undefined)
            return (
              <Empty title="No consumer has registered yet.">
                A consumer appears when a process with a subscriber starts. The guide says how under
                “Subscribing”.
              </Empty>
            );
          if (rows.length === 0)
            return (
              <>
                <Empty
                  title={
                    items.length > 0
                      ? `None of ${count(items.length)} consumers${isPart ? ' of this page' : ''} is like that.`
                      : paused
                        ? `No consumer ${name === '' ? '' : 'of such a name '}is paused.`
                        : 'No consumer has such a name.'
                  }
                >
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
              {isPart && ((state !== '' && !paused) || order !== 'name') && (
                <p class="muted">
                  There are more than {count(MOST_SHOWN)} consumers. {paused ? 'The' : 'The state and the'}{' '}
                  order are of those of this page only.
                </p>
              )}
              {chosen.size > 0 && (
                <ChosenConsumers
                  chosen={items.filter(({ consumerName }) => chosen.has(consumerName))}
                  onNone={chooseNone}
                  reload={reading.reload}
                />
              )}
              <Table
                caption="Consumers"
                columns={COLUMNS}
                rows={rows}
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
