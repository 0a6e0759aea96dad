import { commandLine } from '../database/sql/pasteable-text.js';
import type { CommandContext } from './command.js';

/** A number with its noun: `1 event`, `3 events`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** The same where counting may have stopped: `200000 or more events`. */
export function countedAtLeast(count: number, isAtLeast: boolean, what: string): string {
  return isAtLeast ? `${count} or more ${what}s` : counted(count, what);
}

/** A time in UTC, by the second: `2026-11-20T08:00:00Z`. */
export function timeText(time: Date | null): string {
  return time === null ? '-' : `${time.toISOString().slice(0, 19)}Z`;
}

/** A command line of this package for the same database, schema and integration. */
export function hint(
  context: Pick<CommandContext, 'schema' | 'engine'>,
  command: string,
  names: readonly (string | number)[] = [],
  options: Readonly<Record<string, string | number | true>> = {},
): string {
  return commandLine(context, command, names, options);
}
