import { filterBy, type Place } from '../router/router.ts';
import type { FilterField } from './filter.tsx';
import type { ColumnOrder, Ordering } from './table.tsx';

/** Rows in an order that stands in the address of their page. `usual` is the one that is not written there. */
export function orderingOf(place: Place, order: string, usual?: string): Ordering {
  return { order, change: (by) => filterBy(place, { order: by === usual ? undefined : by }) };
}

/** The order by time, which a second press turns. */
export const LATEST_FIRST: ColumnOrder = { name: 'latest', first: 'descending', turned: 'oldest' };

/** The same choice as a field of a filter. `usual` says what comes first where nothing is chosen. */
export function latestOrOldest(usual: string): FilterField {
  return {
    name: 'order',
    label: 'Order',
    options: [
      ['', usual],
      ['oldest', 'the oldest first'],
    ],
  };
}
