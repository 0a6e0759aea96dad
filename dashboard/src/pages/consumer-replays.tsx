import { useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { Operation } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Act } from '../parts/button.tsx';
import { commandLine } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';
import { Loaded } from '../parts/loading.tsx';
import { Panel } from '../parts/page.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { OPERATION_COLUMNS } from './operations.tsx';

/** The latest replays of a consumer. Each leads to its operation, and can be cancelled until it has ended. */
export function ConsumerReplays({ name }: { name: string }) {
  const [cancelling, setCancelling] = useState<string>();
  const reading = useRead('GET operations', { query: { kind: 'replay', consumer: name } });
  const close = () => {
    setCancelling(undefined);
    reading.reload();
  };
  const columns: readonly Column<Operation>[] = [
    ...OPERATION_COLUMNS,
    {
      head: 'Act',
      cell: ({ id, state }) =>
        (state === 'running' || state === 'paused') && (
          <Act
            kind="danger"
            needs="operations.cancel"
            label={`Cancel the replay ${id}`}
            onAct={() => setCancelling(id)}
          >
            Cancel
          </Act>
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
          command={(reason) => commandLine('operations cancel', [cancelling], { reason })}
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
