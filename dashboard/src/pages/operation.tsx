import { useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { OperationWithVerdict } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Act } from '../parts/button.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { LeftOut } from '../parts/left-out.tsx';
import { ConsumerLink, groupHref } from '../parts/links.tsx';
import { LoadedPage } from '../parts/loading.tsx';
import { count, counted } from '../parts/number.ts';
import { OperationDialog } from '../parts/operation-dialog.tsx';
import { Facts, Page, Panel } from '../parts/page.tsx';
import { Mark, Status } from '../parts/status.tsx';
import { Foreign } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';
import { aboutOperation, progressOf } from './operations.tsx';

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
  const isOverNow =
    data !== undefined && data.state !== 'running' && data.state !== 'planned' && data.verdict.pending === 0;
  if (isOverNow !== isOver) setIsOver(isOverNow);
  return (
    <LoadedPage from={reading} title="Operation" above={<a href={to(['operations'])}>Operations</a>}>
      {(operation) => <Shown operation={operation} reload={reading.reload} />}
    </LoadedPage>
  );
}

function Shown({ operation, reload }: { operation: OperationWithVerdict; reload: () => void }) {
  const [opened, setOpened] = useState<'cancel' | 'run' | 'rest'>();
  const { id, kind, state, filter, plannedEvents, maxEvents, changed, verdict, error } = operation;
  const all = maxEvents === null ? plannedEvents : Math.min(maxEvents, plannedEvents);
  const share = all === 0 ? 0 : Math.min(100, Math.round((100 * changed) / all));
  const isOpen = state === 'running' || state === 'planned';
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
            <Act kind="primary" needs="operations.run" onAct={() => setOpened('run')}>
              Run it
            </Act>
          )}
          {kind === 'redrive' && !isOpen && maxEvents !== null && (
            <Act
              kind="primary"
              needs="operations.plan"
              unless={verdict.pending > 0 ? 'Wait until it is known what became of all of these.' : undefined}
              onAct={() => setOpened('rest')}
            >
              Send the rest
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
          <progress max={100} value={share} aria-label="Events that were changed" />
          <p role="status">
            {progressOf(operation)} events {kind === 'discard' ? 'were discarded' : 'were sent again'}
            {operation.rate === null ? '' : `, at most ${count(operation.rate)} a second`}.
            <LeftOut operation={operation} />
          </p>
          {error !== null && (
            <p class="bad-text">
              <Foreign>{error}</Foreign>
            </p>
          )}
        </div>
      </Panel>
      {kind !== 'discard' && changed > 0 && <Verdict operation={operation} />}
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
          ]}
        </Facts>
      </Panel>
      {opened === 'cancel' && (
        <Confirm
          title="Cancel the operation"
          act="Cancel it"
          isDangerous
          onAct={(reason) =>
            call('POST operations/{id}/cancel', {
              path: { id },
              body: reason === undefined ? {} : { reason },
            })
          }
          onClose={close}
        >
          <p>What it has changed so far stays changed.</p>
        </Confirm>
      )}
      {opened === 'run' && (
        <Confirm
          title="Run the operation"
          act={kind === 'discard' ? 'Discard them' : 'Send them again'}
          isDangerous={kind === 'discard'}
          onAct={(reason) =>
            call('POST operations/{id}/run', { path: { id }, body: reason === undefined ? {} : { reason } })
          }
          onClose={close}
        >
          <p>{counted(all, 'event')} are planned.</p>
        </Confirm>
      )}
      {opened === 'rest' && (
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

/** The same choice without a limit. */
function restOf({ kind, filter }: OperationWithVerdict) {
  return {
    kind,
    ...(filter.consumerName === undefined ? {} : { consumer: filter.consumerName }),
    ...(filter.eventName === undefined ? {} : { eventName: filter.eventName }),
    ...(filter.aggregateType === undefined ? {} : { aggregateType: filter.aggregateType }),
    ...(filter.aggregateId === undefined ? {} : { aggregateId: filter.aggregateId }),
    ...(filter.outboxEventId === undefined ? {} : { event: filter.outboxEventId }),
    ...(filter.outboxEventIds === undefined ? {} : { events: filter.outboxEventIds }),
    ...(filter.position === undefined ? {} : { position: filter.position }),
    ...(filter.errorFingerprint === undefined ? {} : { fingerprint: filter.errorFingerprint }),
  };
}

function Verdict({ operation: { verdict, filter, changed } }: { operation: OperationWithVerdict }) {
  const { succeeded, failedTheSameWay, failedOtherwise, pending, isPartial } = verdict;
  const failed = failedTheSameWay + failedOtherwise;
  const says =
    pending > 0
      ? 'Some of them are still on their way.'
      : failed === 0
        ? 'All of them were handled. Whatever was broken is mended.'
        : failedTheSameWay > 0
          ? 'Some have failed in the same way as before. Whatever was broken is still broken.'
          : 'Some have failed in another way than before.';
  return (
    <Panel title="What became of them" about={isPartial ? 'Of the first 10,000 of them.' : undefined}>
      <ul class="figures inner">
        <Verdicted name="Succeeded" value={succeeded} tone="ok" />
        <Verdicted name="Failed in the same way" value={failedTheSameWay} tone="bad" />
        <Verdicted name="Failed in another way" value={failedOtherwise} tone="bad" />
        <Verdicted name="On their way" value={pending} tone="info" />
      </ul>
      <p role="status">
        {says}{' '}
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
        {changed === 0 && 'Nothing was sent yet.'}
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
