import { inspect } from 'node:util';
import { Logger } from '@nestjs/common';
import type { HandlerLine } from '../../inbox/failed-attempt.js';
import type { Attempt } from '../partition/attempt.js';
import { AttemptLines, type HandlerLinesOption } from '../partition/attempt-lines.js';

/** Whether lines of handlers are kept, and what of them. */
export class LineKeeping {
  constructor(private readonly option: HandlerLinesOption | undefined) {}

  get areKept(): boolean {
    return this.option !== undefined;
  }

  /** The logger itself, or one that also keeps what it writes. */
  keptOf(attempt: Attempt, logger: Logger): Logger {
    if (this.option === undefined) return logger;
    const { subscription, log } = attempt.delivery;
    const { consumerName } = subscription;
    attempt.lines ??= new AttemptLines(this.option, { consumerName, eventName: log.eventName });
    return new KeepingLogger(logger, attempt.lines);
  }
}

/** Writes lines as the logger does, and keeps those of the levels that are switched on. */
class KeepingLogger extends Logger {
  constructor(
    private readonly written: Logger,
    private readonly lines: AttemptLines,
  ) {
    super();
  }

  override log(...line: unknown[]): void {
    this.write('log', line);
  }

  override error(...line: unknown[]): void {
    this.write('error', line);
  }

  override warn(...line: unknown[]): void {
    this.write('warn', line);
  }

  override debug(...line: unknown[]): void {
    this.write('debug', line);
  }

  override verbose(...line: unknown[]): void {
    this.write('verbose', line);
  }

  override fatal(...line: unknown[]): void {
    this.write('fatal', line);
  }

  private write(level: HandlerLine['level'], line: unknown[]): void {
    if (Logger.isLevelEnabled(level)) this.lines.add(level, line.map(textOf).join('\n'));
    const [message, ...others] = line;
    this.written[level](message, ...others);
  }
}

/** Objects are on one line and whole, so that a value in them stands as it would stand in a text. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return inspect(value, { breakLength: Number.POSITIVE_INFINITY, compact: true, depth: 4 });
  } catch {
    return '[a value that cannot be written]';
  }
}
