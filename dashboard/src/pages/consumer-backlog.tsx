import type { ComponentChildren } from 'preact';
import type { Backlog, BacklogEvent, Routes } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Empty } from '../parts/empty.tsx';
import { EntityLink, eventHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { atLeast, count } from '../parts/number.ts';
import { Panel } from '../parts/page.tsx';
import { Pager } from '../parts/pager.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Code, Foreign, NameLink } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';
import { Why } from './why-not-yet.tsx';

type State = NonNullable<Routes['GET consumers/{name}/backlog']['query']['state']>;

const STATES: readonly (readonly [state: State, word: string, field: keyof Backlog, meaning: string])[] = [
  [
    'pending',
    'Pending',
    'pending',
    'These are in the log. An event whose first attempt runs is one of them until that ends.',
  ],
  ['running', 'Running again', 'running', 'Retries of these run now, or each of these runs alone.'],
  ['retrying', 'Retrying', 'retrying', 'These have failed, and are tried again.'],
  ['postponed', 'Postponed', 'postponed', 'The handler has put these off, and gets them again.'],
  ['waiting', 'Waiting', 'waiting', 'These wait for an earlier event of their entity.'],
  ['delayed', 'Delayed', 'delayed', 'These were published for a later time.'],
  [
    'failed-for-good',
    'Failed for good',
    'failedForGood',
    'These have failed, and are not tried again. Dead letters were switched off at that time.',
  ],
  ['dead', 'Dead letters', 'deadLetters', 'These have failed with all their attempts.'],
];

const columnsOf = (consumer: string, onDone: () => void): readonly Column<BacklogEvent>[] => [
  {
    head: 'Event',
    isName: true,
    isLong: true,
    cell: ({ outboxEventId, eventName, position }) => (
      <NameLink href={eventHref(outboxEventId)}>{eventName ?? `position ${position}`}</NameLink>
    ),
  },
  { head: 'Position', align: 'end', cell: ({ position }) => <Code>{position}</Code> },
  {
    head: 'Entity',
    isLong: true,
    cell: ({ aggregateType, aggregateId }) => <EntityLink type={aggregateType} id={aggregateId} />,
  },
  { head: 'Attempts', align: 'end', cell: ({ attemptCount }) => count(attemptCount) },
  { head: 'Since', cell: ({ since }) => <Time at={since} /> },
  {
    head: 'Why not yet',
    isLong: true,
    cell: ({ why }) =>
      why === null ? <span class="muted">–</span> : <Why consumer={consumer} why={why} onDone={onDone} />,
  },
  {
    head: 'Next',
    cell: ({ dueAt }) => (dueAt === null ? <span class="muted">–</span> : <Time at={dueAt} />),
  },
  { head: 'Error', isLong: true, cell: ({ lastError }) => <Foreign most={160}>{lastError ?? '–'}</Foreign> },
];

/** The age counts what is tried again, as the chart below does. */
function behindText({ lag, says }: Backlog): ComponentChildren {
  if (lag === null || lag.isAtMost) return says;
  return (
    <>
      {says} Behind since <Time at={lag.since} />.
    </>
  );
}

/** What a consumer has still to do, by state. The chosen state stands in the URL. */
export function ConsumerBacklog({
  name,
  place,
  onChange,
}: {
  name: string;
  place: Place;
  onChange: () => void;
}) {
  const chosen = STATES.find(([state]) => state === place.query.get('state'));
  const state = chosen?.[0];
  const { after, ...rest } = Object.fromEntries(place.query);
  const reading = useRead('GET consumers/{name}/backlog', { path: { name }, query: { state, after } });
  const onDone = () => {
    reading.reload();
    onChange();
  };
  return (
    <Panel title="Backlog" about={reading.data && behindText(reading.data.backlog)}>
      <Loaded from={reading}>
        {({ backlog, items, next }) => (
          <>
            <ul class="figures inner states">
              {STATES.map(([each, word, field]) => (
                <li class={each === state ? 'figure here' : 'figure'} key={each}>
                  <a
                    href={to(place.path, { ...rest, state: each === state ? undefined : each })}
                    aria-current={each === state ? 'true' : undefined}
                  >
                    <span class="figure-name">{word}</span>
                    <span class="figure-value small-value">
                      {atLeast(backlog[field] as Backlog['pending'])}
                    </span>
                  </a>
                </li>
              ))}
            </ul>
            {chosen === undefined ? (
              <p class="muted small">Choose a number to see its events.</p>
            ) : items.length === 0 ? (
              <Empty title={`No event is in the state “${chosen[1].toLowerCase()}”.`}>
                Choose another number to see the events of its state.
              </Empty>
            ) : (
              <>
                <p class="muted small">{chosen[3]}</p>
                <Table
                  caption={chosen[1]}
                  columns={columnsOf(name, onDone)}
                  rows={items}
                  keyOf={({ id }) => id}
                />
                <Pager place={place} next={next} shown={items.length} />
              </>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}
