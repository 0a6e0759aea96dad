import { setTimeout as delay } from 'node:timers/promises';
import { messageOf } from '../errors.js';
import { type CommandOption, type CommandResult, UsageError } from './command.js';
import type { Shell } from './shell.js';
import { fitted, visible } from './terminal-text.js';
import { timeText } from './texts.js';
import { describeError, isWrongUse } from './wrong-use.js';

/** The option of commands that can look again and again. */
export const WATCH_OPTION: Readonly<Record<string, CommandOption>> = {
  watch: {
    type: 'string',
    valueIfBare: '2',
    summary: 'look again every 2 seconds, or as often as given, until Ctrl-C',
  },
};

const SHORTEST_SECONDS = 0.1;
const LONGEST_SECONDS = 86_400;

/** The time between two looks in milliseconds, if there is to be more than one. */
export function watchedEvery({
  watch: given,
}: Readonly<Record<string, string | boolean | undefined>>): number | undefined {
  if (typeof given !== 'string') return undefined;
  const seconds = Number(given);
  if (given.trim() !== '' && seconds >= SHORTEST_SECONDS && seconds <= LONGEST_SECONDS)
    return seconds * 1_000;
  throw new UsageError(
    `--watch must be a number of seconds from ${SHORTEST_SECONDS} to ${LONGEST_SECONDS}, not ${JSON.stringify(given)}`,
  );
}

interface Watching {
  readonly shell: Shell;
  readonly asJson: boolean;
  readonly everyMs: number;
  /** What is looked at. */
  readonly title: string;
}

/**
 * Looks again and again until Ctrl-C, or until a look says that it is the last. The first look has to
 * succeed. One that fails later is said, and the next one is taken at its time. Where blocks are added behind
 * each other, the same failure is said once in a row.
 */
export function watch(look: () => Promise<CommandResult>, watching: Watching): Promise<0 | 1> {
  const { shell, everyMs } = watching;
  return shell.interruptible(async (signal) => {
    const interrupted = new Promise<undefined>((resolve) =>
      signal.addEventListener('abort', () => resolve(undefined), { once: true }),
    );
    let said: string | undefined;
    for (let isFirst = true; ; isFirst = false) {
      // The look that is under way when somebody presses Ctrl-C is not waited for.
      const result = await Promise.race([interrupted, look().catch((error) => new Failure(error))]);
      if (result === undefined || signal.aborted) return 0;
      if (result instanceof Failure) {
        if (isFirst || isWrongUse(result.error)) throw result.error;
        const words = messageOf(result.error);
        if (words !== said || isDrawnAnew(watching)) showFailure(result.error, watching);
        said = words;
      } else {
        said = undefined;
        show(result, watching);
        if (result.isLast === true) return result.ok ? 0 : 1;
      }
      await delay(everyMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return 0;
    }
  });
}

class Failure {
  constructor(readonly error: unknown) {}
}

function show({ data, text }: CommandResult, watching: Watching): void {
  const { shell, asJson } = watching;
  const at = new Date();
  if (asJson) showJson({ at, ...data }, shell);
  else showBlock(`${heading(at, watching)}\n\n${text}`, shell);
}

function showFailure(error: unknown, watching: Watching): void {
  const { shell, asJson } = watching;
  const at = new Date();
  if (asJson) showJson({ at, error: describeError(error) }, shell);
  else showBlock(`${heading(at, watching)}\n\nThe look has failed: ${messageOf(error)}`, shell);
}

/** Whether each look replaces the one before, or is an object of its own. */
function isDrawnAnew({ shell, asJson }: Watching): boolean {
  return asJson || shell.screen() !== undefined;
}

function showJson(data: Record<string, unknown>, shell: Shell): void {
  shell.writeResult(`${visible(JSON.stringify(data))}\n`);
}

function heading(at: Date, { title, everyMs }: Watching): string {
  return `${title} at ${timeText(at)}, every ${everyMs / 1_000} s until Ctrl-C`;
}

/** Draws over the block before on a terminal, as much as it can show. Elsewhere adds it behind. */
function showBlock(block: string, shell: Shell): void {
  const screen = shell.screen();
  if (screen === undefined) {
    shell.writeResult(`${visible(block)}\n\n`);
    return;
  }
  const lines = visible(block).split('\n');
  const room = Math.max(1, screen.rows - 2);
  const shown =
    lines.length <= room
      ? lines
      : [...lines.slice(0, room), `… ${lines.length - room} more lines: see them without --watch`];
  // To the upper left corner; the rest of each line, and what is below, is cleared.
  const drawn = shown.map((line) => `${fitted(line, screen.columns)}\x1b[K\n`).join('');
  shell.writeResult(`\x1b[H${drawn}\x1b[J`);
}
