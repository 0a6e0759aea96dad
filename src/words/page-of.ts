/** One page of a list. */
export interface PageOf<Row, Place> {
  readonly rows: Row[];
  /** Where the next page begins. Null on the last page, also on one that is full. */
  readonly next: Place | null;
}

/**
 * The page of what was found. Ask for one row more than the page has: whether it is there says whether
 * another page follows.
 *
 * @param placeOf the place of a row in the list, as the next page is asked for
 */
export function pageOf<Row, Place = string>(
  found: readonly Row[],
  limit: number,
  placeOf: (row: Row) => Place,
): PageOf<Row, Place> {
  const rows = found.slice(0, limit);
  const last = found.length > limit ? rows.at(-1) : undefined;
  return { rows, next: last === undefined ? null : placeOf(last) };
}
