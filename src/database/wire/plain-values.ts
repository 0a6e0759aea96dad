/*
 * Everything that goes through the client of the host is sent and received as text. Drivers differ for every
 * other type. For a jsonb parameter, postgres.js encodes a text as a JSON string a second time. It writes an
 * array as `a,b` if it has not looked up the type of the array. Other drivers read a timestamptz in the wrong
 * zone, or with the type parsers of the host. A text is the same in all drivers, and Postgres converts it
 * (`$1::text::jsonb`).
 */

/**
 * A list in the form of an array of Postgres: `{"a","b",NULL}`. SQL reads it with `$1::text::text[]`,
 * `$1::text::jsonb[]` and so on.
 */
export function arrayText(values: readonly (string | number | null)[]): string {
  return `{${values.map(elementText).join(',')}}`;
}

function elementText(value: string | number | null): string {
  if (value === null) return 'NULL';
  // Two passes over a text are faster than one pass with a class of characters.
  return typeof value === 'number' ? String(value) : `"${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;
}

/** The time in a column that `epochText` made. */
export function timeOf(text: string): Date {
  return new Date(Number(text));
}

/** The time in a column that `epochText` made and that may be null. */
export function timeOrNullOf(text: string | null): Date | null {
  return text === null ? null : timeOf(text);
}
