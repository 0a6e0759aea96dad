import type { Process } from '../api/schemas.ts';
import { useSession } from '../api/session.tsx';
import { useRead } from '../api/use-read.ts';
import { Empty } from '../parts/empty.tsx';
import { Filter } from '../parts/filter.tsx';
import { Folded } from '../parts/folded.tsx';
import { LinkOut } from '../parts/link-out.tsx';
import { ConsumerLink } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { count, counted } from '../parts/number.ts';
import { orderingOf } from '../parts/ordering.ts';
import { Facts, Page, Panel } from '../parts/page.tsx';
import { Pager } from '../parts/pager.tsx';
import { Mark } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Code, Foreign } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';

const STATES = [
  ['', 'any'],
  ['alive', 'alive'],
  ['gone', 'not seen'],
] as const;

/** `worker-2` comes before `worker-10`. */
const NAMES = new Intl.Collator('en', { numeric: true });

const ORDERS = {
  name: (a: Process, b: Process) => NAMES.compare(nameOf(a), nameOf(b)),
  state: (a: Process, b: Process) => Number(a.alive) - Number(b.alive) || ORDERS.name(a, b),
  version: (a: Process, b: Process) => NAMES.compare(a.version ?? '', b.version ?? '') || ORDERS.name(a, b),
  started: (a: Process, b: Process) => Date.parse(b.startedAt) - Date.parse(a.startedAt),
  handles: (a: Process, b: Process) => b.handles.length - a.handles.length || ORDERS.name(a, b),
  owns: (a: Process, b: Process) => b.owns.length - a.owns.length || ORDERS.name(a, b),
  running: (a: Process, b: Process) => b.working.length - a.working.length || ORDERS.name(a, b),
} as const;

const COLUMNS: readonly Column<Process>[] = [
  {
    head: 'Process',
    isName: true,
    isLong: true,
    order: { name: 'name', first: 'ascending' },
    cell: (process) => <Foreign>{nameOf(process)}</Foreign>,
  },
  {
    head: 'State',
    order: { name: 'state', first: 'ascending' },
    cell: (process) => <StateMark process={process} />,
  },
  {
    head: 'Version',
    order: { name: 'version', first: 'ascending' },
    cell: ({ version }) => <Foreign>{version ?? 'unknown'}</Foreign>,
  },
  {
    head: 'Started',
    order: { name: 'started', first: 'descending' },
    cell: ({ startedAt }) => <Time at={startedAt} />,
  },
  {
    head: 'Handles',
    align: 'end',
    order: { name: 'handles', first: 'descending' },
    cell: ({ handles }) => count(handles.length),
  },
  {
    head: 'Owns',
    align: 'end',
    order: { name: 'owns', first: 'descending' },
    cell: ({ owns }) => count(owns.length),
  },
  {
    head: 'Runs for 2 s',
    align: 'end',
    order: { name: 'running', first: 'descending' },
    cell: ({ working }) => count(working.length),
  },
];

function nameOf({ host, pid }: Process): string {
  return `${host}, pid ${pid}`;
}

function StateMark({ process: { alive, connected } }: { process: Process }) {
  if (!alive) return <Mark tone="bad">not seen</Mark>;
  return connected === false ? <Mark tone="warn">alive, not connected</Mark> : <Mark tone="ok">alive</Mark>;
}

/** So many processes are on one page. */
const MOST_LISTED = 200;

