import { useState } from 'preact/hooks';
import type { ConsumerDelivery, EventHistory, ExplainedEvent } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Act } from '../parts/button.tsx';
import { Empty } from '../parts/empty.tsx';
import { Folded } from '../parts/folded.tsx';
import { ConsumerLink, groupHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { counted } from '../parts/number.ts';
import { OperationDialog } from '../parts/operation-dialog.tsx';
import type { OperationWish } from '../parts/operation-start.ts';
import { Status, wordOf } from '../parts/status.tsx';
import { Foreign } from '../parts/text.tsx';
import { to } from '../router/router.ts';
import { CorrectDialog } from './correct-dialog.tsx';
import { Attempts } from './event-attempts.tsx';
import { RehearsalReport, RehearseDialog } from './rehearsal.tsx';
import { Why } from './why-not-yet.tsx';

/** What each consumer has done with an event, and what can be done about it. */
export function EventDeliveries({ event, reload }: { event: ExplainedEvent; reload: () => void }) {
  return (
    <>
      {event.consumers.length === 0 ? (
        <Empty title="No consumer asks for this event.">
          <a href={to(['consumers'])}>The consumers</a> say which events they ask for.
        </Empty>
      ) : (
        <FoldedDeliveries event={event} reload={reload} />
      )}
      <LeftOut of={event.leftOut} />
    </>
  );
}

/** The consumers that never get the event. There may be hundreds, so they are folded. */
function LeftOut({ of: { items, hasMore } }: { of: ExplainedEvent['leftOut'] }) {
  if (items.length === 0) return null;
  return (
    <details class="never">
      <summary>
        {hasMore ? 'More than ' : ''}
        {counted(items.length, 'consumer')} never get{items.length === 1 && !hasMore ? 's' : ''} it
      </summary>
      <ul>
        {items.map(({ consumerName, why }) => (
          <li key={consumerName}>
            <ConsumerLink name={consumerName} />: <Foreign most={600}>{why.sentence}</Foreign>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** The worst are seen first. Of many consumers with one status, all but a few are folded. */
function FoldedDeliveries({ event, reload }: { event: ExplainedEvent; reload: () => void }) {
  const list = (deliveries: readonly ConsumerDelivery[]) => (
    <ul class="deliveries">
      {deliveries.map((delivery) => (
        <li key={delivery.consumerName}>
          <OneDelivery event={event} delivery={delivery} reload={reload} />
        </li>
      ))}
    </ul>
  );
  const sorted = worstFirst(event.consumers);
  const ofStatus = (status: string) => sorted.filter((each) => each.status === status);
  const isShown = (each: ConsumerDelivery) => ofStatus(each.status).indexOf(each) < MOST_OF_A_STATUS;
  const statuses = [...new Set(sorted.map(({ status }) => status))];
  return (
    <>
      {list(sorted.filter(isShown))}
      {statuses.map((status) => {
        const more = ofStatus(status).slice(MOST_OF_A_STATUS);
        if (more.length === 0) return null;
        return (
          <Folded key={status} summary={`${counted(more.length, 'more consumer')}: ${wordOf(status)}`}>
            {() => list(more)}
          </Folded>
        );
      })}
    </>
  );
}

/** Of more consumers with one status, the others are folded, so that the payload below is not far away. */
const MOST_OF_A_STATUS = 5;

const TITLES = { redrive: 'Send it again to', discard: 'Discard it for', replay: 'Replay it at' } as const;

const WORST: readonly ConsumerDelivery['status'][] = ['dead_letter', 'failed', 'processing', 'pending'];

/** Of many consumers, those with a problem must be seen without a search. */
function worstFirst(deliveries: readonly ConsumerDelivery[]): ConsumerDelivery[] {
  const rank = ({ status }: ConsumerDelivery) =>
    WORST.includes(status) ? WORST.indexOf(status) : WORST.length;
  return [...deliveries].sort((a, b) => rank(a) - rank(b));
}

function OneDelivery({
  event,
  delivery,
  reload,
}: {
  event: ExplainedEvent;
  delivery: ConsumerDelivery;
  reload: () => void;
}) {
  const { consumerName: consumer, status, attemptCount, lastError, why } = delivery;
  const id = event.outboxEventId;
  const [wish, setWish] = useState<OperationWish>();
  const [isCorrecting, setIsCorrecting] = useState(false);
  const [isAsking, setIsAsking] = useState(false);
  const [rehearsal, setRehearsal] = useState<string>();
  // An event that succeeded at once has no row at its consumer, and so no history.
  const history = useRead(
    'GET events/{id}/history',
    { path: { id }, query: { consumer } },
    { isWanted: attemptCount > 0 || (status !== 'pending' && status !== 'processed') },
  );
  const close = () => {
    setWish(undefined);
    setIsCorrecting(false);
    reload();
    history.reload();
  };
  const isStuck = status === 'dead_letter' || status === 'failed';
  const isOver = status === 'processed' || status === 'skipped';
  const isDiscarded = history.data?.resolution?.action === 'discard';
  return (
    <>
      <div class="delivery-head">
        <h3>
          <ConsumerLink name={consumer} />
        </h3>
        {/* The first attempt at an event leaves no trace in the tables until it ends. */}
        <Status of={why?.code === 'running' ? 'processing' : status} />
        {attemptCount > 0 && <span class="muted">{counted(attemptCount, 'attempt')}</span>}
        {isOver && (
          <div class="acts">
            <Act
              needs={['operations.plan', 'consumers.replay']}
              label={`Replay at ${consumer}`}
              onAct={() => setWish({ kind: 'replay', consumer, from: event.position, to: event.position })}
            >
              Replay
            </Act>
          </div>
        )}
        {isStuck && (
          <div class="acts">
            <Act
              needs="operations.plan"
              kind="primary"
              label={`Send again to ${consumer}`}
              unless={status === 'failed' ? 'It is still tried again by itself.' : undefined}
              onAct={() => setWish({ kind: 'redrive', consumer, event: id })}
            >
              Send again
            </Act>
            <Act
              needs={['dead-letters.rehearse', 'dead-letters.read']}
              label={`Rehearse it at ${consumer}`}
              unless={status === 'failed' ? 'It is still tried again by itself.' : undefined}
              onAct={() => setIsAsking(true)}
            >
              Rehearse
            </Act>
            <Act
              needs="events.correct"
              label={`Correct it for ${consumer}`}
              onAct={() => setIsCorrecting(true)}
            >
              Correct
            </Act>
            <Act
              needs="operations.plan"
              kind="danger"
              label={`Discard for ${consumer}`}
              onAct={() => setWish({ kind: 'discard', consumer, event: id })}
            >
              Discard
            </Act>
          </div>
        )}
      </div>
      {why !== null && <Why consumer={consumer} why={why} onDone={reload} />}
      {isOver && isDiscarded && (
        <p class="muted">A replay takes the discard back: the consumer gets the event once more.</p>
      )}
      {lastError !== null && (
        <p class="error-text">
          <Foreign most={2_000}>{lastError}</Foreign>{' '}
          {status === 'dead_letter' && (
            <a href={groupHref(consumer, kindOf(history.data))}>All of this kind</a>
          )}
        </p>
      )}
      {rehearsal !== undefined && <RehearsalReport id={id} rehearsal={rehearsal} />}
      <Loaded from={history}>
        {(found) => <Attempts event={event} delivery={delivery} history={found} />}
      </Loaded>
      {wish !== undefined && (
        <OperationDialog
          title={`${TITLES[wish.kind]} ${consumer}`}
          about={`${event.eventName} at position ${event.position}`}
          wish={wish}
          onClose={close}
        />
      )}
      {isCorrecting && <CorrectDialog event={event} consumer={consumer} onClose={close} />}
      {isAsking && (
        <RehearseDialog
          event={event}
          consumer={consumer}
          onAsked={setRehearsal}
          onClose={() => setIsAsking(false)}
        />
      )}
    </>
  );
}

/** The kind of the last failure. Null for a dead letter that has none. */
function kindOf(history: EventHistory | undefined): string | null {
  return history?.attempts.at(-1)?.fingerprint ?? null;
}
