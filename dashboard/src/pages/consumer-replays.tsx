import { useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { Replay } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Act } from '../parts/button.tsx';
import { Confirm } from '../parts/confirm.tsx';
import { operationHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { count } from '../parts/number.ts';
import { Panel } from '../parts/page.tsx';
import { Status } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Code, Foreign } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';

const COLUMNS: readonly Column<Replay>[] = [
  { head: 'Asked for', isName: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
  {
    head: 'By',
    isLong: true,
    cell: ({ requestedBy }) => <Foreign most={60}>{requestedBy ?? 'not known'}</Foreign>,
  },
  {
    head: 'Events',
    isLong: true,
    cell: ({ eventNames, aggregateType, aggregateId, since, until }) => (
      <span>
        <Foreign most={120}>{eventNames.length === 0 ? 'all names' : eventNames.join(', ')}</Foreign>
        {aggregateType !== null && (
          <>
            {' '}
            of <Foreign most={120}>{`${aggregateType} ${aggregateId ?? ''}`.trim()}</Foreign>
          </>
        )}
        {since !== null && (
          <>
            {' '}
            since <Time at={since} />
          </>
        )}
        {until !== null && (
          <>
            {' '}
            until <Time at={until} />
          </>
        )}
      </span>
    ),
  },
  { head: 'Sent', align: 'end', cell: ({ sent }) => count(sent) },
  {
    head: 'How far',
    cell: ({ state, nextPosition, toPosition }) =>
      state === 'done' ? (
        <Status of="done" />
      ) : (
        <span>
          <Status of={state} /> position <Code>{count(Math.min(nextPosition, toPosition))}</Code> of{' '}
          <Code>{count(toPosition)}</Code>
        </span>
      ),
  },
];

/**
 * The latest replays of a consumer. One that is an operation leads to it, and can be cancelled while it runs.
 */
export function ConsumerReplays({ name }: { name: string }) {
  const [cancelling, setCancelling] = useState<string>();
  const reading = useRead('GET consumers/{name}/replays', { path: { name } });
  const close = () => {
    setCancelling(undefined);
    reading.reload();
  };
  const columns: readonly Column<Replay>[] = [
    ...COLUMNS,
    {
      head: 'Operation',
      cell: ({ id, state, operationId }) => (
        <div class="acts">
          {operationId === null ? (
            <span class="muted">none</span>
          ) : (
            <a href={operationHref(operationId)} aria-label={`See it: operation ${operationId}`}>
              See it
            </a>
          )}
          {state === 'running' && (
            <Act
              kind="danger"
              needs="operations.cancel"
              unless={
                operationId === null
                  ? 'It was asked for by a call of the service, and is not an operation that can be cancelled.'
                  : undefined
              }
              label={`Cancel the replay ${id}`}
              onAct={() => setCancelling(id)}
            >
              Cancel
            </Act>
          )}
        </div>
      ),
    },
  ];
  return (
    <>
      <Loaded from={reading}>
        {({ items }) =>
          items.length > 0 && (
            <Panel title="Replays">
              <Table caption="Replays" columns={columns} rows={items} keyOf={({ id }) => id} />
            </Panel>
          )
        }
      </Loaded>
      {cancelling !== undefined && (
        <Confirm
          title="Cancel the replay"
          act="Cancel it"
          isDangerous
          onAct={(reason) =>
            call('POST operations/{id}/cancel', {
              path: { id: cancelling },
              body: reason === undefined ? {} : { reason },
            })
          }
          onClose={close}
        >
          <p>What it has sent so far is delivered. Nothing more is sent.</p>
        </Confirm>
      )}
    </>
  );
}
