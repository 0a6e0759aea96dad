import { useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { Consumer } from '../api/schemas.ts';
import { Act } from '../parts/button.tsx';
import { commandLine } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';
import { count, counted } from '../parts/number.ts';
import { Foreign } from '../parts/text.tsx';

/** What a pause means, of one consumer or of several. */
export const PAUSED =
  'Nothing is handled until somebody resumes it, also after a restart. Handlers that run now finish first.';

const CHANGES = {
  pause: { act: 'Pause', done: 'paused' },
  resume: { act: 'Resume', done: 'resumed' },
} as const;
type Change = keyof typeof CHANGES;

/** What can be done with consumers that were chosen in the list. */
export function ChosenConsumers({
  chosen,
  onNone,
  reload,
}: {
  chosen: readonly Consumer[];
  onNone: () => void;
  reload: () => void;
}) {
  const [opened, setOpened] = useState<Change>();
  const going = chosen.filter(({ paused }) => !paused);
  const paused = chosen.filter(({ paused }) => paused);
  return (
    <div class="box chosen-bar">
      <p role="status">
        <b>{counted(chosen.length, 'consumer')}</b> chosen
        {paused.length > 0 && `, ${count(paused.length)} of them paused`}. Nothing is read again until you
        have decided.
      </p>
      <div class="acts">
        <Act
          needs="consumers.pause"
          unless={going.length === 0 ? 'All of them are paused.' : undefined}
          onAct={() => setOpened('pause')}
        >
          {`Pause ${counted(going.length, 'consumer')}`}
        </Act>
        <Act
          needs="consumers.resume"
          unless={paused.length === 0 ? 'None of them is paused.' : undefined}
          onAct={() => setOpened('resume')}
        >
          {`Resume ${counted(paused.length, 'consumer')}`}
        </Act>
        <button type="button" onClick={onNone}>
          Choose none
        </button>
      </div>
      {opened !== undefined && (
        <ChangeDialog
          change={opened}
          names={(opened === 'pause' ? going : paused).map(({ consumerName }) => consumerName)}
          onClose={() => setOpened(undefined)}
          reload={reload}
          onDone={onNone}
        />
      )}
    </div>
  );
}

/** So many names are written out. */
const MOST_NAMED = 20;

function ChangeDialog({
  change,
  names,
  onClose,
  reload,
  onDone,
}: {
  change: Change;
  names: readonly string[];
  onClose: () => void;
  reload: () => void;
  onDone: () => void;
}) {
  const { act, done } = CHANGES[change];
  const [changed, setChanged] = useState(0);
  const run = async (reason: string | undefined) => {
    const failed = await changeEach(change, names, reason, setChanged);
    reload();
    if (failed.length > 0)
      throw new Error(
        `${names.length - failed.length} of ${counted(names.length, 'consumer')} are ${done}. ${failed.join('. ')}`,
      );
    onDone();
  };
  return (
    <Confirm
      title={`${act} ${counted(names.length, 'consumer')}`}
      act={`${act} ${counted(names.length, 'consumer')}`}
      command={(reason) =>
        names.map((name) => commandLine(`consumers ${change}`, [name], { reason })).join(' &&\n  ')
      }
      onAct={run}
      onClose={onClose}
    >
      <p>
        <Foreign most={2_000}>{names.slice(0, MOST_NAMED).join(', ')}</Foreign>
        {names.length > MOST_NAMED && ` and ${count(names.length - MOST_NAMED)} more`}
      </p>
      <p class="muted" role="status">
        {changed > 0
          ? `${count(changed)} of ${count(names.length)} are done.`
          : change === 'pause'
            ? PAUSED
            : 'Each continues with the first event that it has not read.'}
      </p>
    </Confirm>
  );
}

/** Changes one after the other. What fails at one is returned, and the next ones are changed all the same. */
async function changeEach(
  change: Change,
  names: readonly string[],
  reason: string | undefined,
  onChanged: (changed: number) => void,
): Promise<readonly string[]> {
  const failed: string[] = [];
  for (const name of names) {
    const args = { path: { name }, body: reason === undefined ? {} : { reason } };
    try {
      if (change === 'pause') await call('POST consumers/{name}/pause', args);
      else await call('POST consumers/{name}/resume', args);
      onChanged(names.indexOf(name) + 1);
    } catch (error) {
      failed.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return failed;
}
