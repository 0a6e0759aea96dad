import { setTimeout as sleep } from 'node:timers/promises';
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
export async function untilReachable(ask: () => Promise<unknown>, options: ReachOptions): Promise<void> {
  const startedAt = performance.now();
  await repeat(ask, options, (error) => {
    if (error instanceof IntegrationError) throw error;
    const waited = performance.now() - startedAt;
    if (!isConnectionLoss(error)) throw connectionFailure(error, options.target(), waited);
    return waited;
  });
}

/**
 * Runs a step, and repeats it from its start each time it loses the server, until the deadline has passed
 * since the first loss. The step must be one that may be run twice. Any other error of the step is thrown as
 * it is.
 *
 * @throws IntegrationError INTEGRATION_DATABASE_UNREACHABLE if the server has not come back in time
 */
export function throughOutages<R>(step: () => Promise<R>, options: ReachOptions): Promise<R> {
  let lostAt: number | undefined;
  return repeat(step, options, (error) => {
    if (!isConnectionLoss(error)) throw error;
    lostAt ??= performance.now();
    return performance.now() - lostAt;
  });
}

/**
 * @param judge returns for how long the server has been away, or throws if that is not what the error says
 */
async function repeat<R>(
  ask: () => Promise<R>,
  { target, deadlineMs, onFailedTry }: ReachOptions,
  judge: (error: unknown) => number,
): Promise<R> {
  for (let delay = RETRY_FIRST_MS; ; delay = Math.min(delay * 2, RETRY_MAX_MS)) {
    try {
      return await ask();
    } catch (error) {
      const waited = judge(error);
      const reason = error instanceof IntegrationError ? (error.cause ?? error) : error;
      if (waited + delay > deadlineMs) throw connectionFailure(reason, target(), waited);
      const left = Math.round((deadlineMs - waited) / 1000);
      onFailedTry(
        `Cannot reach Postgres at ${target()}: ${reasonOf(reason)}. Trying again, for ${left} s more; meanwhile check that the server runs and that connectionString or DATABASE_URL names it.`,
      );
      await sleep(delay);
    }
  }
}
