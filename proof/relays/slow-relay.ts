import { setTimeout as delay } from 'node:timers/promises';
import { type RelayDefinition, type RelayOptions, type RelayOutcome, relay } from 'nestjs-integration/relay';

const EVERY_MS = 1_000;

/** A relay to somebody who accepts one message a second, of all that are sent to them. */
export function slowRelay(options: RelayOptions): RelayDefinition {
  let freeAt = 0;
  /** Undefined if the time of the call is over first. */
  const accept = async (signal: AbortSignal): Promise<RelayOutcome | undefined> => {
    for (let wait = freeAt - performance.now(); wait > 0; wait = freeAt - performance.now()) {
      await delay(wait, undefined, { signal }).catch(() => {});
      if (signal.aborted) return undefined;
    }
    freeAt = performance.now() + EVERY_MS;
    return { is: 'accepted' };
  };
  return relay({
    ...options,
    publish: async (messages, { signal }) => {
      const outcomes: RelayOutcome[] = [];
      for (const _ of messages)
        outcomes.push((await accept(signal)) ?? { is: 'unavailable', error: new Error('it is busy') });
      return outcomes;
    },
  });
}
