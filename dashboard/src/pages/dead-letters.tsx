import type { FailureGroup } from '../api/schemas.ts';
import { useDenial } from '../api/session.tsx';
import { useRead } from '../api/use-read.ts';
import { Empty } from '../parts/empty.tsx';
import { Filter } from '../parts/filter.tsx';
import { ConsumerLink, groupHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { estimated } from '../parts/number.ts';
import { orderingOf } from '../parts/ordering.ts';
import { Page } from '../parts/page.tsx';
import { Pager } from '../parts/pager.tsx';
import { Mark } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Foreign, NameLink } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';

const COLUMNS: readonly Column<FailureGroup>[] = [
  {
    head: 'Failure',
    isName: true,
    isLong: true,
    cell: ({ consumerName, fingerprint, latest }) => (
      <NameLink href={groupHref(consumerName, fingerprint)}>
        {(latest.error ?? 'No error is known').slice(0, 240)}
      </NameLink>
    ),
  },
  {
    head: 'Consumer',
    isLong: true,
    order: { name: '', first: 'ascending' },
    cell: ({ consumerName }) => <ConsumerLink name={consumerName} />,
  },
  {
    head: 'Dead letters',
    align: 'end',
    order: { name: 'size', first: 'descending' },
    cell: ({ deadLetters }) => estimated(deadLetters),
  },
  { head: 'Since', cell: ({ firstFailedAt }) => <Time at={firstFailedAt} /> },
  {
    head: 'Latest',
    order: { name: 'latest', first: 'descending' },
    cell: ({ latest }) => <Time at={latest.failedAt} />,
  },
  { head: 'Noted', isLong: true, cell: (group) => <Noted group={group} /> },
];

function Noted({ group: { note, acknowledged } }: { group: FailureGroup }) {
  return (
    <div class="stack">
      {acknowledged !== null &&
        (acknowledged.newSince.count > 0 ? (
          <Mark tone="bad">{`${estimated(acknowledged.newSince)} new since it was seen`}</Mark>
        ) : (
          <Mark tone="quiet">{`seen by ${acknowledged.by}`}</Mark>
        ))}
      {note !== null && <Foreign most={160}>{note.text}</Foreign>}
      {note === null && acknowledged === null && <span class="muted">not yet</span>}
    </div>
  );
}

/** What is in an error may also be the name of an event, or an id. */
function InEvents({ text }: { text: string }) {
  if (text.length > LONGEST_IN_EVENTS) return null;
  return <a href={to(['events'], { about: text })}>Look for it in the events</a>;
}

const LONGEST_IN_EVENTS = 255;
const MOST_SUGGESTED = 500;

/** Dead letters by kind of failure, because one cause is mended once. */
export function DeadLettersPage({ place }: { place: Place }) {
  const consumer = place.query.get('consumer') ?? undefined;
  const after = place.query.get('after') ?? undefined;
  const given = place.query.get('order');
  const order = given === 'size' || given === 'latest' ? given : undefined;
  const error = place.query.get('error') ?? undefined;
  const groups = useRead('GET dead-letters/groups', {
    // What an error is searched for in comes by name.
    query: { consumer, error, order: error === undefined ? order : undefined, after },
  });
  const mayReadConsumers = useDenial('consumers.read') === undefined;
  const consumers = useRead(
    'GET consumers',
    { query: { limit: MOST_SUGGESTED } },
    // The names are only suggested, so the groups do not wait beside them for the database.
    { isLive: false, isWanted: mayReadConsumers && groups.data !== undefined },
  );
  const suggestions = consumers.data?.items.map(({ consumerName }) => consumerName);
  return (
    <Page
      title="Dead letters"
      about="Events that have failed for good, by the kind of their failure. Open one to see its events and to send them again."
    >
      <Filter
        place={place}
        fields={[
          { name: 'consumer', label: 'Consumer', suggestions },
          { name: 'error', label: 'Error contains', placeholder: 'connect ECONNREFUSED' },
          {
            name: 'order',
            label: 'Order',
            options: [
              ['', 'by name'],
              ['size', 'the largest first'],
              ['latest', 'the latest first'],
            ],
          },
        ]}
      />
      <Loaded from={groups}>
        {({ items, next, isPartial }) =>
          items.length === 0 && error !== undefined ? (
            <>
              <Empty title="No kind of failure has such an error.">
                <InEvents text={error} />
              </Empty>
              <Pager place={place} next={next} shown={0} />
            </>
          ) : items.length === 0 ? (
            <Empty title={consumer === undefined ? 'There are no dead letters.' : 'It has no dead letters.'}>
              {consumer === undefined ? (
                'Every event was handled, or is still tried.'
              ) : (
                <>
                  <a href={to(['consumers', consumer])}>See the consumer</a>, or{' '}
                  <a href={to(['dead-letters'])}>the dead letters of all</a>.
                </>
              )}
            </Empty>
          ) : (
            <>
              {isPartial && (
                <p class="muted">
                  There are more than 20,000 kinds. Only the first 20,000 by name{' '}
                  {error === undefined ? 'are in this order' : 'were looked at'}: filter by a consumer to see
                  all of its own.
                </p>
              )}
              {error !== undefined && (
                <p class="muted">
                  The latest error of each has this text; its numbers, ids and quoted texts may be others.{' '}
                  <InEvents text={error} />
                </p>
              )}
              <Table
                caption="Kinds of failures"
                columns={COLUMNS}
                rows={items}
                keyOf={({ consumerName, fingerprint }) => `${consumerName} ${fingerprint ?? ''}`}
                ordering={error === undefined ? orderingOf(place, order ?? '') : undefined}
              />
              <Pager place={place} next={next} shown={items.length} />
            </>
          )
        }
      </Loaded>
    </Page>
  );
}
