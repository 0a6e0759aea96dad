/**
 * The bucket of a value: the first one whose boundary is not below it. What is above all boundaries has the
 * bucket behind the last one.
 */
export function bucketOf(boundaries: readonly number[], value: number): number {
  let low = 0;
  let high = boundaries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (value <= (boundaries[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}
