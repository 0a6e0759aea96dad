import { useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { OperationWithVerdict } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Act } from '../parts/button.tsx';
import { commandLine, curlOf } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';
import { ConsumerLink, groupHref } from '../parts/links.tsx';
import { LoadedPage } from '../parts/loading.tsx';
import { count, counted, duration } from '../parts/number.ts';
import { OperationDialog } from '../parts/operation-dialog.tsx';
import { OperationProgress, plannedOf } from '../parts/operation-progress.tsx';
import type { OperationWish } from '../parts/operation-start.ts';
import { Facts, Page, Panel } from '../parts/page.tsx';
import { Mark, Status } from '../parts/status.tsx';
import { Table } from '../parts/table.tsx';
import { Foreign } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';
import { OperationChart } from './operation-chart.tsx';
import { HoldDialog } from './operation-hold-dialog.tsx';
import { aboutOperation } from './operations.tsx';
import { WhyNothingIsSent } from './why-nothing-is-sent.tsx';

const LOOK_MS = 1_500;

/** One operation: how far it is, what became of its events, and what can be done next. */
export function OperationPage({ place }: { place: Place }) {
  const id = place.path[1] ?? '';
  const [isOver, setIsOver] = useState(false);
  const reading = useRead(
    'GET operations/{id}',
    { path: { id } },
    { isLive: false, everyMs: isOver ? undefined : LOOK_MS },
  );
  const { data } = reading;
  const isOverNow = data !== undefined && data.finishedAt !== null && data.verdict.pending === 0;
  if (isOverNow !== isOver) setIsOver(isOverNow);
  return (
    <LoadedPage from={reading} title="Operation" above={<a href={to(['operations'])}>Operations</a>}>
      {(operation) => <Shown operation={operation} reload={reading.reload} />}
    </LoadedPage>
  );
}

function Shown({ operation, reload }: { operation: OperationWithVerdict; reload: () => void }) {
  const [opened, setOpened] = useState<'cancel' | 'run' | 'rest' | 'pause' | 'resume' | 'rate'>();
  const { id, kind, state, filter, verdict } = operation;
  const all = plannedOf(operation);
  const isOpen = state === 'running' || state === 'planned' || state === 'paused';
  const close = () => {
    setOpened(undefined);
    reload();
  };
  const rest = restOf(operation);
  return (
    <Page
      title={aboutOperation(operation)}
      above={<a href={to(['operations'])}>Operations</a>}
      acts={
        <>
          {state === 'planned' && (
            <Act
              kind="primary"
              needs={kind === 'replay' ? ['operations.run', 'consumers.replay'] : 'operations.run'}
              onAct={() => setOpened('run')}
            >
              Run it
            </Act>
          )}
          {hasRest(operation) && (
            <Act
              // After a canary that failed, the rest would fail as well.
              kind={verdict.failedTheSameWay + verdict.failedOtherwise > 0 ? 'plain' : 'primary'}
              needs={kind === 'replay' ? ['operations.plan', 'consumers.replay'] : 'operations.plan'}
              unless={verdict.pending > 0 ? 'Wait until it is known what became of all of these.' : undefined}
              onAct={() => setOpened('rest')}
            >
              Send the rest
            </Act>
          )}
          {state === 'running' && (
            <Act needs="operations.pause" onAct={() => setOpened('pause')}>
              Pause it
            </Act>
          )}
          {state === 'paused' && (
            <Act kind="primary" needs="operations.resume" onAct={() => setOpened('resume')}>
              Go on with it
            </Act>
          )}
          {(state === 'running' || state === 'paused') && (
            <Act needs="operations.rate" onAct={() => setOpened('rate')}>
              Change the rate
            </Act>
          )}
          {isOpen && (
            <Act kind="danger" needs="operations.cancel" onAct={() => setOpened('cancel')}>
              Cancel it
            </Act>
          )}
        </>
      }
    >
      <Panel title="Progress" acts={<Status of={state} />}>
        <div class="body stack">
          <OperationProgress operation={operation} />
          {operation.secondsLeft !== null && <p>About {duration(operation.secondsLeft)} left.</p>}
          {kind === 'replay' && state === 'running' && <WhyNothingIsSent name={filter.consumerName ?? ''} />}
        </div>
      </Panel>
      {operation.sentence !== null && <Verdict operation={operation} />}
      {state !== 'planned' && kind !== 'discard' && <OperationChart operation={operation} />}
      {operation.parts.length > 0 && <Parts operation={operation} />}
      <Panel title="Details">
        <Facts>
          {[
            [
              'Consumer',
              filter.consumerName === undefined ? 'all' : <ConsumerLink name={filter.consumerName} key="c" />,
            ],
            ['Planned by', <Foreign key="b">{operation.requestedBy}</Foreign>],
            ['Planned', <Time at={operation.createdAt} key="p" />],
            operation.startedAt === null ? undefined : ['Started', <Time at={operation.startedAt} key="s" />],
            operation.finishedAt === null ? undefined : ['Ended', <Time at={operation.finishedAt} key="f" />],
            operation.cancelledBy === null
              ? undefined
              : ['Cancelled by', <Foreign key="x">{operation.cancelledBy}</Foreign>],
            ['Reason', <Foreign key="r">{operation.reason ?? 'not given'}</Foreign>],
            operation.stopAfter === null
              ? undefined
              : ['Stops after', counted(operation.stopAfter, 'failure')],
            operation.stopAbovePercent === null
              ? undefined
              : ['Stops above', `${operation.stopAbovePercent} % of failures`],
            operation.rate === null ? undefined : ['Rate', `${count(operation.rate)} a second`],
          ]}
        </Facts>
      </Panel>
      {opened === 'cancel' && (
        <Confirm
          title="Cancel the operation"
          act="Cancel it"
          isDangerous
          command={(reason) => commandLine('operations cancel', [id], { reason })}
          onAct={(reason) =>
            call('POST operations/{id}/cancel', {
              path: { id },
              body: because(reason),
            })
          }
          onClose={close}
        >
          <p>What it has changed so far stays changed.</p>
        </Confirm>
      )}
      {(opened === 'pause' || opened === 'resume' || opened === 'rate') && (
        <HoldDialog operation={operation} what={opened} onClose={close} />
      )}
      {opened === 'run' && (
        <Confirm
          title="Run the operation"
          act={actOf(kind)}
          isDangerous={kind === 'discard'}
          command={(reason) => curlOf('POST operations/{id}/run', { path: { id }, body: because(reason) })}
          onAct={(reason) => call('POST operations/{id}/run', { path: { id }, body: because(reason) })}
          onClose={close}
        >
          <p>
            {operation.plannedAtLeast ? `${count(all)} or more events` : counted(all, 'event')} are planned.
          </p>
        </Confirm>
      )}
      {opened === 'rest' && rest !== undefined && (
        <OperationDialog
          title="Send the rest again"
          about={aboutOperation({ ...operation, maxEvents: null })}
          wish={rest}
          onClose={close}
        />
      )}
    </Page>
  );
}

