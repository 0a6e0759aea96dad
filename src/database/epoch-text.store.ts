/** SQL: a timestamptz as milliseconds since 1970, as text. It reads the same in every zone of database, role, session and driver. */
export function epochText(column: string): string {
  return `floor(extract(epoch FROM ${column}) * 1000)::text`;
}
