import type { CommandContext } from './command.js';
import { hint } from './texts.js';
import { COMMON_OPTIONS } from './usage.js';

/** Options that say nothing about what is chosen. */
const OF_THE_CALL = new Set([...Object.keys(COMMON_OPTIONS), 'watch']);

/** The command line of the next page: it chooses the same, and begins where this page ends. */
export function nextPage(
  context: CommandContext,
  command: string,
  place: Readonly<Record<string, string | number>>,
): string {
  const chosen = Object.entries(context.options).flatMap(([name, value]) =>
    (typeof value === 'string' || value === true) && !OF_THE_CALL.has(name) ? [[name, value] as const] : [],
  );
  return hint(context, command, context.arguments, { ...Object.fromEntries(chosen), ...place });
}
