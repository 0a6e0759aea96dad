/** A statement that comes again and again: prepared under its name once per connection. */
export interface NamedStatement {
  readonly name: string;
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** As node-postgres takes it. */
export function queryOf({ name, sql, values }: NamedStatement) {
  return { name, text: sql, values: [...values] };
}
