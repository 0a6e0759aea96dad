/** A statement that comes again and again: prepared under its name once per connection. */
export interface NamedStatement {
  readonly name: string;
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** One of the engine's own statements, prepared under its name where the client can do that. */
export interface EngineStatement extends NamedStatement {
  readonly values: readonly (string | number)[];
}

/** As node-postgres takes it. */
export function queryOf({ name, sql, values }: NamedStatement) {
  return { name, text: sql, values: [...values] };
}
