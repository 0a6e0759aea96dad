/** Counts are exact up to this number. */
export const COUNTED_TO = 10_000;

/** A number of rows. With `atLeast` there are more than `count`, and nobody counted how many. */
export interface Counted {
  count: number;
  atLeast: boolean;
}

/** The count of a look that ended at one row more than `most`. */
export function countedTo(found: number, most = COUNTED_TO): Counted {
  return { count: Math.min(found, most), atLeast: found > most };
}

/** `10000+` for a number of which only the beginning was counted. */
export function countText({ count, atLeast }: Counted): string {
  return atLeast ? `${count}+` : String(count);
}
