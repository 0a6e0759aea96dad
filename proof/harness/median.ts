export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

/** The median over the rounds of one value divided by the other of the same round. */
export function medianRatio(of: readonly number[], by: readonly number[]): number {
  return median(of.map((value, round) => value / (by[round] ?? Number.NaN)));
}
