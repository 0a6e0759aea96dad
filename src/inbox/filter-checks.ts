import { checkCount, checkText, checkUuid, invalidArgument as invalid } from '../events/argument-checks.js';
import { suggestionFor } from '../events/known-names.js';
import type { InboxFilter } from './inbox-record.js';

const FILTER_FIELDS = [
  'consumerName',
  'eventName',
  'aggregateType',
  'aggregateId',
  'outboxEventId',
  'position',
  'errorFingerprint',
] as const satisfies (keyof InboxFilter)[];

/** Refuses unknown fields, because a filter without the intended field would choose more than was meant. */
export function checkFilter(filter: InboxFilter): void {
  for (const [name, value] of Object.entries(filter)) {
    if (!(FILTER_FIELDS as readonly string[]).includes(name)) {
      throw invalid(
        `A filter has no ${name}; it has ${FILTER_FIELDS.join(', ')}${suggestionFor(name, FILTER_FIELDS)}`,
        { field: name },
      );
    }
    if (name !== 'position') checkText(name, value);
  }
  if (filter.position !== undefined) checkCount('position', filter.position);
  checkUuid('outboxEventId', filter.outboxEventId);
}
