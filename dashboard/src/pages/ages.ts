/** Nothing waited where the backlog is known and the lag is not. */
export function agesOf(
  points: readonly { readonly backlog: number | null; readonly lagSeconds: number | null }[],
): (number | null)[] {
  return points.map(({ backlog, lagSeconds }) => lagSeconds ?? (backlog === null ? null : 0));
}
