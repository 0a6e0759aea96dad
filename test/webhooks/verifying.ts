import type { RawWebhookRequest, WebhookSource } from 'nestjs-integration/webhooks';
import { DatabaseClock } from '../../src/webhooks/incoming/database-clock.js';
import { refusedStepOf } from '../../src/webhooks/incoming/refusal.js';
import { verifyRequest } from '../../src/webhooks/incoming/verifier.js';
import { deliveryOf } from '../../src/webhooks/incoming/webhook-event.js';
import { NOW } from './signed-requests.js';

export const TOLERANCE_MS = 300_000;
/** It would say for each request that the time of its signature is not that of this process. */
const QUIET = { warn: () => undefined, warnOfFailure: () => false };

/** A database whose clock shows this time. */
const clockAt = (ms: number) => new DatabaseClock(async () => ms, QUIET);

export const verify = (source: WebhookSource, asked: RawWebhookRequest, now = NOW) =>
  verifyRequest(source, asked, TOLERANCE_MS, clockAt(now));

/** `accepted`, or the step at which a request is refused. */
export async function stepOf(source: WebhookSource, asked: RawWebhookRequest, now = NOW): Promise<string> {
  try {
    await verify(source, asked, now);
    return 'accepted';
  } catch (error) {
    const step = refusedStepOf(error);
    if (step === undefined) throw error;
    return step;
  }
}

export async function deliveryFor(source: WebhookSource, asked: RawWebhookRequest, now = NOW) {
  return deliveryOf(source, asked, {
    verified: await verify(source, asked, now),
    tenantId: '',
    endpointId: undefined,
  });
}

export function flipped(bytes: Buffer, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
