import { checkCount, checkText, checkUuid, invalidArgument as invalid } from '../words/argument-checks.js';
import { suggestionFor } from '../words/known-names.js';
import { isUuid } from '../words/text.js';
import type { InboxFilter } from './inbox-record.js';

const FILTER_FIELDS = [
  'consumerName',
  'eventName',
  'aggregateType',
  'aggregateId',
  'outboxEventId',
  'outboxEventIds',
  'position',
  'errorFingerprint',
] as const satisfies (keyof InboxFilter)[];

/** How many events somebody may choose one by one. More are chosen by what they have in common. */
export const MOST_CHOSEN = 1_000;

/**
 * Refuses unknown fields, because a filter without the intended field would choose more than was meant.
 * `others` are fields that the caller has checked, for the message.
 */
export function checkFilter(filter: InboxFilter, others: readonly string[] = []): void {
  for (const [name, value] of Object.entries(filter)) {
    if (!(FILTER_FIELDS as readonly string[]).includes(name)) {
      const known = [...FILTER_FIELDS, ...others];
      throw invalid(`A filter has no ${name}; it has ${known.join(', ')}${suggestionFor(name, known)}`, {
        field: name,
      });
    }
    if (name !== 'position' && name !== 'outboxEventIds') checkText(name, value);
  }
  if (filter.position !== undefined) checkCount('position', filter.position);
  checkUuid('outboxEventId', filter.outboxEventId);
  if (filter.outboxEventIds !== undefined) checkChosen(filter.outboxEventIds, filter.outboxEventId);
}

function checkChosen(ids: readonly unknown[], single: string | undefined): void {
  const refused = (message: string, field = 'outboxEventIds') => invalid(message, { field });
  if (!Array.isArray(ids)) throw refused('outboxEventIds must be a list of the ids of events');
  if (single !== undefined) throw refused('Give either outboxEventId or outboxEventIds');
  if (ids.length === 0) throw refused('outboxEventIds is empty: leave it out to choose by something else');
  if (ids.length > MOST_CHOSEN)
    throw refused(
      `outboxEventIds has ${ids.length} ids, and at most ${MOST_CHOSEN} are taken: choose that number of events by what they have in common, or in several lists`,
    );
  const seen = new Set<string>();
  for (const [index, id] of ids.entries()) {
    const field = `outboxEventIds.${index}`;
    if (!isUuid(id)) throw refused(`${field} must be a uuid`, field);
    if (seen.has(id.toLowerCase())) throw refused(`${field} is in the list twice: ${id}`, field);
    seen.add(id.toLowerCase());
  }
}
