import { Logger } from '@nestjs/common';
import { DEFAULT_ENGINE, type OfEngine } from './engine-name.js';
import { RepeatedFailures } from './repeated-failures.js';

/**
 * The logger of a part of the engine. Lines about failures that come again and again, such as those of a
 * database that is away, are written once a minute for each kind, with how many there were in between.
 * `RepeatedFailures` says what a kind is.
 */
export class EngineLogger extends Logger {
  constructor(
    context: string,
    private readonly repeated = new RepeatedFailures(),
  ) {
    super(context);
  }

  /** Returns whether the line was written. */
  warnOfFailure(line: string, kind?: string, stack?: string): boolean {
    const warn = (said: string) => (stack === undefined ? this.warn(said) : this.warn(said, stack));
    return this.repeated.warn({ warn }, line, kind);
  }

  debugOfFailure(line: string, kind?: string): void {
    this.repeated.debug(this, line, kind);
  }

  errorOfFailure(line: string, stack: string | undefined, kind: string): void {
    this.repeated.error(this, line, stack, kind);
  }
}

/**
 * The logger of a part of an engine. The context of the lines says which engine, if it has a name. Parts that
 * fail in the same way share `repeated`, so that a line of theirs is written for one of them only.
 */
export function loggerOf(context: string, { engine }: OfEngine, repeated?: RepeatedFailures): EngineLogger {
  return new EngineLogger(engine === DEFAULT_ENGINE ? context : `${context} (${engine})`, repeated);
}
