import { WebhookDestinationsService } from 'nestjs-integration/webhooks';
import { AUTHOR, TENANT } from './destinations.js';
import { done, duration, failed } from './screen.js';
import type { Stage } from './stage.js';
import { waitUntil } from './waiting.js';

const CAUGHT_UP_WITHIN_MS = 60_000;

/** What became of the destination that was paused. */
export interface Resumed {
  /** Requests that came while it was paused. */
  requestsBefore: number;
  isCaughtUp: boolean;
}

/** Resumes the destination that was paused all the time, and waits until it has caught up. */
export async function resumeOne(stage: Stage): Promise<Resumed | undefined> {
  const { app, destinations, ledger, options, signal } = stage;
  const paused = destinations.find(({ isPaused }) => isPaused);
  if (paused === undefined) return undefined;
  const { id, name, receiver } = paused;
  const requestsBefore = receiver.requests.length;
  const begin = performance.now();
  await app.get(WebhookDestinationsService, { strict: false }).forTenant(TENANT).resume(id, AUTHOR);
  const isCaughtUp = await waitUntil(async () => (await ledger.undelivered([id])) === 0, {
    everyMs: 50,
    withinMs: CAUGHT_UP_WITHIN_MS * options.repeat,
    signal,
  });
  const took = duration(performance.now() - begin);
  if (isCaughtUp) done(`The destination "${name}" is resumed, and has caught up ${took} later`);
  else failed(`The destination "${name}" is resumed, and has not caught up after ${took}`);
  return { requestsBefore, isCaughtUp };
}
