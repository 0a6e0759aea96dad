import type { LeftOut, Operation, OperationPart } from '../changes/operations/operation.js';
import { table } from './table.js';
import { counted } from './texts.js';

/** How many events are done, of how many: `120 of 250`. */
export function progressText({ changed, plannedEvents, plannedAtLeast }: Operation): string {
  return `${changed} of ${plannedEvents}${plannedAtLeast ? '+' : ''}`;
}

/** How far a replay has looked: `, at position 120 of 900`. */
export function placeText({ nextPosition, toPosition }: Operation): string {
  if (nextPosition === null || toPosition === null) return '';
  return `, at position ${Math.min(nextPosition, toPosition)} of ${toPosition}`;
}

/** Says how many of the events that were named one by one are left out, and which. */
export function leftOutLines(leftOut: LeftOut | null | undefined): string[] {
  if (leftOut === null || leftOut === undefined) return [];
  const { unknown, notTaken, events } = leftOut;
  const all = unknown + notTaken;
  if (all === 0) return [];
  const why = [
    ...(unknown > 0 ? [`${unknown} not known`] : []),
    ...(notTaken > 0 ? [`${notTaken} with nothing to take: handled, under way, or not tried yet`] : []),
  ];
  return [
    `${counted(all, 'event')} that ${all === 1 ? 'was' : 'were'} named ${all === 1 ? 'is' : 'are'} left out (${why.join('; ')}):`,
    ...events.map((id) => `  ${id}`),
    ...(events.length < all ? [`  and ${all - events.length} more`] : []),
  ];
}

/** The largest parts of what an operation changes. */
export function partsTable(parts: readonly OperationPart[]): string[] {
  if (parts.length === 0) return [];
  return [
    table(parts, [
      { heading: 'CONSUMER', cell: ({ consumerName }) => consumerName },
      { heading: 'FINGERPRINT', cell: ({ fingerprint }) => fingerprint ?? '-' },
      { heading: 'EVENTS', cell: ({ events }) => String(events) },
      { heading: 'ERROR', cell: ({ error }) => error ?? '-', cut: 1 },
    ]),
  ];
}
