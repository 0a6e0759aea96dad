import type { Operation } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Empty } from '../parts/empty.tsx';
import { Filter } from '../parts/filter.tsx';
import { operationHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { count, counted } from '../parts/number.ts';
import { progressOf } from '../parts/operation-progress.tsx';
import { LATEST_FIRST, latestOrOldest, orderingOf } from '../parts/ordering.ts';
import { Page } from '../parts/page.tsx';
import { Pager } from '../parts/pager.tsx';
import { Status } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Foreign, NameLink } from '../parts/text.tsx';
import { absolute, Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';

/** What an operation chooses, in words. */
export function aboutOperation({ kind, filter, chosenEvents, maxEvents }: Operation): string {
  const parts = [
    filter.consumerName,
    filter.eventName,
    filter.aggregateType && `${filter.aggregateType} ${filter.aggregateId ?? ''}`.trim(),
    chosenEvents !== null && counted(chosenEvents, 'chosen event'),
    filter.outboxEventId && `event ${filter.outboxEventId}`,
    filter.position !== undefined ? `position ${filter.position}` : undefined,
    filter.errorFingerprint && `failure ${filter.errorFingerprint.slice(0, 12)}`,
    ...partOfLog(filter),
  ].filter(Boolean);
  const verb = VERBS[kind];
  const ofDestination = VERBS_OF_DESTINATIONS[kind];
  if (ofDestination !== undefined) return `${ofDestination} ${String(Object(filter).destinationId)}`;
  // An operation of a part has a filter of its own.
  if (verb === undefined) return `${kind}: ${JSON.stringify(filter)}`;
  return `${verb}${maxEvents === null ? '' : ` ${count(maxEvents)} at most`}: ${parts.join(', ')}`;
}

const VERBS: Readonly<Record<string, string>> = {
  redrive: 'Send again',
  discard: 'Discard',
  replay: 'Replay',
};

const VERBS_OF_DESTINATIONS: Readonly<Record<string, string>> = {
  'webhooks.redrive': 'Send the dead ones again, of destination',
  'webhooks.replay': 'Send past events to destination',
};

/** Which part of the log it takes, in words. */
function partOfLog({
  from,
  to: last,
  since,
  until,
  eventNames,
}: Operation['filter']): (string | undefined)[] {
  return [
    eventNames?.join(' and '),
    since && `since ${absolute(new Date(since))}`,
    until && `until ${absolute(new Date(until))}`,
    from === undefined ? undefined : `from position ${count(from)}`,
    last === undefined ? undefined : `to position ${count(last)}`,
  ];
}

export const OPERATION_COLUMNS: readonly Column<Operation>[] = [
  {
    head: 'Operation',
    isName: true,
    isLong: true,
    cell: (operation) => <NameLink href={operationHref(operation.id)}>{aboutOperation(operation)}</NameLink>,
  },
  { head: 'State', cell: ({ state }) => <Status of={state} /> },
  { head: 'Events', align: 'end', cell: progressOf },
  { head: 'By', isLong: true, cell: ({ requestedBy }) => <Foreign most={60}>{requestedBy}</Foreign> },
  {
    head: 'Planned',
    order: LATEST_FIRST,
    cell: ({ createdAt }) => <Time at={createdAt} />,
  },
  { head: 'Reason', isLong: true, cell: ({ reason }) => <Foreign most={160}>{reason ?? '–'}</Foreign> },
];

/** Redrives, discards, replays, and operations of parts. */
export function OperationsPage({ place }: { place: Place }) {
  const state = (place.query.get('state') ?? undefined) as Operation['state'] | undefined;
  const order = place.query.get('order') === 'oldest' ? 'oldest' : undefined;
  const operations = useRead('GET operations', {
    query: { state, order, after: place.query.get('after') ?? undefined },
  });
  return (
    <Page
      title="Operations"
      about="Redrives, discards and replays. They continue when this page is closed, and when the process that started them ends."
    >
      <Filter
        place={place}
        fields={[
          {
            name: 'state',
            label: 'State',
            options: [
              ['', 'any'],
              ['planned', 'planned'],
              ['running', 'running'],
              ['done', 'done'],
              ['cancelled', 'cancelled'],
              ['failed', 'failed'],
            ],
          },
          latestOrOldest('the latest first'),
        ]}
      />
      <Loaded from={operations}>
        {({ items, next }) =>
          items.length === 0 ? (
            state === undefined ? (
              <Empty title="No operations yet.">
                One begins at a kind of <a href={to(['dead-letters'])}>dead letters</a>: send a few of them
                again, and then the rest. A replay begins at its <a href={to(['consumers'])}>consumer</a>.
              </Empty>
            ) : (
              <Empty title="No operation is like that.">
                <a href={to(['operations'])}>Clear the filter</a> to see all.
              </Empty>
            )
          ) : (
            <>
              <Table
                caption="Operations"
                columns={OPERATION_COLUMNS}
                rows={items}
                keyOf={({ id }) => id}
                ordering={orderingOf(place, order ?? 'latest', 'latest')}
              />
              <Pager place={place} next={next} shown={items.length} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}
