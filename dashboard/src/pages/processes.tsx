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
import { Facts, Page, Panel } from '../parts/page.tsx';
import { Mark } from '../parts/status.tsx';
import { Table } from '../parts/table.tsx';
import { Code, Foreign } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';

const STATES = [
  ['', 'any'],
  ['alive', 'alive'],
  ['gone', 'not seen'],
] as const;

/** Which processes there are, what each works on, and what runs there now. */
export function ProcessesPage({ place }: { place: Place }) {
  const reading = useRead('GET processes', { query: { limit: 200 } });
  const text = (place.query.get('text') ?? '').toLowerCase();
  const state = place.query.get('state');
  const isShown = ({ host, handles, alive }: Process) =>
    [host, ...handles].some((each) => each.toLowerCase().includes(text)) &&
    (state === null || alive === (state === 'alive'));
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
        {({ items }) =>
          items.length > 0 && !items.some(isShown) ? (
            <Empty title="No process matches the filter.">
              <a href={to(['processes'])}>Clear the filter</a> to see all {items.length}.
            </Empty>
          ) : items.length === 0 ? (
            <Empty title="No process has registered.">
              A process registers when it starts with a role that works on consumers.
            </Empty>
          ) : (
            items.filter(isShown).map((process) => <One key={process.id} process={process} />)
          )
        }
      </Loaded>
    </Page>
  );
}

/** The most partitions of a process that are shown. Those in which something runs come first. */
const MOST_SHOWN = 8;

function One({ process }: { process: Process }) {
  const { links } = useSession();
  const { host, pid, role, version, alive, connected, handles, owns } = process;
  const isBusy = (each: Owning) => runningAt(process, each).length > 0;
  const busiestFirst = [...owns.filter(isBusy), ...owns.filter((each) => !isBusy(each))];
  const quiet = busiestFirst.slice(MOST_SHOWN).filter((each) => !isBusy(each)).length;
  return (
    <Panel
      title={`${host}, pid ${pid}`}
      about={
        <>
          Role {role}, {version === null ? 'unknown version' : `version ${version}`}{' '}
          <LinkOut template={links.host} values={{ host, pid }}>
            See the host
          </LinkOut>
        </>
      }
      acts={
        alive ? (
          connected === false ? (
            <Mark tone="warn">alive, not connected</Mark>
          ) : (
            <Mark tone="ok">alive</Mark>
          )
        ) : (
          <Mark tone="bad">not seen</Mark>
        )
      }
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
