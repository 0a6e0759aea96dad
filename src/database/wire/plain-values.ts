/*
 * What goes through the host's client goes as text, both ways. Drivers disagree about every other type:
 * postgres.js writes a text that is meant for a jsonb parameter as a JSON string once more, and an array of a
 * type it has not looked up as `a,b`; others read a timestamptz in the wrong zone, or as the host's own type
 * parsers say. A text is the same in all of them, and Postgres converts it (`$1::text::jsonb`).
 */

/**
 * A list as Postgres writes an array: `{"a","b",NULL}`. To be read by `$1::text::text[]`, `$1::text::jsonb[]`
 * and so on.
 */
export function arrayText(values: readonly (string | number | null)[]): string {
  return `{${values.map(elementText).join(',')}}`;
}

function elementText(value: string | number | null): string {
  if (value === null) return 'NULL';
  // Two passes over a text take a third of the time that one with a class of characters takes.
  return typeof value === 'number' ? String(value) : `"${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;
}

/** The time that a column made by `epochText` says. */
export function timeOf(text: string): Date {
  return new Date(Number(text));
}

/** The same of a column that may be null. */
export function timeOrNullOf(text: string | null): Date | null {
  return text === null ? null : timeOf(text);
}
