import { useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import type { WebhookDelivery } from '../../api/schemas.ts';
import { useRead } from '../../api/use-read.ts';
import { Act } from '../../parts/button.tsx';
import { curlOf } from '../../parts/command.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { JsonView } from '../../parts/json-view.tsx';
import { eventHref } from '../../parts/links.tsx';
import { LoadedPage } from '../../parts/loading.tsx';
import { count } from '../../parts/number.ts';
import { Facts, Page, Panel } from '../../parts/page.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Code, Foreign } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { type Place, to } from '../../router/router.ts';
import { AnswerText } from './answer-text.tsx';
import { DeliveryMark } from './destination-state.tsx';
import { destinationHref } from './webhook-links.ts';

/** One delivery: what is sent, and what was answered to each attempt. */
export function DeliveryPage({ place }: { place: Place }) {
  const [, id = '', position = ''] = place.path;
  const path = { id, position: Number(position) };
  const reading = useRead('GET webhooks/destinations/{id}/deliveries/{position}', { path });
  const above = <a href={destinationHref(id)}>The destination</a>;
  return (
    <LoadedPage from={reading} title={`Delivery of position ${position}`} above={above}>
      {(delivery) => <Shown delivery={delivery} reload={reading.reload} />}
    </LoadedPage>
  );
}

type Attempt = WebhookDelivery['attemptList'][number];

const ATTEMPTS: readonly Column<Attempt>[] = [
  { head: 'Attempt', isName: true, cell: ({ attempt }) => count(attempt) },
  { head: 'When', cell: ({ at }) => <Time at={at} /> },
  { head: 'Took', align: 'end', cell: ({ durationMs }) => `${count(durationMs)} ms` },
  {
    head: 'Status',
    cell: ({ statusCode }) =>
      statusCode === null ? <span class="muted">no answer</span> : String(statusCode),
  },
  {
    head: 'What was answered',
    isLong: true,
    cell: ({ error, answer }) => (
      <div class="stack">
        {error !== null && <Foreign>{error}</Foreign>}
        <AnswerText answer={answer} />
        {error === null && (answer === null || answer === '') && <span class="muted">nothing is shown</span>}
      </div>
    ),
  },
];

function Shown({ delivery, reload }: { delivery: WebhookDelivery; reload: () => void }) {
  const [isAsked, setAsked] = useState(false);
  const { destinationId, position, type, eventName, eventAt, outboxEventId, status, attempts } = delivery;
  const { dueAt, lastError, data, mayReadPayloads, attemptList } = delivery;
  return (
    <Page
      title={`Delivery of position ${position}`}
      above={<a href={destinationHref(destinationId)}>The destination</a>}
      acts={
        <>
          <DeliveryMark status={status} />
          {status !== 'pending' && (
            <Act kind="primary" needs="webhooks.change" onAct={() => setAsked(true)}>
              Send again
            </Act>
          )}
        </>
      }
    >
      <Panel title="Details">
        <Facts>
          {[
            ['Type', <Foreign key="t">{type ?? 'its body could not be made'}</Foreign>],
            ['Event', <Foreign key="e">{eventName ?? 'not known'}</Foreign>],
            [
              'webhook-id',
              outboxEventId === null ? 'none' : <a href={eventHref(outboxEventId)}>{outboxEventId}</a>,
            ],
            ['Written', eventAt === null ? 'not known' : <Time key="w" at={eventAt} />],
            ['Attempts', count(attempts)],
            ['Next attempt', dueAt === null ? 'none' : <Time key="d" at={dueAt} />],
            ['Last error', lastError === null ? 'none' : <Foreign key="l">{lastError}</Foreign>],
            ['Delivery', <Code key="i">{`${destinationId}.${position}`}</Code>],
            [
              'Changes',
              <a key="a" href={to(['audit'], { target: `webhook-delivery/${destinationId}.${position}` })}>
                See the audit
              </a>,
            ],
          ]}
        </Facts>
      </Panel>
      <Panel title="Attempts" about="The latest first.">
        {attemptList.length === 0 ? (
          <p class="body muted">None yet, or they were deleted in time.</p>
        ) : (
          <Table
            caption="Attempts"
            columns={ATTEMPTS}
            rows={attemptList}
            keyOf={({ attempt }) => String(attempt)}
          />
        )}
      </Panel>
      <Panel
        title="What is sent of the event"
        about="The format of the destination puts its own fields around it."
      >
        {data === null ? (
          <p class="body muted">
            {mayReadPayloads
              ? 'It could not be made, or was deleted in time.'
              : 'It is not shown: it needs the right to see payloads, and an event that the log still has.'}
          </p>
        ) : (
          <JsonView json={data} label="What is sent" />
        )}
      </Panel>
      {isAsked && (
        <SendAgain
          delivery={delivery}
          onClose={() => {
            setAsked(false);
            reload();
          }}
        />
      )}
    </Page>
  );
}

const REDRIVE = 'POST webhooks/destinations/{id}/deliveries/{position}/redrive';

function SendAgain({
  delivery: { destinationId, position },
  onClose,
}: {
  delivery: WebhookDelivery;
  onClose: () => void;
}) {
  const argsOf = (reason: string | undefined) => ({
    path: { id: destinationId, position },
    body: reason === undefined ? {} : { reason },
  });
  return (
    <Confirm
      title="Send the delivery again"
      act="Send it again"
      command={(reason) => curlOf(REDRIVE, argsOf(reason))}
      onAct={(reason) => call(REDRIVE, argsOf(reason))}
      onClose={onClose}
    >
      <p class="muted">Receivers get it with the same webhook-id, so that they know it again.</p>
    </Confirm>
  );
}
