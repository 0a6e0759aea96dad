import { EVENT_TEXT_LIMITS } from '../../events/event-limits.js';
import { checkFilter } from '../../inbox/filter-checks.js';
import type { InboxFilter } from '../../inbox/inbox-record.js';
import { checkCount, checkText, checkTime, invalidArgument as invalid } from '../../words/argument-checks.js';

/** A part of the log: positions, times and names. An event must match every given field. */
export interface PartOfLog {
  /** The first position. */
  from?: number | undefined;
  /** The last position. */
  to?: number | undefined;
  /** Written at this time or later. */
  since?: Date | undefined;
  /** Written before this time. */
  until?: Date | undefined;
  /** Exact names, or prefixes with a trailing `*`. It takes the place of `eventName`. */
  eventNames?: readonly string[] | undefined;
}

/** Chooses the events of an operation. An event must match every given field. */
export interface OperationFilter extends InboxFilter, PartOfLog {}

/** The filter of an operation that is stored. Times are texts of RFC 3339. */
export interface StoredFilter extends InboxFilter, Omit<PartOfLog, 'since' | 'until'> {
  since?: string | undefined;
  until?: string | undefined;
}

const PART_FIELDS = ['from', 'to', 'since', 'until', 'eventNames'] as const satisfies (keyof PartOfLog)[];

/** The filter as it was given. */
export function givenFilterOf({ since, until, ...others }: StoredFilter): OperationFilter {
  return {
    ...others,
    since: since === undefined ? undefined : new Date(since),
    until: until === undefined ? undefined : new Date(until),
  };
}

/** The event names that the filter takes. Undefined means every name. */
export function namesOf({
  eventName,
  eventNames,
}: OperationFilter | StoredFilter): readonly string[] | undefined {
  return eventNames ?? (eventName === undefined ? undefined : [eventName]);
}

/** @throws IntegrationError INTEGRATION_ADMIN_INVALID for an unknown field or an invalid value */
export function checkOperationFilter({ from, to, since, until, eventNames, ...rows }: OperationFilter): void {
  checkFilter(rows, PART_FIELDS);
  checkPartOfLog({ from, to, since, until, eventNames });
  if (eventNames !== undefined && rows.eventName !== undefined)
    throw invalid('Give either eventName or eventNames', { field: 'filter.eventNames' });
}

function checkPartOfLog({ from, to, since, until, eventNames }: PartOfLog): void {
  checkRange({ from, to });
  if (eventNames?.length === 0) throw invalid('eventNames is empty: leave it out for events of every name');
  for (const name of eventNames ?? []) checkText('eventNames', name, EVENT_TEXT_LIMITS.eventName);
  checkTime('since', since);
  checkTime('until', until);
}

export function checkRange({ from, to }: Pick<PartOfLog, 'from' | 'to'>): void {
  if (from !== undefined) checkCount('from', from);
  if (to !== undefined) checkCount('to', to);
  if (from !== undefined && to !== undefined && to < from)
    throw invalid(`The range ends (${to}) before it begins (${from})`, { field: 'to', from, to });
}
