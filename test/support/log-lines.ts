import { Logger } from '@nestjs/common';
import { Recorder } from './recorder.js';

/** One thing that was said through Nest's logger. */
export interface LogLine {
  readonly level: 'log' | 'warn' | 'error';
  readonly context: string;
  readonly text: string;
  /** What was given beside the text: an error's stack. */
  readonly stack: string | undefined;
}

/** Hears what is said through Nest's logger from now on. Applications of tests are started before: they silence it. */
export function hearLog(): Recorder<LogLine> {
  const lines = new Recorder<LogLine>();
  const hear =
    (level: LogLine['level']) =>
    (text: unknown, ...others: unknown[]) => {
      const [stack] = others.length > 1 ? others : [];
      lines.record({
        level,
        context: String(others.at(-1)),
        text: String(text),
        stack: typeof stack === 'string' ? stack : undefined,
      });
    };
  Logger.overrideLogger({ log: hear('log'), warn: hear('warn'), error: hear('error') });
  return lines;
}

/** Nothing is said any more, as in every other test. */
export function silenceLog(): void {
  Logger.overrideLogger(false);
}
