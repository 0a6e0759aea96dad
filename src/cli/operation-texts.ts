import type { LeftOut, Operation, OperationPart } from '../changes/operations/operation.js';
import type { StoredFilter } from '../changes/operations/operation-filter.js';
import { table } from './table.js';
import { counted } from './texts.js';

/** How many events are done, of how many: `120 of 250`. */
export function progressText({ changed, plannedEvents, plannedAtLeast }: Operation): string {
  return `${changed} of ${plannedEvents}${plannedAtLeast ? '+' : ''}`;
}

const WORDS: Readonly<Record<keyof StoredFilter, string>> = {
  consumerName: 'consumer',
  eventName: 'event',
  eventNames: 'events',
  aggregateType: 'aggregate type',
  aggregateId: 'aggregate id',
  outboxEventId: 'event id',
  outboxEventIds: 'events that were named',
  position: 'position',
  errorFingerprint: 'fingerprint',
  since: 'since',
  until: 'until',
  from: 'from position',
  to: 'to position',
};

export function filterText({
  filter,
  states,
  chosenEvents,
}: Pick<Operation, 'filter' | 'states' | 'chosenEvents'>): string {
  const parts = Object.entries(WORDS).flatMap(([field, word]) => {
    const value = filter[field as keyof StoredFilter];
    return value === undefined || field === 'outboxEventIds'
      ? []
      : [`${word} ${Array.isArray(value) ? value.join(', ') : value}`];
  });
  if (chosenEvents !== null) parts.push(`${counted(chosenEvents, 'event')} named one by one`);
  if (states !== null) parts.push(`state ${states.join(' or ')}`);
  return parts.length === 0 ? 'everything' : parts.join(', ');
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
    ]),
  ];
}
