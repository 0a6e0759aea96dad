import { useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { FailureGroup, GroupedDeadLetterPage } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Act } from '../parts/button.tsx';
import { curlOf } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Empty } from '../parts/empty.tsx';
import { ConsumerLink, EntityLink, eventHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { count, counted, estimated } from '../parts/number.ts';
import { OperationDialog } from '../parts/operation-dialog.tsx';
import type { OperationWish } from '../parts/operation-start.ts';
import { Page, Panel } from '../parts/page.tsx';
import { Pager } from '../parts/pager.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Code, Foreign, NameLink } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';
import { NoteDialog } from './note-dialog.tsx';

type Row = GroupedDeadLetterPage['items'][number];

const CANARY = 5;
/** How many events one operation takes as a list. */
const MOST_CHOSEN = 1_000;

const COLUMNS: readonly Column<Row>[] = [
  {
    head: 'Event',
    isName: true,
    isLong: true,
    cell: ({ outboxEventId, eventName }) => (
      <NameLink href={eventHref(outboxEventId)}>{eventName ?? outboxEventId}</NameLink>
    ),
  },
  { head: 'Position', align: 'end', cell: ({ position }) => <Code>{position}</Code> },
  {
    head: 'Entity',
    isLong: true,
    cell: ({ aggregateType, aggregateId }) => <EntityLink type={aggregateType} id={aggregateId} />,
  },
  { head: 'Attempts', align: 'end', cell: ({ attemptCount }) => count(attemptCount) },
  { head: 'Failed', cell: ({ processedAt, updatedAt }) => <Time at={processedAt ?? updatedAt} /> },
  {
    head: 'Error',
    isLong: true,
    // The heading of the page has the error of the kind, and the page of an event all of its words.
    cell: ({ lastError }) => (
      <span class="first-line">
        <Foreign most={200}>{lastError ?? 'not known'}</Foreign>
      </span>
    ),
  },
];

type Opened = { readonly title: string; readonly wish: OperationWish } | 'note' | 'seen' | undefined;

/** The dead letters of one kind at one consumer: a canary first, then the rest, or none of them. */
export function FailureGroupPage({ place }: { place: Place }) {
  const [, consumer = '', fingerprint = ''] = place.path;
  const after = place.query.get('after') ?? undefined;
  const rows = useRead('GET dead-letters/groups/{fingerprint}', {
    path: { fingerprint },
    query: { consumer, after },
  });
  const group = rows.data?.group ?? undefined;
  const [opened, setOpened] = useState<Opened>();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const close = () => {
    setOpened(undefined);
    rows.reload();
  };
  const filter = fingerprint === 'none' ? { consumer } : { consumer, fingerprint };
  const isElsewhere = (id: string) => !rows.data?.items.some(({ outboxEventId }) => outboxEventId === id);
  const elsewhere = [...chosen].filter(isElsewhere).length;
  const ofChosen = (kind: 'redrive' | 'discard', title: string) =>
    setOpened({ title, wish: { kind, consumer, events: [...chosen] } });
  const tooMany =
    chosen.size > MOST_CHOSEN ? `One operation takes at most ${count(MOST_CHOSEN)}.` : undefined;
  const sendable =
    fingerprint === 'none' ? 'These have no kind: choose rows, or send those of a consumer.' : undefined;
  return (
    <Page
      title={group?.latest.error?.split('\n', 1)[0]?.slice(0, 300) ?? 'Dead letters of one kind'}
      above={
        <>
          <a href={to(['dead-letters'])}>Dead letters</a> of <ConsumerLink name={consumer} />
        </>
      }
      about={group && <About group={group} />}
      acts={
        <>
          <Act
            kind="primary"
            needs="operations.plan"
            unless={sendable}
            onAct={() =>
              setOpened({
                title: `Send ${CANARY} again as a canary`,
                wish: { kind: 'redrive', ...filter, maxEvents: CANARY },
              })
            }
          >
            Send {CANARY} as a canary
          </Act>
          <Act
            needs="operations.plan"
            unless={sendable}
            onAct={() => setOpened({ title: 'Send all of them again', wish: { kind: 'redrive', ...filter } })}
          >
            Send all again
          </Act>
          <Act
            kind="danger"
            needs="operations.plan"
            unless={sendable}
            onAct={() => setOpened({ title: 'Discard all of them', wish: { kind: 'discard', ...filter } })}
          >
            Discard all
          </Act>
        </>
      }
    >
      {group !== undefined && (
        <Panel
          title="Notes"
          acts={
            <>
              <Act needs="dead-letters.note" onAct={() => setOpened('note')}>
                {group.note === null ? 'Write a note' : 'Change the note'}
              </Act>
              <Act needs="dead-letters.note" onAct={() => setOpened('seen')}>
                {group.acknowledged === null ? 'Acknowledge' : 'Take the acknowledgement back'}
              </Act>
            </>
          }
        >
          <div class="body">
            {group.note === null && group.acknowledged === null && (
              <p class="muted">Nothing. A note tells the next person what is known.</p>
            )}
            {group.note !== null && (
              <p class="long">
                <Foreign>{group.note.text}</Foreign> <span class="muted">by</span>{' '}
                <Foreign>{group.note.by}</Foreign>, <Time at={group.note.at} />
              </p>
            )}
            {group.acknowledged !== null && (
              <p>
                Seen by <Foreign>{group.acknowledged.by}</Foreign>, <Time at={group.acknowledged.at} />.{' '}
                {group.acknowledged.newSince.count === 0
                  ? 'None has come since.'
                  : `${estimated(group.acknowledged.newSince)} have come since.`}
              </p>
            )}
          </div>
        </Panel>
      )}
      {chosen.size > 0 && (
        <div class="box chosen-bar">
          <p role="status">
            <b>{counted(chosen.size, 'event')}</b> chosen
            {elsewhere > 0 && `, ${count(elsewhere)} of them on other pages`}. Nothing is read again until you
            have decided.
          </p>
          <div class="acts">
            <Act
              kind="primary"
              needs="operations.plan"
              unless={tooMany}
              onAct={() => ofChosen('redrive', `Send ${counted(chosen.size, 'chosen event')} again`)}
            >
              {`Send ${counted(chosen.size, 'event')} again`}
            </Act>
            <Act
              kind="danger"
              needs="operations.plan"
              unless={tooMany}
              onAct={() => ofChosen('discard', `Discard ${counted(chosen.size, 'chosen event')}`)}
            >
              {`Discard ${counted(chosen.size, 'event')}`}
            </Act>
            <button type="button" onClick={() => setChosen(new Set())}>
              Choose none
            </button>
          </div>
        </div>
      )}
      <Loaded from={rows}>
        {({ items, next }) =>
          items.length === 0 ? (
            <Empty title="No dead letters of this kind are left.">
              They were sent again or discarded. <a href={to(['operations'])}>The operations</a> say what
              became of them.
            </Empty>
          ) : (
            <>
              <Table
                caption="Dead letters of this kind"
                columns={COLUMNS}
                rows={items}
                keyOf={({ outboxEventId }) => outboxEventId}
                selection={{
                  chosen,
                  change: setChosen,
                  nameOf: (key) =>
                    `position ${items.find(({ outboxEventId }) => outboxEventId === key)?.position ?? key}`,
                }}
              />
              <Pager place={place} next={next} shown={items.length} />
            </>
          )
        }
      </Loaded>
      {typeof opened === 'object' && (
        <OperationDialog
          title={opened.title}
          about={`${consumer}: ${group?.latest.error ?? 'of this kind'}`}
          wish={opened.wish}
          onClose={close}
        />
      )}
      {opened === 'note' && group !== undefined && <NoteDialog group={group} onClose={close} />}
      {opened === 'seen' && group !== undefined && (
        <Confirm
          title={group.acknowledged === null ? 'Acknowledge these failures' : 'Take the acknowledgement back'}
          act={group.acknowledged === null ? 'Acknowledge' : 'Take it back'}
          command={(reason) => curlOf('PATCH dead-letters/groups/{fingerprint}', acknowledged(group, reason))}
          onAct={(reason) => call('PATCH dead-letters/groups/{fingerprint}', acknowledged(group, reason))}
          onClose={close}
        >
          <p class="muted">Dead letters of this kind that come later count as new.</p>
        </Confirm>
      )}
    </Page>
  );
}

/** Acknowledges a kind of failures, or takes that back. */
function acknowledged(group: FailureGroup, reason: string | undefined) {
  return {
    path: { fingerprint: group.fingerprint ?? 'none' },
    query: { consumer: group.consumerName },
    body: { acknowledged: group.acknowledged === null, ...(reason === undefined ? {} : { reason }) },
  };
}

function About({
  group: { deadLetters, firstPosition, lastPosition, firstFailedAt, latest, fingerprint },
}: {
  group: FailureGroup;
}) {
  return (
    <>
      {deadLetters.count === 1 && !deadLetters.atLeast
        ? '1 dead letter'
        : `${estimated(deadLetters)} dead letters`}{' '}
      between positions <Code>{firstPosition}</Code> and <Code>{lastPosition}</Code>, the first{' '}
      <Time at={firstFailedAt} />, the latest <Time at={latest.failedAt} />. Kind{' '}
      <Code>{fingerprint ?? 'none'}</Code>
    </>
  );
}
