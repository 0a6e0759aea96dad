import { useId } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { FailureGroup } from '../api/schemas.ts';
import { curlOf } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';
import { useDraft } from '../parts/draft.ts';

/** Writes a note about one kind of failure. An empty one removes what was there. */
export function NoteDialog({ group, onClose }: { group: FailureGroup; onClose: () => void }) {
  const id = useId();
  const name = `note ${group.consumerName} ${group.fingerprint}`;
  const draft = useDraft(name, group.note?.text ?? '');
  const text = draft.value.trim();
  const argsOf = (reason: string | undefined) => ({
    path: { fingerprint: group.fingerprint ?? 'none' },
    query: { consumer: group.consumerName },
    body: {
      ...(text === '' ? { removeNote: true } : { note: text }),
      ...(reason === undefined ? {} : { reason }),
    },
  });
  return (
    <Confirm
      title="What is known about this failure"
      act={text === '' ? 'Remove the note' : 'Keep the note'}
      onClose={onClose}
      keptAs={name}
      command={(reason) => curlOf('PATCH dead-letters/groups/{fingerprint}', argsOf(reason))}
      onAct={async (reason) => {
        await call('PATCH dead-letters/groups/{fingerprint}', argsOf(reason));
        draft.drop();
      }}
    >
      <div class="field">
        <label for={id}>Note</label>
        <textarea
          id={id}
          maxLength={4_000}
          value={draft.value}
          onInput={(event) => draft.change(event.currentTarget.value)}
        />
      </div>
    </Confirm>
  );
}
