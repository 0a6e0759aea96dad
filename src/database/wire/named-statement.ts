/** A statement that comes again and again. It is prepared under its name once per connection. */
export interface NamedStatement {
  readonly name: string;
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** A statement of the engine. It is prepared under its name if the client can do that. */
export interface EngineStatement extends NamedStatement {
  readonly values: readonly (string | number)[];
}

/** The statement in the form of node-postgres. */
export function queryOf({ name, sql, values }: NamedStatement) {
  return { name, text: sql, values: [...values] };
}
