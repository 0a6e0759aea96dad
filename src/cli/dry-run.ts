import type { CommandContext, CommandOption, CommandResult } from './command.js';

/** The option of commands that change something. */
export const DRY_RUN_OPTION: Readonly<Record<string, CommandOption>> = {
  'dry-run': { type: 'boolean', summary: 'say what it would do, and change nothing' },
};

export function isDryRun({ options }: Pick<CommandContext, 'options'>): boolean {
  return options['dry-run'] === true;
}

/** The result of a command that was only to say what it would do. */
export function wouldDo(what: string, data: Record<string, unknown>): CommandResult {
  return { ok: true, data: { dryRun: true, ...data }, text: `${what}\nNothing was changed.` };
}
