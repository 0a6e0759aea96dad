import { call as ask } from '../../api/client.ts';
import type { ExternalCall } from '../../api/schemas.ts';
import { commandLine } from '../../parts/command.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { go } from '../../router/router.ts';
import { callHref } from './call-texts.tsx';

interface DialogProps {
  readonly call: ExternalCall;
  readonly onClose: () => void;
}

/** Asks the other system now. */
export function CheckCall({ call: { id, status }, onClose }: DialogProps) {
  return (
    <Confirm
      title="Check the call"
      act="Ask now"
      command={(reason) => commandLine('calls check', [id], { reason })}
      onAct={(reason) => ask('POST calls/{id}/check', { path: { id }, body: bodyOf(reason) })}
      onClose={onClose}
    >
      <p class="muted">
        {status === 'requested'
          ? 'The call is begun now, and not when it is due.'
          : 'The other system is asked now how far it is, if the type of the call can ask.'}
      </p>
    </Confirm>
  );
}

/** Begins a call now, or repeats one that has failed. */
export function RetryCall({ call: { id, status, isOutcomeUnknown }, onClose }: DialogProps) {
  return (
    <Confirm
      title="Retry the call"
      act="Retry it"
      command={(reason) => commandLine('calls retry', [id], { reason })}
      onAct={async (reason) => {
        const next = await ask('POST calls/{id}/retry', { path: { id }, body: bodyOf(reason) });
        if (next.id !== id) go(callHref(next.id));
      }}
      onClose={onClose}
    >
      <p class="muted">
        {status === 'failed'
          ? 'A new call repeats it, with the same request and an idempotency key of its own.'
          : 'The call is begun now, and not when it is due.'}
      </p>
      {status === 'failed' && isOutcomeUnknown && (
        <p>Look at the other system first. If it has taken the call, it does the same twice.</p>
      )}
    </Confirm>
  );
}

/** Cancels a call. */
export function CancelCall({ call: { id, status, isOutcomeUnknown }, onClose }: DialogProps) {
  return (
    <Confirm
      title="Cancel the call"
      act="Cancel it"
      isDangerous
      command={(reason) => commandLine('calls cancel', [id], { reason })}
      onAct={(reason) => ask('POST calls/{id}/cancel', { path: { id }, body: bodyOf(reason) })}
      onClose={onClose}
    >
      <p class="muted">
        {status === 'requested' && !isOutcomeUnknown
          ? 'It was not taken, so it ends at once, unless it is being started.'
          : 'The other system is told first, if the type of the call can tell it. Then the call ends.'}{' '}
        It cannot be taken back.
      </p>
    </Confirm>
  );
}

function bodyOf(reason: string | undefined) {
  return reason === undefined ? {} : { reason };
}
