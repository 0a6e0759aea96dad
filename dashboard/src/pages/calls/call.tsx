import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { CallTimeline, ExternalCall } from '../../api/schemas.ts';
import { useRead } from '../../api/use-read.ts';
import { Act } from '../../parts/button.tsx';
import { Empty } from '../../parts/empty.tsx';
import { ConsumerLink } from '../../parts/links.tsx';
import { Loaded, LoadedPage } from '../../parts/loading.tsx';
import { count } from '../../parts/number.ts';
import { Facts, Page, Panel } from '../../parts/page.tsx';
import { Mark } from '../../parts/status.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Code, Foreign, NameLink } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { type Place, to } from '../../router/router.ts';
import { CancelCall, CheckCall, RetryCall } from './call-dialogs.tsx';
import { CallMark, CallState, callHref } from './call-texts.tsx';

type Report = CallTimeline['items'][number];
type Next = NonNullable<ExternalCall['next']>;

/** One call: how it stands, what comes next, and everything that was heard of it. */
export function CallPage({ place }: { place: Place }) {
  const id = place.path[1] ?? '';
  const reading = useRead('GET calls/{id}', { path: { id } });
  const timeline = useRead('GET calls/{id}/timeline', { path: { id } });
  const reload = () => {
    reading.reload();
    timeline.reload();
  };
  return (
    <LoadedPage from={reading} title={id} above={<a href={to(['calls'])}>Calls</a>}>
      {(call) => (
        <Shown call={call} reload={reload}>
          <Panel
            title="Timeline"
            about="Everything that was heard of it. What is repeated, late or contradicting is kept, and changes nothing."
          >
            <Loaded from={timeline}>
              {({ items }) =>
                items.length === 0 ? (
                  <Empty title="Nothing was heard yet.">The first report is the answer to its start.</Empty>
                ) : (
                  <Table caption="Reports" columns={TIMELINE} rows={items} keyOf={({ id }) => String(id)} />
                )
              }
            </Loaded>
          </Panel>
        </Shown>
      )}
    </LoadedPage>
  );
}

function Shown({
  call,
  reload,
  children,
}: {
  call: ExternalCall;
  reload: () => void;
  children: ComponentChildren;
}) {
  const [asked, setAsked] = useState<'check' | 'retry' | 'cancel'>();
  const close = () => {
    setAsked(undefined);
    reload();
  };
  const { id, type, status, endedAt } = call;
  const ended = endedAt === null ? undefined : `It has ended: it is ${status}.`;
  const isToRetry = status === 'failed' || status === 'requested';
  return (
    <Page
      title={id}
      above={
        <>
          <a href={to(['calls'])}>Calls</a> · <NameLink href={to(['calls'], { type })}>{type}</NameLink>
        </>
      }
      acts={
        <>
          <CallState call={call} />
          <Act needs="calls.change" unless={ended} onAct={() => setAsked('check')}>
            Check
          </Act>
          <Act
            needs="calls.change"
            unless={
              isToRetry
                ? undefined
                : `It is ${status}. Only what has failed, or was not taken, is tried again.`
            }
            onAct={() => setAsked('retry')}
          >
            Retry
          </Act>
          <Act needs="calls.change" unless={ended} onAct={() => setAsked('cancel')}>
            Cancel
          </Act>
        </>
      }
    >
      <Standing call={call} />
      {children}
      <About call={call} />
      {asked === 'check' && <CheckCall call={call} onClose={close} />}
      {asked === 'retry' && <RetryCall call={call} onClose={close} />}
      {asked === 'cancel' && <CancelCall call={call} onClose={close} />}
    </Page>
  );
}

const NEXT: Readonly<Record<Next, string>> = {
  start: 'The other system is asked to begin',
  'find-out': 'It is found out whether the other system has taken it',
  poll: 'The other system is asked how far it is',
  report: 'It waits for a report',
  cancel: 'The other system is told that it is not wanted any more',
};

