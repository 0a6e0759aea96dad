import { UnusableConnection } from './unusable-connection.js';
import { cutOff } from './wire.js';

/**
 * Milliseconds. A connection counts as silent, and must not be used any more, if it gives no answer for so
 * long. This holds only for statements that the server answers at once.
 */
export const SILENT_AFTER_MS = 3_000;

/** Milliseconds, about 24 days. Neither timers nor the timeouts of Postgres accept a higher number. */
export const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * Settles as `work` does, or rejects after `ms`. A server that neither answers nor ends the connection counts
 * as lost, even if TCP thinks otherwise. After that error the caller must destroy the connection. A later
 * result of `work` is ignored.
 */
export function answerWithin<R>(ms: number, work: Promise<R>): Promise<R> {
  return endWithin(ms, work, () => silence(ms));
}

/**
 * Does the same and destroys the connection when the time is over. Then everything else that waits for the
 * connection fails too.
 */
export function answerOrDestroy<R>(connection: object, ms: number, work: Promise<R>): Promise<R> {
  return endWithin(ms, work, () => {
    cutOff(connection);
    return silence(ms);
  });
}

/**
 * Waits for `work`, but no longer than `ms`. Returns whether it has ended. Rejects as `work` does in that
 * time, and ignores what it comes to later.
 */
export async function endsWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  let isLate = false;
  const late = () => {
    isLate = true;
    return silence(ms);
  };
  await endWithin(ms, work, late).catch((error) => {
    if (!isLate) throw error;
  });
  return !isLate;
}

function silence(ms: number): Error {
  return new UnusableConnection(`connection timeout: no answer for ${ms} ms`);
}

/**
 * Settles as `work` does, or rejects after `ms` with the error that `late` makes. An answer that arrived in
 * time counts, even if this thread was too busy to read it: Node runs timers that are due before it reads
 * sockets.
 */
export function endWithin<R>(ms: number, work: Promise<R>, late: () => Error): Promise<R> {
  return new Promise((resolve, reject) => {
    let hasEnded = false;
    const timer = setTimeout(
      () => {
        setImmediate(() => {
          if (!hasEnded) reject(late());
        });
      },
      Math.min(ms, LONGEST_TIMER_MS),
    );
    const end = () => {
      hasEnded = true;
      clearTimeout(timer);
    };
    work.then(
      (result) => {
        end();
        resolve(result);
      },
      (error) => {
        end();
        reject(error);
      },
    );
  });
}
