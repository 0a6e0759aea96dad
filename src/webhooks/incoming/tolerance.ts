import { IntegrationError } from '../../errors.js';
import type { WebhookSettings } from '../options/webhook-settings.js';
import type { WebhookSource } from './definitions/webhook-source.js';

const DAY_MS = 86_400_000;

type Limits = Pick<WebhookSettings, 'toleranceMs' | 'receiptDays'>;

/**
 * How far a signed time may be from now.
 *
 * A request whose time lies ahead by the tolerance is good for twice the tolerance. Its receipt has to be
 * there for all of that, because afterwards the same request would be accepted once more. So the tolerance is
 * never longer than half of the time for which receipts are kept, also where a setting is changed later.
 */
export function toleranceOf({ toleranceMs }: WebhookSource, limits: Limits): number {
  return Math.min(toleranceMs ?? limits.toleranceMs, longest(limits));
}

/** @throws IntegrationError INTEGRATION_OPTIONS_INVALID */
export function refuseLongTolerance({ key, toleranceMs = 0 }: WebhookSource, limits: Limits): void {
  if (toleranceMs <= longest(limits)) return;
  const problem = `toleranceMs of the webhook source ${JSON.stringify(key)} is ${toleranceMs}. A captured request is good for up to twice as long, and its receipt is kept for ${limits.receiptDays} days (receiptDays): afterwards the same request would be accepted once more. Give at most ${longest(limits)}, or keep receipts for longer`;
  throw new IntegrationError('INTEGRATION_OPTIONS_INVALID', problem, { problems: [problem] });
}

function longest({ receiptDays }: Limits): number {
  return (receiptDays * DAY_MS) / 2;
}
