import { createInterface } from 'node:readline';
import type { CommandOption } from './command.js';
import { Declined, UsageError } from './command.js';
import { visible } from './terminal-text.js';

/** The option of commands that change something. They ask at a terminal, and need it where there is none. */
export const YES_OPTION: Readonly<Record<string, CommandOption>> = {
  yes: { type: 'boolean', summary: 'do it without asking; needed where there is no terminal, as in scripts' },
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

/** Asks over these streams. Ctrl-C and Ctrl-D close the reader, and are not an answer. */
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
 * Resolves if the command may continue: `--yes` was given, or the person at the terminal agrees. A script
 * without `--yes` is always refused, even if nothing would be changed. So its first run shows the need.
 */
export async function confirm(
  consequence: () => Promise<string | undefined>,
  { yes, terminal }: { yes: boolean; terminal: Terminal | undefined },
): Promise<void> {
  if (yes) return;
  const words = await consequence();
  if (terminal === undefined)
    throw new UsageError(
      `${words ?? 'Nothing would be changed now.'} There is no terminal to ask: give --yes to do it without being asked`,
    );
  if (words === undefined) return;
  const answer = await terminal.ask(`${visible(words)} Go on? [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw new Declined();
}
