import type { EngineStatement } from './named-statement.js';

/** The names that each connection has prepared. */
const preparedOn = new WeakMap<object, Set<string>>();

export function isPrepared(connection: object, statements: readonly EngineStatement[]): boolean {
  const known = preparedOn.get(connection);
  return known !== undefined && statements.every(({ name }) => known.has(name));
}

export function notePrepared(connection: object, statements: readonly EngineStatement[]): void {
  const known = preparedOn.get(connection) ?? new Set();
  preparedOn.set(connection, known);
  for (const { name } of statements) known.add(name);
}
