import { useId, useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { FailureGroup } from '../api/schemas.ts';
import { curlOf } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';

/** Writes a note about one kind of failure. An empty one removes what was there. */
export function NoteDialog({ group, onClose }: { group: FailureGroup; onClose: () => void }) {
  const id = useId();
  const [text, setText] = useState(group.note?.text ?? '');
  const argsOf = (reason: string | undefined) => ({
    path: { fingerprint: group.fingerprint ?? 'none' },
    query: { consumer: group.consumerName },
    body: {
      ...(text.trim() === '' ? { removeNote: true } : { note: text.trim() }),
      ...(reason === undefined ? {} : { reason }),
    },
  });
  return (
    <Confirm
      title="What is known about this failure"
      act={text.trim() === '' ? 'Remove the note' : 'Keep the note'}
      onClose={onClose}
      command={(reason) => curlOf('PATCH dead-letters/groups/{fingerprint}', argsOf(reason))}
      onAct={(reason) => call('PATCH dead-letters/groups/{fingerprint}', argsOf(reason))}
    >
      <div class="field">
        <label for={id}>Note</label>
        <textarea
          id={id}
          maxLength={4_000}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </div>
    </Confirm>
  );
}
