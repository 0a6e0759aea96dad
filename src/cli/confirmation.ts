import { createInterface } from 'node:readline';
import type { CommandOption } from './command.js';
import { Declined, UsageError } from './command.js';
import { visible } from './terminal-text.js';

/** The option of commands that ask. */
export const YES_OPTION: Readonly<Record<string, CommandOption>> = {
  yes: { type: 'boolean', summary: 'do it without asking; for scripts' },
};

/** A terminal at which a person can be asked. */
export interface Terminal {
  ask(question: string): Promise<string>;
}

/** The terminal of this process, or undefined if it has none. */
export function terminalOfProcess(): Terminal | undefined {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
  return terminalOver(process.stdin, process.stderr);
}

/** Asks over these streams. Ctrl-C and Ctrl-D close the reader, and are no answer. */
export function terminalOver(input: NodeJS.ReadableStream, output: NodeJS.WritableStream): Terminal {
  return {
    ask: (question) =>
      new Promise((resolve) => {
        const reader = createInterface({ input, output });
        let answer: string | undefined;
        reader.once('close', () => {
          if (answer === undefined) output.write('\n');
          resolve(answer ?? '');
        });
        reader.question(question, (given) => {
          answer = given;
          reader.close();
        });
      }),
  };
}

/**
 * Resolves if the command may continue: `--yes` was given, the person at the terminal agrees, or the command
 * continues without a question.
 */
export async function confirm(
  consequence: () => Promise<string | undefined>,
  { yes, terminal, goesOnUnasked }: { yes: boolean; terminal: Terminal | undefined; goesOnUnasked: boolean },
): Promise<void> {
  if (yes || (terminal === undefined && goesOnUnasked)) return;
  const words = await consequence();
  if (words === undefined) return;
  if (terminal === undefined)
    throw new UsageError(`${words} There is no terminal to ask: give --yes to do it without being asked`);
  const answer = await terminal.ask(`${visible(words)} Go on? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw new Declined();
}
