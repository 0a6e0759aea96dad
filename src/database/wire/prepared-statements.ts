import type { EngineStatement } from './named-statement.js';
import { takesPlainWay } from './plain-way.js';

/** The names that each connection has prepared. */
const preparedOn = new WeakMap<object, Set<string>>();

/** Whether these statements may be sent by their names, in one message. */
export function isPrepared(connection: object, statements: readonly EngineStatement[]): boolean {
  const known = takesPlainWay(connection) ? undefined : preparedOn.get(connection);
  return known !== undefined && statements.every(({ name }) => known.has(name));
}

export function notePrepared(connection: object, statements: readonly EngineStatement[]): void {
  const known = preparedOn.get(connection) ?? new Set();
  preparedOn.set(connection, known);
  for (const { name } of statements) known.add(name);
}
