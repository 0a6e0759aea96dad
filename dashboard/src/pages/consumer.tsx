import { useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { Consumer, Partition } from '../api/schemas.ts';
import { useDenial, useSession } from '../api/session.tsx';
import { useRead } from '../api/use-read.ts';
import { Act } from '../parts/button.tsx';
import { commandLine } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';
import { LoadedPage } from '../parts/loading.tsx';
import { count, deadLettersOf } from '../parts/number.ts';
import { Facts, Page, Panel } from '../parts/page.tsx';
import { Mark } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Foreign } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { go, type Place, to } from '../router/router.ts';
import { ConsumerBacklog } from './consumer-backlog.tsx';
import { ConsumerBlocked } from './consumer-blocked.tsx';
import { ConsumerRatesCharts } from './consumer-rates.tsx';
import { ConsumerReplays } from './consumer-replays.tsx';
import { ConsumerRunning } from './consumer-running.tsx';
import { behindOf, ConsumerMark, toReadOf } from './consumers.tsx';
import { PAUSED } from './consumers-chosen.tsx';
import { ProblemLines } from './problem-lines.tsx';
import { RepartitionDialog } from './repartition-dialog.tsx';
import { ReplayDialog } from './replay-dialog.tsx';
import { ResumeDialog } from './resume-dialog.tsx';

const PARTITIONS: readonly Column<Partition>[] = [
  { head: 'Partition', isName: true, cell: ({ partition }) => partition },
  {
    head: 'Owner',
    isLong: true,
    cell: ({ owner, ownerNotSeenSince }) =>
      owner === null ? (
        <Mark tone="warn">no process</Mark>
      ) : (
        <>
          <Foreign>{`${owner.host ?? 'unknown host'}, pid ${owner.pid ?? 'unknown'}`}</Foreign>
          {ownerNotSeenSince !== null && (
            <>
              {' '}
              <Mark tone="warn">not seen</Mark> <Time at={ownerNotSeenSince} />
            </>
          )}
        </>
      ),
  },
  { head: 'To read', align: 'end', cell: toReadOf },
  {
    head: 'Behind',
    align: 'end',
    cell: behindOf,
  },
  { head: 'Dead letters', align: 'end', cell: deadLettersOf },
  {
    head: 'Last progress',
    cell: ({ lastProgressAt }) =>
      lastProgressAt === null ? <span class="muted">not yet</span> : <Time at={lastProgressAt} />,
  },
];

type Dialog = 'pause' | 'resume' | 'replay' | 'repartition' | 'remove' | undefined;

/** One consumer: what it has still to do, what holds it up, what runs, and what can be done. */
export function ConsumerPage({ place }: { place: Place }) {
  const name = place.path[1] ?? '';
  const reading = useRead('GET consumers/{name}', { path: { name } });
  return (
    <LoadedPage from={reading} title={name} above={<a href={to(['consumers'])}>Consumers</a>}>
      {(consumer) => <Shown consumer={consumer} place={place} reload={reading.reload} />}
    </LoadedPage>
  );
}

function Shown({ consumer, place, reload }: { consumer: Consumer; place: Place; reload: () => void }) {
  const { consumerName: name, paused, partitions, eventNames } = consumer;
  const [dialog, setDialog] = useState<Dialog>();
  const problems = useRead(
    'GET problems',
    { query: { consumer: name } },
    { isWanted: useDenial('overview.read') === undefined },
  );
  const { parts } = useSession();
  const isRelay = name.startsWith('relay.') && parts.includes('relay');
  const isSaga = name.startsWith('saga.') && parts.includes('sagas');
  const close = () => {
    setDialog(undefined);
    reload();
    problems.reload();
  };
  return (
    <Page
      title={name}
      above={<a href={to(['consumers'])}>Consumers</a>}
      about={
        <>
          Asks for <Foreign most={300}>{eventNames.join(', ')}</Foreign>.{' '}
          <a href={to(['flow'], { consumer: name })}>See where they come from</a>
          {isRelay && (
            <>
              . <a href={to(['relays'])}>See how its broker does</a>
            </>
          )}
          {isSaga && (
            <>
              . <a href={to(['sagas'], { saga: name.slice('saga.'.length) })}>See where its sagas stand</a>
            </>
          )}
        </>
      }
      acts={
        <>
          <ConsumerMark consumer={consumer} />
          {paused ? (
            <Act kind="primary" needs="consumers.resume" onAct={() => setDialog('resume')}>
              Resume
            </Act>
          ) : (
            <Act needs="consumers.pause" onAct={() => setDialog('pause')}>
              Pause
            </Act>
          )}
          <Act needs={['consumers.replay', 'operations.plan']} onAct={() => setDialog('replay')}>
            Replay
          </Act>
          <Act needs="consumers.repartition" onAct={() => setDialog('repartition')}>
            Partitions
          </Act>
          <Act needs="consumers.remove" kind="danger" onAct={() => setDialog('remove')}>
            Delete
          </Act>
        </>
      }
    >
      {(problems.data?.problems.length ?? 0) > 0 && (
        <Panel title="What is wrong">
          <ProblemLines list={problems.data} here={name} onDone={close} />
        </Panel>
      )}
      <ConsumerBacklog name={name} place={place} onChange={reload} />
      <ConsumerBlocked name={name} />
      <ConsumerRunning name={name} />
      <ConsumerReplays name={name} />
      <ConsumerRatesCharts name={name} place={place} />
      <Panel title="Partitions">
        <Table
          caption="Partitions"
          columns={PARTITIONS}
          rows={partitions}
          keyOf={({ partition }) => String(partition)}
        />
      </Panel>
      <Panel title="Details">
        <Facts>
          {[
            ['Partitions', count(partitions.length)],
            consumer.pausedSince === null
              ? undefined
              : ['Paused since', <Time key="p" at={consumer.pausedSince} />],
            consumer.unservedSince === null
              ? undefined
              : ['No process handles it since', <Time key="u" at={consumer.unservedSince} />],
            ['Has a process with its handlers', consumer.orphaned ? 'no' : 'yes'],
            [
              'Changes',
              <a key="a" href={to(['audit'], { target: `consumer/${name}` })}>
                See the audit
              </a>,
            ],
          ]}
        </Facts>
      </Panel>
      {dialog === 'pause' && (
        <Confirm
          title={`Pause ${name}`}
          act="Pause"
          command={(reason) => commandLine('consumers pause', [name], { reason })}
          onAct={(reason) => call('POST consumers/{name}/pause', { path: { name }, body: because(reason) })}
          onClose={close}
        >
          <p class="muted">{PAUSED}</p>
        </Confirm>
      )}
      {dialog === 'resume' && <ResumeDialog name={name} onClose={close} />}
      {dialog === 'replay' && <ReplayDialog name={name} onClose={close} />}
      {dialog === 'repartition' && <RepartitionDialog consumer={consumer} onClose={close} />}
      {dialog === 'remove' && (
        <Confirm
          title={`Delete ${name}`}
          act="Delete it"
          isDangerous
          needsReason
          command={(reason) => commandLine('consumers remove', [name], { reason })}
          onAct={async (reason) => {
            await call('DELETE consumers/{name}', { path: { name }, body: because(reason) });
            go(to(['consumers']));
          }}
          onClose={close}
        >
          <p>
            Its place in the log, its dead letters and its replays are deleted. This cannot be undone. It is
            refused while a process works on the consumer.
          </p>
        </Confirm>
      )}
    </Page>
  );
}

function because(reason: string | undefined): { reason?: string } {
  return reason === undefined ? {} : { reason };
}
