import { filterValues } from '../../inbox/inbox-filter.store.js';
import { namesOf, type OperationFilter, type StoredFilter } from './operation-filter.js';

/** SQL condition: the event `e` has this name `n`, which may be a prefix with a trailing `*`. */
export const isNamed = `e.event_name = n.name OR (right(n.name, 1) = '*' AND e.event_name ^@ left(n.name, -1))`;

/**
 * SQL condition: the row `i` of the inbox and its event `e` lie in the part of the log that a filter names.
 * Its values are five parameters, the first of them `$first`. An event that is no longer in the log has no
 * time and no name, so a filter by one of them does not choose it.
 */
export const isInPart = (first: number): string => {
  const [from, to, since, until, names] = [0, 1, 2, 3, 4].map((n) => `$${first + n}`);
  return `(${from}::bigint IS NULL OR i.position >= ${from}) AND (${to}::bigint IS NULL OR i.position <= ${to})
    AND (${since}::timestamptz IS NULL OR e.created_at >= ${since}) AND (${until}::timestamptz IS NULL OR e.created_at < ${until})
    AND (${names}::text[] IS NULL OR EXISTS (SELECT 1 FROM unnest(${names}::text[]) AS n (name) WHERE ${isNamed}))`;
};

/** The values of `isInPart`. */
export function partValues(filter: OperationFilter | StoredFilter): unknown[] {
  const { from, to, since, until } = filter;
  return [from, to, since, until, namesOf(filter)].map((value) => value ?? null);
}

/** The values of `MATCHES_FILTER` where `isInPart` looks at the name of the event. */
export function rowValues(filter: OperationFilter | StoredFilter): unknown[] {
  return filterValues({ ...filter, eventName: undefined });
}
