import type { OutgoingAnswer } from '../../../http/outgoing-answer.js';
import type { SendOutcome } from './outcome-of.js';

/**
 * How an attempt ended, as metrics tell attempts apart.
 *
 * - `succeeded`: any 2xx.
 * - `failed`: another answer, or none because of the network, the certificate or the proxy.
 * - `timed_out`: no whole answer within the time-out.
 * - `refused`: the rules about the network refuse the URL, or the address that its name leads to.
 * - `put_off`: the receiver asked for a pause.
 * - `gone`: the receiver answered 410.
 * - `not_signed`: there is no secret that can be opened. Nothing was sent.
 */
export type AttemptOutcome =
  | 'succeeded'
  | 'failed'
  | 'timed_out'
  | 'refused'
  | 'put_off'
  | 'gone'
  | 'not_signed';

const OF_OUTCOMES: { readonly [K in SendOutcome['is']]: AttemptOutcome } = {
  done: 'succeeded',
  gone: 'gone',
  'target-off': 'put_off',
  again: 'failed',
};

export function attemptOutcomeOf(answer: OutgoingAnswer, { is }: SendOutcome): AttemptOutcome {
  if (answer.is === 'failed' && answer.kind === 'timeout') return 'timed_out';
  if (answer.is === 'failed' && answer.kind === 'refused') return 'refused';
  return OF_OUTCOMES[is];
}
