/** Counts are exact up to this number. */
export const COUNTED_TO = 10_000;

/** A number of rows. With `atLeast` there are more than `count`, and nobody counted how many. */
export interface Counted {
  count: number;
  atLeast: boolean;
}

/** A number of rows. With `atLeast` only the first `count` were counted, and there are about `estimate`. */
export interface EstimatedCount extends Counted {
  /** How many there are. It is `count` if all of them were counted, and else has two digits that count. */
  estimate: number;
}

/** The count of a look that ended at one row more than `most`. */
export function countedTo(found: number, most = COUNTED_TO): Counted {
  return { count: Math.min(found, most), atLeast: found > most };
}

/**
 * The same count, with an estimate of how many there are. The estimate is rounded, so that nobody takes it
 * for a count, and it never says less than was counted.
 */
export function estimatedTo(found: number, estimate: number, most = COUNTED_TO): EstimatedCount {
  const { count, atLeast } = countedTo(found, most);
  return { count, atLeast, estimate: atLeast ? Math.max(count, roundedToTwoDigits(estimate)) : count };
}

/** `10000+` for a number of which only the beginning was counted. */
export function countText({ count, atLeast }: Counted): string {
  return atLeast ? `${count}+` : String(count);
}

/** `~12000` for a number that was estimated. */
export function estimateText({ atLeast, estimate }: EstimatedCount): string {
  return atLeast ? `~${estimate}` : String(estimate);
}

function roundedToTwoDigits(value: number): number {
  return Number(value.toPrecision(2));
}