function Standing({ call }: { call: ExternalCall }) {
  const { next, dueAt, deadlineAt, endedAt, attempts, error, lastError, cancelReason } = call;
  return (
    <Panel title="How it stands">
      <Facts>
        {[
          next === null ? undefined : ['Next', NEXT[next]],
          dueAt === null ? undefined : ['Due', <Time key="n" at={dueAt} />],
          endedAt === null
            ? ['Deadline', <Time key="d" at={deadlineAt} />]
            : ['Ended', <Time key="e" at={endedAt} />],
          ['Attempts', count(attempts)],
          error === null
            ? undefined
            : [
                'Error',
                <Foreign key="r" most={500}>
                  {`${error.code}: ${error.message}`}
                </Foreign>,
              ],
          lastError === null
            ? undefined
            : [
                'Last failure',
                <Foreign key="l" most={500}>
                  {lastError}
                </Foreign>,
              ],
          cancelReason === null
            ? undefined
            : [
                'Cancelled',
                <Foreign key="c" most={500}>
                  {cancelReason}
                </Foreign>,
              ],
          ['Changed', <Time key="h" at={call.changedAt} />],
          ['Made', <Time key="m" at={call.createdAt} />],
        ]}
      </Facts>
    </Panel>
  );
}

function About({ call }: { call: ExternalCall }) {
  const { id, type, tenantId, group, subject, caller, externalId, retryOf } = call;
  const orNone = (text: string) => (text === '' ? 'none' : <Foreign>{text}</Foreign>);
  return (
    <Panel title="Details">
      <Facts>
        {[
          ['Type', <Foreign key="t">{type}</Foreign>],
          [
            'What the other system calls it',
            externalId === null ? 'not known yet' : <Foreign key="x">{externalId}</Foreign>,
          ],
          ['About', orNone(subject === null ? '' : `${subject.type} ${subject.id}`)],
          [
            'Made by',
            caller === null ? (
              'the application'
            ) : (
              <NameLink key="c" href={to(['sagas', caller.saga, caller.key])}>
                {`saga ${caller.saga} ${caller.key}`}
              </NameLink>
            ),
          ],
          retryOf === null
            ? undefined
            : [
                'Repeats',
                <NameLink key="r" href={callHref(retryOf)}>
                  {retryOf}
                </NameLink>,
              ],
          ['Tenant', orNone(tenantId)],
          ['Group', orNone(group)],
          ['Consumer', <ConsumerLink key="o" name={`integration.calls.${type}`} />],
          [
            'Its events',
            <a key="v" href={to(['entities', 'external_call', id])}>
              See its entity
            </a>,
          ],
          [
            'Changes by admins',
            <a key="a" href={to(['audit'], { target: `call/${id}` })}>
              See the audit
            </a>,
          ],
          ['Id', <Code key="i">{id}</Code>],
        ]}
      </Facts>
    </Panel>
  );
}

const TIMELINE: readonly Column<Report>[] = [
  { head: 'Heard', isName: true, cell: ({ at }) => <Time at={at} /> },
  { head: 'Phase', cell: ({ phase }) => <CallMark status={phase} /> },
  { head: 'From', isLong: true, cell: ({ source }) => <Foreign>{source}</Foreign> },
  {
    head: 'Became',
    cell: ({ applied }) => (applied ? <Mark tone="ok">applied</Mark> : <Mark tone="quiet">kept</Mark>),
  },
  {
    head: 'Times',
    align: 'end',
    cell: ({ times, lastAt }) =>
      times === 1 ? (
        '1'
      ) : (
        <span>
          {count(times)}, last <Time at={lastAt} />
        </span>
      ),
  },
  {
    head: 'External id',
    isLong: true,
    cell: ({ externalId }) => (externalId === null ? '' : <Foreign>{externalId}</Foreign>),
  },
];
