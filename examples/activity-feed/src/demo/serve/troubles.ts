import { setTimeout as delay } from 'node:timers/promises';
import type { DeliveryInput } from '../deliveries-input.js';
import { type Destination, TROUBLED } from '../destinations.js';
import type { Receiver } from '../receiver.js';
import { type Refusal, randomNumbers } from '../refusals.js';

/** The receiver is down for ten seconds of each minute. A retry or two later its events get through. */
const UP_MS = 50_000;
const DOWN_MS = 10_000;

/** Decides how the receiver treats each delivery that is to be sent. */
export class Troubles {
  readonly plan = new Map<string, Refusal>();
  private readonly random: () => number;

  constructor(seed: number) {
    this.random = randomNumbers(seed);
  }

  meet({ id }: DeliveryInput): void {
    const refusal = this.refusalFor(this.random());
    if (refusal !== undefined) this.plan.set(id, refusal);
  }

  private refusalFor(luck: number): Refusal | undefined {
    if (luck < 0.02) return { status: 422, times: Number.POSITIVE_INFINITY };
    if (luck < 0.03) return { status: 503, times: Number.POSITIVE_INFINITY };
    // The events of its repository wait behind it for that long.
    if (luck < 0.04) return { status: 429, times: 1, retryAfterSeconds: 30 };
    if (luck < 0.12) return { status: 503, times: luck < 0.1 ? 1 : 2 };
    return undefined;
  }
}

/** Takes the receiver and one destination of webhooks down now and then, until the signal. */
export async function takeDown(
  receiver: Receiver,
  destinations: readonly Destination[],
  signal: AbortSignal,
): Promise<void> {
  const troubled = destinations.find(({ name }) => name === TROUBLED);
  for (;;) {
    await delay(UP_MS, undefined, { signal });
    receiver.isDown = true;
    troubled?.receiver.behave('refuse');
    await delay(DOWN_MS, undefined, { signal });
    receiver.isDown = false;
    troubled?.receiver.behave('ok');
  }
}
