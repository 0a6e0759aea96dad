import { UnusableConnection } from './unusable-connection.js';
import { cutOff } from './wire.js';

/**
 * A connection on which only what is answered at once is asked is silent, and of no use, if no answer has
 * come for so long.
 */
export const SILENT_AFTER_MS = 3_000;

/** Timers take no more, nor do the timeouts of Postgres; about 24 days. */
export const LONGEST_TIMER_MS = 2_147_483_647;

/**
 * What `work` comes to, or an error after `ms`: a server that neither answers nor ends the connection is not
 * there, whatever TCP thinks. The connection is of no use any more then, and is to be destroyed; what still
 * comes of `work` is unheard.
 */
export function answerWithin<R>(ms: number, work: Promise<R>): Promise<R> {
  return endWithin(ms, work, () => silence(ms));
}

/** The same, and the connection is destroyed: whatever else waits for it fails as well. */
export function answerOrDestroy<R>(connection: object, ms: number, work: Promise<R>): Promise<R> {
  return endWithin(ms, work, () => {
    cutOff(connection);
    return silence(ms);
  });
}

function silence(ms: number): Error {
  return new UnusableConnection(`connection timeout: no answer for ${ms} ms`);
}

/**
 * What `work` comes to, or the error that `late` makes after `ms`. What has arrived counts, although this
 * thread had no time to look at it: timers that are due are run before sockets are read.
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
