import type { Logger } from '@nestjs/common';

const COUNTED_FOR_MS = 60_000;
/** More kinds than this are not told apart. The one that was said the longest ago is forgotten. */
const MOST_KINDS = 100;

/**
 * Decides which lines about failures are logged. The first of a kind is, and then one a minute, which says
 * how many there were in between. While a database is away, everything that asks it fails again and again.
 */
export class RepeatedFailures {
  private readonly kinds = new Map<string, { readonly saidAt: number; count: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Lines that differ in their numbers only are of one kind, if none is given. */
  warn(logger: Pick<Logger, 'warn'>, line: string, kind?: string): void {
    const said = this.lineFor(line, kind);
    if (said !== undefined) logger.warn(said);
  }

  debug(logger: Pick<Logger, 'debug'>, line: string, kind?: string): void {
    const said = this.lineFor(line, kind);
    if (said !== undefined) logger.debug(said);
  }

  error(logger: Pick<Logger, 'error'>, line: string, stack: string | undefined, kind: string): void {
    const said = this.lineFor(line, kind);
    if (said !== undefined) logger.error(said, stack);
  }

  /** The line to log, or undefined if it is only counted. */
  private lineFor(line: string, kind: string = line): string | undefined {
    const key = kind.replace(/\d+/g, '#');
    const known = this.kinds.get(key);
    if (known !== undefined && this.now() - known.saidAt < COUNTED_FOR_MS) {
      known.count++;
      return undefined;
    }
    this.kinds.delete(key);
    const [oldest] = this.kinds.keys();
    if (this.kinds.size >= MOST_KINDS && oldest !== undefined) this.kinds.delete(oldest);
    this.kinds.set(key, { saidAt: this.now(), count: 0 });
    const { count = 0 } = known ?? {};
    return count === 0 ? line : `${line} (and ${count} more times since this was said last)`;
  }
}
