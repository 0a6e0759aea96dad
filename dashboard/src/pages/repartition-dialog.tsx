import { useId, useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { Consumer } from '../api/schemas.ts';
import { commandLine } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';
import { counted } from '../parts/number.ts';

/** Changes the number of partitions. */
export function RepartitionDialog({ consumer, onClose }: { consumer: Consumer; onClose: () => void }) {
  const { consumerName: name, partitions } = consumer;
  const id = useId();
  const [wanted, setWanted] = useState(String(partitions.length));
  return (
    <Confirm
      title={`Partitions of ${name}`}
      act={`Give it ${counted(Number(wanted) || 0, 'partition')}`}
      command={(reason) => commandLine('consumers repartition', [name, wanted], { reason })}
      onAct={(reason) =>
        call('POST consumers/{name}/repartition', {
          path: { name },
          body: { partitions: Number(wanted), ...(reason === undefined ? {} : { reason }) },
        })
      }
      onClose={onClose}
    >
      <p class="muted">
        Each partition can be worked on by another process. The events of one entity stay in one partition, in
        their order.
      </p>
      <div class="field">
        <label for={id}>Number of partitions</label>
        <input
          id={id}
          type="text"
          inputMode="numeric"
          value={wanted}
          autoComplete="off"
          onInput={(event) => setWanted(event.currentTarget.value.replace(/\D/g, ''))}
        />
      </div>
    </Confirm>
  );
}
