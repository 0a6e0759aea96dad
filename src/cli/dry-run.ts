import type { CommandContext, CommandOption, CommandResult } from './command.js';

/** What a change would do. */
export interface Would {
  /** One sentence, or more. */
  readonly what: string;
  /** The same for `--json`. */
  readonly data: Record<string, unknown>;
  /** True if all is as the change would make it. Nobody at a terminal is asked then. */
  readonly isNothing?: boolean;
}

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

/**
 * Says what a change would do. With `--dry-run` that is the result of the command. Otherwise it is the
 * question, and the command goes on if this resolves to undefined.
 */
export async function saidFirst(
  context: Pick<CommandContext, 'options' | 'confirm'>,
  look: () => Promise<Would>,
): Promise<CommandResult | undefined> {
  if (isDryRun(context)) {
    const { what, data } = await look();
    return wouldDo(what, data);
  }
  await context.confirm(async () => {
    const { what, isNothing = false } = await look();
    return isNothing ? undefined : what;
  });
  return undefined;
}
