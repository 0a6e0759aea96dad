import { countText } from '../rates/counted.js';
import type { CursorStatus } from '../status/cursor-status.store.js';
import type { Column } from './table.js';

/** The age of the oldest event that is not settled. */
export const LAG_COLUMN: Column<CursorStatus> = {
  heading: 'LAG',
  cell: lagText,
};

/** How each partition of a consumer stands. */
export const CONSUMER_COLUMNS: readonly Column<CursorStatus>[] = [
  {
    heading: 'CONSUMER',
    cell: ({ consumerName, partition, partitions }) =>
      partitions > 1 ? `${consumerName} [${partition}]` : consumerName,
  },
  { heading: 'PENDING', cell: pendingText },
  LAG_COLUMN,
  { heading: 'DEAD LETTERS', cell: deadLettersText },
  { heading: 'OWNER', cell: ownerText, cut: 2 },
];

/**
 * The number of events that a consumer has still to handle. If there are many, that is a bound: the number of
 * positions that it has not settled.
 */
function pendingText({ pendingEvents, pendingPositions }: CursorStatus): string {
  return pendingEvents === null ? `up to ${pendingPositions}` : String(pendingEvents);
}

/** How far a consumer is behind. Where it asks for nothing that was looked at, that is a bound. */
function lagText({ lagSeconds, lagIsAtMost }: Pick<CursorStatus, 'lagSeconds' | 'lagIsAtMost'>): string {
  if (lagSeconds === null) return '-';
  return `${lagIsAtMost ? 'at most ' : ''}${lagSeconds.toFixed(1)} s`;
}

/** The number of dead letters, of which not all may have been counted. */
function deadLettersText({ deadLetters, deadLettersAtLeast }: CursorStatus): string {
  return countText({ count: deadLetters, atLeast: deadLettersAtLeast });
}

/** The process that works on the consumer. If its connection is gone, the text also says since when. */
export function ownerText({ owner, ownerNotSeenSince }: CursorStatus): string {
  if (owner === null) return '-';
  const name = owner.host === null ? owner.id : `${owner.host}:${owner.pid}`;
  return ownerNotSeenSince === null ? name : `${name} (not seen since ${ownerNotSeenSince.toISOString()})`;
}

/** Whether processes may work on the consumer. */
export function servingText({
  paused,
  unservedSince,
}: Pick<CursorStatus, 'paused' | 'unservedSince'>): string {
  if (paused) return 'paused';
  return unservedSince === null ? 'active' : 'unserved';
}
