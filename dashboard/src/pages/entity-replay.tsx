import { useState } from 'preact/hooks';
import { Act } from '../parts/button.tsx';
import { OperationDialog } from '../parts/operation-dialog.tsx';

/** Sends all events of one entity to one of its consumers again. */
export function EntityReplay({
  type,
  id,
  consumers,
  onDone,
}: {
  type: string;
  id: string;
  consumers: readonly string[];
  onDone: () => void;
}) {
  const [chosen, setChosen] = useState<string>();
  const [isAsked, setIsAsked] = useState(false);
  const consumer = chosen ?? consumers[0];
  if (consumer === undefined) return null;
  return (
    <>
      <label class="inline small">
        At{' '}
        <select value={consumer} onChange={(event) => setChosen(event.currentTarget.value)}>
          {consumers.map((each) => (
            <option key={each} value={each}>
              {each}
            </option>
          ))}
        </select>
      </label>
      <Act
        needs={['operations.plan', 'consumers.replay']}
        label={`Replay this entity at ${consumer}`}
        onAct={() => setIsAsked(true)}
      >
        Replay this entity
      </Act>
      {isAsked && (
        <OperationDialog
          title={`Replay one entity at ${consumer}`}
          about={`${type}/${id}`}
          wish={{ kind: 'replay', consumer, aggregateType: type, aggregateId: id }}
          onClose={() => {
            setIsAsked(false);
            onDone();
          }}
        />
      )}
    </>
  );
}
