import { setImmediate as nextTurn } from 'node:timers/promises';
import { NonRetryableError, UnavailableError } from '../../errors.js';
import type { Publish, PublishContext, RelayMessage, RelayOutcome } from './relay-message.js';

/**
 * Sends messages. Those that nobody has accepted after `timeoutMs` milliseconds, or when `outer` is aborted,
 * count as not accepted, because the broker did not answer.
 */
export async function sendWithin(
  publish: Publish,
  messages: readonly RelayMessage[],
  timeoutMs: number,
  outer: AbortSignal,
): Promise<readonly RelayOutcome[]> {
  const ending = new AbortController();
  const late = new Error(`the broker has not accepted it within ${timeoutMs} ms`);
  const timer = setTimeout(() => ending.abort(late), timeoutMs);
  const giveUp = () => ending.abort(outer.reason);
  if (outer.aborted) giveUp();
  outer.addEventListener('abort', giveUp, { once: true });
  try {
    const { signal } = ending;
    const sent = publish(messages, { signal, timeoutMs });
    // A relay that knows what became of each message is told of the end first, and answers for them.
    const ended = untilAborted(signal).then(async (error) => {
      await nextTurn();
      return messages.map((): RelayOutcome => ({ is: 'unavailable', error }));
    });
    return await Promise.race([sent, ended]);
  } catch (error) {
    return messages.map(() => outcomeOf(error));
  } finally {
    clearTimeout(timer);
    outer.removeEventListener('abort', giveUp);
  }
}

/** Sends each message for itself. What is not settled when the time is over counts as not accepted. */
export function sendEach(
  messages: readonly RelayMessage[],
  { signal }: PublishContext,
  send: (message: RelayMessage) => Promise<RelayOutcome>,
): Promise<RelayOutcome[]> {
  return new Promise((resolve) => {
    const outcomes: RelayOutcome[] = new Array(messages.length);
    let open = messages.length;
    const begin = performance.now();
    const settle = (i: number, outcome: RelayOutcome) => {
      if (outcomes[i] !== undefined) return;
      outcomes[i] = outcome;
      open--;
      if (open === 0) resolve(outcomes);
    };
    for (const [i, message] of messages.entries())
      send(message).then(
        (outcome) =>
          settle(i, outcome.is === 'accepted' ? { ...outcome, tookMs: performance.now() - begin } : outcome),
        (error) => settle(i, outcomeOf(error)),
      );
    void untilAborted(signal).then((error) => {
      for (const i of messages.keys()) settle(i, { is: 'unavailable', error });
    });
  });
}

/** What an error that is thrown means: `UnavailableError` and `NonRetryableError` as in every handler. */
function outcomeOf(error: unknown): RelayOutcome {
  if (error instanceof UnavailableError)
    return { is: 'unavailable', error, retryAfterMs: error.retryAfterMs };
  return { is: 'refused', error, isFinal: error instanceof NonRetryableError };
}

function untilAborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(signal.reason);
    else signal.addEventListener('abort', () => resolve(signal.reason), { once: true });
  });
}
