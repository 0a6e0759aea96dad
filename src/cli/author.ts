import { userInfo } from 'node:os';
import type { ChangeAuthor } from '../audit/change-author.js';
import type { CommandContext, CommandOption } from './command.js';
import { YES_OPTION } from './confirmation.js';
import { DRY_RUN_OPTION } from './dry-run.js';
import { textOption } from './options.js';

const BY: CommandOption = {
  type: 'string',
  summary: 'who changes it, for the audit; default: cli:<user>',
};

/** The options of commands that change something. */
export const CHANGE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  by: BY,
  reason: { type: 'string', summary: 'why, for the audit' },
  ...DRY_RUN_OPTION,
  ...YES_OPTION,
};

/** The same for commands that have a reason of their own. */
export const REASONED_CHANGE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  by: BY,
  ...DRY_RUN_OPTION,
  ...YES_OPTION,
};

/** Who makes a change by a command, and why: the values of the options, or the user of this machine. */
export function authorOf({ options }: Pick<CommandContext, 'options'>): ChangeAuthor & { by: string } {
  return {
    by: textOption(options, 'by') ?? `cli:${userName()}`,
    reason: textOption(options, 'reason'),
    via: 'cli',
  };
}

/** A container may run under a user id that has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? 'unknown');
  }
}
