/** The pause after so many failures in a row. It doubles with each of them, up to the longest. */
export function growingPauseMs(failures: number, firstMs: number, longestMs: number): number {
  return Math.min(firstMs * 2 ** (failures - 1), longestMs);
}
