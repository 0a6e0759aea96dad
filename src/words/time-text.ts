const TIME =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?)?$/;
const DAY = /^\d{4}-\d{2}-\d{2}/;
const ZONE = /T.*(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * The time that a text of the form of RFC 3339 says, or a part of it: `2026-11-25`, `2026-11-25 20:00`.
 * Undefined for any other text. JavaScript reads much more as a time, and `5` as a day in 2001.
 */
export function timeOf(text: string): Date | undefined {
  if (!TIME.test(text) || isNoDay(text)) return undefined;
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

/** Whether a time says its offset, so that it is the same time everywhere. */
export function hasZone(text: string): boolean {
  return ZONE.test(text);
}

/**
 * Whether a text begins with a day that no calendar has. JavaScript reads 30 February as 2 March, so a filter
 * would choose other rows than were meant.
 */
export function isNoDay(text: string): boolean {
  const [day] = DAY.exec(text) ?? [];
  if (day === undefined) return false;
  const read = new Date(`${day}T00:00:00Z`);
  return Number.isNaN(read.getTime()) || !read.toISOString().startsWith(day);
}
