import type { FlowMap } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Empty } from '../parts/empty.tsx';
import { Filter } from '../parts/filter.tsx';
import { Folded } from '../parts/folded.tsx';
import { ConsumerLink } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { atLeast, count, counted, duration, perSecond } from '../parts/number.ts';
import { Page, Panel } from '../parts/page.tsx';
import { Mark, type Tone } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Foreign, NameLink } from '../parts/text.tsx';
import { filterBy, type Place, to } from '../router/router.ts';
import { FlowDrawing } from './flow-drawing.tsx';

type Name = FlowMap['names'][number];
type Consumer = FlowMap['consumers'][number];

const STATES: Readonly<Record<Consumer['state'], readonly [word: string, tone: Tone]>> = {
  'dead-letters': ['dead letters', 'bad'],
  behind: ['behind', 'warn'],
  paused: ['paused', 'info'],
  'in-time': ['in time', 'ok'],
};

const NAMES: readonly Column<Name>[] = [
  {
    head: 'Event',
    isName: true,
    isLong: true,
    cell: ({ eventName, sourceModule }) => (
      <NameLink href={to(['events'], { name: eventName, module: sourceModule })}>{eventName}</NameLink>
    ),
  },
  { head: 'Module', isLong: true, cell: ({ sourceModule }) => <Foreign>{sourceModule}</Foreign> },
  { head: 'Events', align: 'end', cell: ({ events }) => count(events) },
  { head: 'Rate', align: 'end', cell: (name) => perSecond(name.perSecond) },
  { head: 'Consumers', align: 'end', cell: ({ consumers }) => count(consumers) },
  { head: 'In words', cell: ({ says }) => says },
];

const CONSUMERS: readonly Column<Consumer>[] = [
  {
    head: 'Consumer',
    isName: true,
    isLong: true,
    cell: ({ consumerName }) => <ConsumerLink name={consumerName} />,
  },
  { head: 'State', cell: ({ state }) => <Mark tone={STATES[state][1]}>{STATES[state][0]}</Mark> },
  { head: 'Dead letters', align: 'end', cell: ({ deadLetters }) => atLeast(deadLetters) },
  {
    head: 'Behind',
    align: 'end',
    cell: ({ lagSeconds }) => (lagSeconds === null ? 'up to date' : duration(lagSeconds)),
  },
  { head: 'Rate', align: 'end', cell: (consumer) => perSecond(consumer.perSecond) },
  { head: 'Names', align: 'end', cell: ({ names }) => count(names) },
  { head: 'In words', cell: ({ says }) => says },
  {
    head: 'Asks for',
    isLong: true,
    cell: ({ eventNames }) => <Foreign most={90}>{eventNames.join(', ')}</Foreign>,
  },
];

/** From which modules events come, and who gets them. */
export function FlowPage({ place }: { place: Place }) {
  const [module, name, consumer, limit] = ['module', 'name', 'consumer', 'limit'].map(
    (field) => place.query.get(field) ?? undefined,
  );
  const given = limit === undefined ? undefined : Number(limit);
  const reading = useRead('GET flow', { query: { module, name, consumer, limit: given } });
  const { data } = reading;
  return (
    <Page title="Flow" about={data?.window.says}>
      <Filter
        place={place}
        fields={[
          {
            name: 'module',
            label: 'Module',
            suggestions: suggested(data?.names, (each) => each.sourceModule),
          },
          {
            name: 'name',
            label: 'Event name',
            placeholder: 'order.placed or order.*',
            suggestions: suggested(data?.names, (each) => each.eventName),
          },
          {
            name: 'consumer',
            label: 'Consumer',
            suggestions: suggested(data?.consumers, (each) => each.consumerName),
          },
        ]}
      />
      <Loaded from={reading}>
        {(map) =>
          map.names.length + map.consumers.length === 0 ? (
            module === undefined && name === undefined && consumer === undefined ? (
              <Empty title="Nothing flows.">No event was published yet, and no consumer is registered.</Empty>
            ) : (
              <Empty title="Nothing matches the filter.">
                <a href={to(['flow'])}>Clear the filter</a>. Names are those of the newest events only.
              </Empty>
            )
          ) : (
            <>
              <Panel title="Map" about={<Legend />} acts={<Fold place={place} map={map} />}>
                <FlowDrawing map={map} place={place} />
              </Panel>
              <Folded summary={`The same as tables: ${shownOf(map)}`}>{() => <Tables map={map} />}</Folded>
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

function Legend() {
  return (
    <span class="flow-legend">
      A line is as wide as its rate. <span class="key dead-letters">dead letters</span>{' '}
      <span class="key behind">more than a minute behind</span> <span class="key paused">paused</span>{' '}
      <span class="key unasked">nobody asks</span>
    </span>
  );
}

/** What is left out stands in the last box of a column. Somebody who has seen all of it folds it again. */
function Fold({ place, map }: { place: Place; map: FlowMap }) {
  const isOpen = place.query.has('limit');
  if (!isOpen && map.moreNames === null && map.moreConsumers === null) return null;
  return (
    <button
      type="button"
      class="link"
      aria-pressed={isOpen}
      onClick={() => filterBy(place, { limit: isOpen ? undefined : 300 })}
    >
      Show up to 300
    </button>
  );
}

function Tables({ map }: { map: FlowMap }) {
  return (
    <>
      <Panel title="Names of events" about={map.moreNames && `And ${map.moreNames.says}.`}>
        {map.names.length === 0 ? (
          <p class="body muted">None of the newest events is for it.</p>
        ) : (
          <Table
            caption="Names of events"
            columns={NAMES}
            rows={map.names}
            keyOf={({ sourceModule, eventName }) => JSON.stringify([sourceModule, eventName])}
          />
        )}
      </Panel>
      <Panel title="Consumers" about={map.moreConsumers && `And ${map.moreConsumers.says}.`}>
        {map.consumers.length === 0 ? (
          <p class="body muted">No consumer asks for this.</p>
        ) : (
          <Table
            caption="Consumers"
            columns={CONSUMERS}
            rows={map.consumers}
            keyOf={({ consumerName }) => consumerName}
          />
        )}
      </Panel>
    </>
  );
}

function shownOf({ names, consumers }: FlowMap): string {
  return `${counted(names.length, 'name')}, ${counted(consumers.length, 'consumer')}`;
}

function suggested<T>(rows: readonly T[] | undefined, of: (row: T) => string): string[] {
  return [...new Set((rows ?? []).map(of))];
}
