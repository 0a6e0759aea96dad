/*
 * Ascending, disjoint, non-adjacent half-open ranges in one flat array: from, to, from, to … The last one may
 * be open, up to infinity. `PositionSet` keeps its bounds in this form.
 */
const OPEN = Number.POSITIVE_INFINITY;

/** The positions that are in at least one of the two lists. It makes one pass over both. */
export function union(a: readonly number[], b: readonly number[]): number[] {
  const result: number[] = [];
  for (let i = 0, j = 0; i < a.length || j < b.length; ) {
    const isOfA = (a[i] ?? OPEN) <= (b[j] ?? OPEN) && i < a.length;
    const from = (isOfA ? a[i] : b[j]) as number;
    const to = (isOfA ? a[i + 1] : b[j + 1]) as number;
    if (isOfA) i += 2;
    else j += 2;
    const last = result.length - 1;
    if (last >= 0 && (result[last] as number) >= from) result[last] = Math.max(result[last] as number, to);
    else result.push(from, to);
  }
  return result;
}

/** The positions that are in `a` and not in `b`. It makes one pass over both. */
export function difference(a: readonly number[], b: readonly number[]): number[] {
  const result: number[] = [];
  for (let i = 0, j = 0; i < a.length; i += 2) {
    let from = a[i] as number;
    const to = a[i + 1] as number;
    while (j < b.length && (b[j + 1] as number) <= from) j += 2;
    while (j < b.length && (b[j] as number) < to && from < to) {
      if ((b[j] as number) > from) result.push(from, b[j] as number);
      from = b[j + 1] as number;
      // A range that goes on behind `to` may also overlap the next range.
      if (from <= to) j += 2;
    }
    if (from < to) result.push(from, to);
  }
  return result;
}
