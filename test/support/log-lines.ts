import { ConsoleLogger, Logger, type LoggerService } from '@nestjs/common';
import { Recorder } from './recorder.js';

type Level = 'log' | 'warn' | 'error';

/** One thing that was said through Nest's logger. */
export interface LogLine {
  readonly level: Level;
  readonly context: string;
  readonly text: string;
  /** What was given beside the text: an error's stack. */
  readonly stack: string | undefined;
}

/** What was said since `hearLog`. */
export class LogLines extends Recorder<LogLine> {
  /** The texts of these levels so far. */
  texts(...levels: readonly Level[]): string[] {
    return this.all.filter(({ level }) => levels.includes(level)).map(({ text }) => text);
  }

  /** The first text with these words, as soon as it is said. */
  async saying(words: string | RegExp): Promise<string> {
    const { text } = await this.find((line) =>
      typeof words === 'string' ? line.text.includes(words) : words.test(line.text),
    );
    return text;
  }
}

const screen = process.env.TEST_LOG ? new ConsoleLogger() : undefined;
let ear: LogLines | undefined;

/** The logger of every application in the tests. It prints nothing, unless TEST_LOG is set. */
export const TEST_LOGGER: LoggerService = {
  log: hearing('log'),
  warn: hearing('warn'),
  error: hearing('error'),
};

/** Hears what is said through Nest's logger from now on, by applications with `TEST_LOGGER` and by parts without one. */
export function hearLog(): LogLines {
  ear = new LogLines();
  Logger.overrideLogger(TEST_LOGGER);
  return ear;
}

/** Nobody hears any more what is said. */
export function silenceLog(): void {
  ear = undefined;
  Logger.overrideLogger(TEST_LOGGER);
}

function hearing(level: Level): (text: unknown, ...others: unknown[]) => void {
  return (text, ...others) => {
    const [stack] = others.length > 1 ? others : [];
    screen?.[level](text, ...others);
    ear?.record({
      level,
      context: String(others.at(-1)),
      text: String(text),
      stack: typeof stack === 'string' ? stack : undefined,
    });
  };
}
