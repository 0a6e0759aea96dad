import type { WebhookDelivery, WebhookDestinationPage } from '../../api/schemas.ts';
import { atLeast, count } from '../../parts/number.ts';
import { Mark, type Tone } from '../../parts/status.tsx';
import { Time } from '../../parts/time.tsx';

export type ListedDestination = WebhookDestinationPage['items'][number];

const STATUS_TONES: Readonly<Record<ListedDestination['status'], Tone>> = {
  active: 'ok',
  paused: 'warn',
  disabled: 'bad',
};

/** Says first what a person on call looks for. */
export function DestinationMark({
  status,
  failingSince,
}: Pick<ListedDestination, 'status' | 'failingSince'>) {
  if (status === 'active' && failingSince !== null) return <Mark tone="bad">failing</Mark>;
  return <Mark tone={STATUS_TONES[status]}>{status}</Mark>;
}

const DELIVERY_TONES: Readonly<Record<WebhookDelivery['status'], Tone>> = {
  pending: 'info',
  delivered: 'ok',
  dead: 'bad',
  cancelled: 'quiet',
};

export function DeliveryMark({ status }: Pick<WebhookDelivery, 'status'>) {
  return <Mark tone={DELIVERY_TONES[status]}>{status}</Mark>;
}

/** `97 % of 1,000+`, of the last hour. */
export function successText({
  lastHour: { attempts, delivered },
}: Pick<ListedDestination, 'lastHour'>): string {
  if (attempts.count === 0) return 'no attempts';
  const percent = Math.floor((100 * delivered) / attempts.count);
  return `${percent} % of ${atLeast(attempts)}`;
}

/** Why nothing is sent, or what is behind. */
export function DestinationTrouble({
  destination: { status, reason, failingSince, failures, behindFrom },
}: {
  destination: Pick<ListedDestination, 'status' | 'reason' | 'failingSince' | 'failures' | 'behindFrom'>;
}) {
  if (status !== 'active')
    return (
      <div class="box warn">
        <p>
          {status === 'paused' ? 'Somebody has paused it' : 'It was disabled by itself'}
          {reason === null ? '' : `: ${reason}`}. Nothing is sent to it. What is published meanwhile is caught
          up with afterwards, as long as the log has it.
        </p>
      </div>
    );
  return (
    <>
      {failingSince !== null && (
        <div class="box warn">
          <p>
            {failedInARow(failures)} Nothing was delivered since <Time at={failingSince} />. The attempts
            below say why.
          </p>
        </div>
      )}
      {behindFrom !== null && (
        <div class="box">
          <p>It catches up with the log, from position {count(behindFrom)} on.</p>
        </div>
      )}
    </>
  );
}

/** Without a failure, it has asked for a pause, or what is sent cannot be signed. */
function failedInARow(failures: number): string {
  if (failures === 0) return 'It is left alone for a while.';
  return failures === 1
    ? 'The last attempt has failed.'
    : `The last ${count(failures)} attempts in a row have failed.`;
}
