import type { CurrentRates } from '../rates/consumer-rates.js';
import { durationText } from '../words/duration-text.js';
import type { ConsumerLag } from './consumer-backlog.js';
import type { CursorStatus } from './cursor-status.store.js';

/** A consumer that is behind by more seconds is called behind. */
export const BEHIND_SECONDS = 60;

interface Speeds {
  /** Positions of the log that the consumer has still to settle. */
  readonly positions: number;
  /** Positions that it settles in a second, and that come in a second. Null where it is not known. */
  readonly settledPerSecond: number | null;
  readonly publishedPerSecond: number | null;
  readonly isPaused: boolean;
}

/**
 * In how many seconds a consumer has settled the log, if both sides stay as fast as in the last minute. Null
 * if it does not catch up so, or if it waits for retries only.
 */
export function catchUpSeconds({
  positions,
  settledPerSecond,
  publishedPerSecond,
  isPaused,
}: Speeds): number | null {
  if (isPaused || positions === 0 || settledPerSecond === null) return null;
  const gained = settledPerSecond - (publishedPerSecond ?? 0);
  return gained > 0 ? positions / gained : null;
}

/** The same of a consumer, from its partitions. */
export function catchUpOf(
  partitions: readonly Pick<CursorStatus, 'consumerName' | 'pendingPositions' | 'paused'>[],
  rates: CurrentRates | undefined,
): number | null {
  const [first] = partitions;
  if (first === undefined) return null;
  return catchUpSeconds({
    // Every partition passes the whole log, and the slowest is the last to have passed it.
    positions: Math.max(...partitions.map(({ pendingPositions }) => pendingPositions)),
    settledPerSecond: rates?.settledPerSecond[first.consumerName] ?? null,
    publishedPerSecond: rates?.publishedPerSecond ?? null,
    isPaused: partitions.some(({ paused }) => paused),
  });
}

/** How far a consumer is behind, in the sentence that the page, the admin API and the command show. */
export function behindSentence(
  lag: Pick<ConsumerLag, 'seconds' | 'isAtMost' | 'caughtUpInSeconds'> | null,
): string {
  if (lag === null) return 'It is up to date.';
  if (lag.isAtMost) return 'It asks for none of the events that were looked at, and has more to pass.';
  return `It is ${behindText(lag)}.`;
}

/**
 * The middle of such a sentence: "3 min behind, and caught up in about 7 s at this rate". `toRead` says what
 * it has to read: "49 events".
 */
export function behindText(
  { seconds, caughtUpInSeconds }: Pick<ConsumerLag, 'seconds' | 'caughtUpInSeconds'>,
  toRead?: string,
): string {
  const behind = `${durationText(seconds * 1_000)} behind`;
  const far = toRead === undefined ? behind : `${behind}, with ${toRead} to read`;
  return caughtUpInSeconds === null
    ? far
    : `${far}, and caught up in about ${durationText(caughtUpInSeconds * 1_000)} at this rate`;
}
