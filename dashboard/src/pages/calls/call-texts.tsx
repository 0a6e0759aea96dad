import type { CallPage } from '../../api/schemas.ts';
import { Mark, type Tone } from '../../parts/status.tsx';
import { to } from '../../router/router.ts';

export type ListedCall = CallPage['items'][number];
export type CallStatus = ListedCall['status'];

/** In the order in which a call comes to them. */
export const STATES = ['requested', 'processing', 'completed', 'failed', 'canceled'] as const;

const TONES: Readonly<Record<CallStatus, Tone>> = {
  requested: 'quiet',
  processing: 'info',
  completed: 'ok',
  failed: 'bad',
  canceled: 'quiet',
};

export function CallMark({ status }: { status: CallStatus }) {
  return <Mark tone={TONES[status]}>{status}</Mark>;
}

/** How a call stands, and whether nobody knows if the other system has taken it. */
export function CallState({ call: { status, isOutcomeUnknown } }: { call: ListedCall }) {
  return (
    <div class="stack">
      <span>
        <CallMark status={status} />
      </span>
      {isOutcomeUnknown && (
        <span>
          <Mark tone="warn">outcome unknown</Mark>
        </span>
      )}
    </div>
  );
}

export const callHref = (id: string): string => to(['calls', id]);