/** Which processes there are, what each works on, and what runs there now. */
export function ProcessesPage({ place }: { place: Place }) {
  const text = place.query.get('text') ?? undefined;
  const state = place.query.get('state') ?? undefined;
  const after = place.query.get('after') ?? undefined;
  const isFiltered = text !== undefined || state !== undefined;
  const reading = useRead('GET processes', {
    query: { limit: MOST_LISTED, text, alive: state === undefined ? undefined : state === 'alive', after },
  });
  const order = (place.query.get('order') ?? 'name') as keyof typeof ORDERS;
  return (
    <Page title="Processes" about="Each process reports every few seconds that it is alive.">
      <Filter
        place={place}
        fields={[
          { name: 'text', label: 'Host or consumer' },
          { name: 'state', label: 'State', options: STATES },
        ]}
      />
      <Loaded from={reading}>
        {({ items, next }) => (
          <>
            {items.length > 0 ? (
              <>
                {(next !== null || after !== undefined) && (
                  <p class="muted">There are more processes. The order is of those of this page.</p>
                )}
                <Shown
                  processes={[...items].sort(ORDERS[order] ?? ORDERS.name)}
                  order={order}
                  place={place}
                />
              </>
            ) : after !== undefined ? (
              <Empty title="The list ends here." />
            ) : isFiltered ? (
              <Empty title="No process matches the filter.">
                <a href={to(['processes'])}>Clear the filter</a> to see all.
              </Empty>
            ) : (
              <Empty title="No process has registered.">
                A process registers when it starts with a role that works on consumers.
              </Empty>
            )}
            <Pager place={place} next={next} shown={items.length} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

/** All of them in a table, and then each by itself, in the same order. */
function Shown({ processes, order, place }: { processes: readonly Process[]; order: string; place: Place }) {
  return (
    <>
      {processes.length > 1 && (
        <Table
          caption="Processes"
          columns={COLUMNS}
          rows={processes}
          keyOf={({ id }) => id}
          ordering={orderingOf(place, order, 'name')}
        />
      )}
      {processes.map((process) => (
        <One key={process.id} process={process} />
      ))}
    </>
  );
}

/** The most partitions of a process that are shown. Those in which something runs come first. */
const MOST_SHOWN = 8;

function One({ process }: { process: Process }) {
  const { links } = useSession();
  const { host, pid, role, version, handles, owns } = process;
  const isBusy = (each: Owning) => runningAt(process, each).length > 0;
  const busiestFirst = [...owns.filter(isBusy), ...owns.filter((each) => !isBusy(each))];
  const quiet = busiestFirst.slice(MOST_SHOWN).filter((each) => !isBusy(each)).length;
  return (
    <Panel
      title={nameOf(process)}
      about={
        <>
          Role {role}, {version === null ? 'unknown version' : `version ${version}`}{' '}
          <LinkOut template={links.host} values={{ host, pid }}>
            See the host
          </LinkOut>
        </>
      }
      acts={<StateMark process={process} />}
    >
      <Facts>
        {[
          ['Started', <Time at={process.startedAt} key="s" />],
          ['Last seen', <Time at={process.seenAt} key="l" />],
          ['Handles', counted(handles.length, 'consumer')],
          ['Owns', counted(owns.length, 'partition')],
          [
            'Settings',
            <a key="v" href={to(['settings'])}>
              {counted(Object.keys(process.settings).length, 'value')} in use
            </a>,
          ],
        ]}
      </Facts>
      {owns.length > 0 && <Owned process={process} owns={busiestFirst.slice(0, MOST_SHOWN)} />}
      {busiestFirst.length > MOST_SHOWN && (
        <Folded
          summary={`${counted(busiestFirst.length - MOST_SHOWN, 'more partition')}, nothing runs for longer than 2 s in ${quiet === busiestFirst.length - MOST_SHOWN ? 'any of them' : `${count(quiet)} of them`}`}
        >
          {() => <Owned process={process} owns={busiestFirst.slice(MOST_SHOWN)} />}
        </Folded>
      )}
    </Panel>
  );
}

type Owning = Process['owns'][number];

/** What runs there now, for longer than two seconds. */
function runningAt({ working }: Process, { consumerName, partition }: Owning): Process['working'] {
  return working.filter((each) => each.consumerName === consumerName && each.partition === partition);
}

/** What a process owns, and what it does there. */
function Owned({ process, owns }: { process: Process; owns: readonly Owning[] }) {
  const { host, pid } = process;
  return (
    <Table
      caption={`What ${host}, pid ${pid} works on`}
      rows={owns}
      keyOf={({ consumerName, partition }) => `${consumerName} ${partition}`}
      columns={[
        {
          head: 'Consumer',
          isName: true,
          isLong: true,
          cell: ({ consumerName }) => <ConsumerLink name={consumerName} />,
        },
        { head: 'Partition', align: 'end', cell: ({ partition }) => partition },
        {
          head: 'Runs now',
          isLong: true,
          cell: (owning) => {
            const running = runningAt(process, owning);
            if (running.length === 0) return <span class="muted">nothing for longer than 2 s</span>;
            return running.map(({ position, eventName, attempt, since }) => (
              <div key={position}>
                <Foreign>{eventName}</Foreign> at <Code>{position}</Code>, attempt {attempt}, since{' '}
                <Time at={since} />
              </div>
            ));
          },
        },
        { head: 'Lease until', cell: ({ until }) => <Time at={until} /> },
      ]}
    />
  );
}
