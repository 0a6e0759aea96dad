import type { Operation, OperationPart } from '../consumers/operations/operation.js';
import type { InboxFilter } from '../inbox/inbox-record.js';
import { partOfLog } from './replay-texts.js';
import { table } from './table.js';

/** How many events are done, of how many: `120 of 250`. */
export function progressText({ changed, plannedEvents, plannedAtLeast }: Operation): string {
  return `${changed} of ${plannedEvents}${plannedAtLeast ? '+' : ''}`;
}

const WORDS: Readonly<Record<keyof InboxFilter, string>> = {
  consumerName: 'consumer',
  eventName: 'event',
  aggregateType: 'aggregate type',
  aggregateId: 'aggregate id',
  outboxEventId: 'event id',
  position: 'position',
  errorFingerprint: 'fingerprint',
};

export function filterText({
  filter,
  states,
  replay,
}: Pick<Operation, 'filter' | 'states' | 'replay'>): string {
  const parts = Object.entries(WORDS).flatMap(([field, word]) => {
    const value = filter[field as keyof InboxFilter];
    return value === undefined ? [] : [`${word} ${value}`];
  });
  parts.push(...partOfLog(replay));
  if (states !== null) parts.push(`state ${states.join(' or ')}`);
  return parts.length === 0 ? 'everything' : parts.join(', ');
}

/** The largest parts of what an operation changes. */
export function partsTable(parts: readonly OperationPart[]): string[] {
  if (parts.length === 0) return [];
  return [
    table(
      ['CONSUMER', 'FINGERPRINT', 'EVENTS'],
      parts.map(({ consumerName, fingerprint, events }) => [
        consumerName,
        fingerprint ?? '-',
        String(events),
      ]),
      ['CONSUMER'],
    ),
  ];
}