/** What it was about: each consumer with its error. */
function Parts({ operation: { parts } }: { operation: OperationWithVerdict }) {
  return (
    <Panel title="What it is about">
      <Table
        caption="What it is about"
        keyOf={({ consumerName, fingerprint }) => `${consumerName} ${fingerprint}`}
        rows={parts}
        columns={[
          {
            head: 'Consumer',
            isName: true,
            cell: ({ consumerName }) => <ConsumerLink name={consumerName} />,
          },
          {
            head: 'Error',
            isLong: true,
            cell: ({ consumerName, fingerprint, error }) =>
              fingerprint === null ? (
                '–'
              ) : (
                <a href={groupHref(consumerName, fingerprint)}>
                  <Foreign most={300}>{error ?? fingerprint}</Foreign>
                </a>
              ),
          },
          { head: 'Events', align: 'end', cell: ({ events }) => count(events) },
        ]}
      />
    </Panel>
  );
}

const because = (reason: string | undefined) => (reason === undefined ? {} : { reason });

function actOf(kind: string): string {
  if (kind === 'discard') return 'Discard them';
  return kind === 'redrive' || kind === 'replay' ? 'Send them again' : 'Run it';
}

/** Whether it has ended before everything that matches was sent again. */
function hasRest({ kind, state, maxEvents, nextPosition, toPosition }: OperationWithVerdict): boolean {
  if (state === 'running' || state === 'planned' || state === 'paused') return false;
  if (kind === 'redrive') return maxEvents !== null || state !== 'done';
  return kind === 'replay' && nextPosition !== null && toPosition !== null && nextPosition <= toPosition;
}

/** The same choice without a limit, and of a replay the rest of the log. Undefined for other kinds. */
function restOf({ kind, filter, nextPosition, toPosition }: OperationWithVerdict): OperationWish | undefined {
  if (kind !== 'redrive' && kind !== 'replay') return undefined;
  const { consumerName, outboxEventId, outboxEventIds, errorFingerprint, ...others } = filter;
  return {
    kind,
    ...others,
    consumer: consumerName,
    event: outboxEventId,
    events: outboxEventIds,
    fingerprint: errorFingerprint,
    ...(nextPosition === null || toPosition === null ? {} : { from: nextPosition, to: toPosition }),
  };
}

function Verdict({ operation: { kind, verdict, sentence, filter } }: { operation: OperationWithVerdict }) {
  const { succeeded, failedTheSameWay, failedOtherwise, pending, isPartial } = verdict;
  const failed = failedTheSameWay + failedOtherwise;
  return (
    <Panel title="What became of them" about={isPartial ? 'Counted up to 10,000 of each.' : undefined}>
      <ul class="figures inner">
        <Verdicted name="Succeeded" value={succeeded} tone="ok" />
        {kind === 'redrive' ? (
          <>
            <Verdicted name="Failed in the same way" value={failedTheSameWay} tone="bad" />
            <Verdicted name="Failed in another way" value={failedOtherwise} tone="bad" />
          </>
        ) : (
          <Verdicted name="Failed" value={failed} tone="bad" />
        )}
        <Verdicted name="On their way" value={pending} tone="info" />
      </ul>
      <p role="status">
        {sentence}{' '}
        {failed > 0 && filter.consumerName !== undefined && (
          <a
            href={
              filter.errorFingerprint === undefined
                ? to(['dead-letters'], { consumer: filter.consumerName })
                : groupHref(filter.consumerName, filter.errorFingerprint)
            }
          >
            See the dead letters
          </a>
        )}
      </p>
    </Panel>
  );
}

function Verdicted({ name, value, tone }: { name: string; value: number; tone: 'ok' | 'bad' | 'info' }) {
  return (
    <li class="figure plain">
      <span class="figure-name">{name}</span>
      <span class="figure-value">{count(value)}</span>
      {value > 0 && tone === 'bad' && <Mark tone="bad">failed</Mark>}
    </li>
  );
}
