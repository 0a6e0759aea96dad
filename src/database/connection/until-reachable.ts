import { IntegrationError } from '../../errors.js';
import { connectionFailure } from './connection-failure.js';
import { isConnectionLoss, reasonOf } from './connection-loss.js';

const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 2_000;

/** Where and how long to try. */
export interface ReachOptions {
  /** The name of the server in messages. */
  readonly target: () => string;
  readonly deadlineMs: number;
  /** Is called for each attempt that failed and will be repeated. */
  readonly onFailedTry: (words: string) => void;
}

/**
 * Repeats `ask` until the server answers or the deadline has passed. Any error that is not a connection loss
 * is thrown at once.
 */
export async function untilReachable(
  ask: () => Promise<unknown>,
  { target, deadlineMs, onFailedTry }: ReachOptions,
): Promise<void> {
  const startedAt = performance.now();
  for (let delay = RETRY_FIRST_MS; ; delay = Math.min(delay * 2, RETRY_MAX_MS)) {
    try {
      await ask();
      return;
    } catch (error) {
      if (error instanceof IntegrationError) throw error;
      const waited = performance.now() - startedAt;
      if (!isConnectionLoss(error) || waited + delay > deadlineMs)
        throw connectionFailure(error, target(), waited);
      const left = Math.round((deadlineMs - waited) / 1000);
      onFailedTry(
        `Cannot reach Postgres at ${target()}: ${reasonOf(error)}. Trying again, for ${left} s more; meanwhile check that the server runs and that connectionString or DATABASE_URL names it.`,
      );
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }
}
