import type { Logger } from '@nestjs/common';

const COUNTED_FOR_MS = 60_000;
/** As many kinds are told apart within a minute. All others are counted together. */
const MOST_KINDS = 100;
const OTHERS = '';

/**
 * Decides which lines about failures are logged. The first of a kind is, and then one a minute, which says
 * how many there were in between. While a database is away, everything that asks it fails again and again.
 */
export class RepeatedFailures {
  private readonly kinds = new Map<string, { readonly saidAt: number; count: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /**
   * Lines that differ in their numbers only are of one kind, if none is given. Returns whether the line was
   * logged.
   */
  warn(logger: Pick<Logger, 'warn'>, line: string, kind?: string): boolean {
    const said = this.lineFor(line, kind);
    if (said !== undefined) logger.warn(said);
    return said !== undefined;
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
    const key = this.keyOf(kind);
    const known = this.kinds.get(key);
    if (known !== undefined && this.now() - known.saidAt < COUNTED_FOR_MS) {
      known.count++;
      return undefined;
    }
    this.kinds.delete(key);
    this.kinds.set(key, { saidAt: this.now(), count: 0 });
    const { count = 0 } = known ?? {};
    if (count === 0) return line;
    const times = key === OTHERS ? 'failures of many other kinds' : 'times';
    return `${line} (and ${count} more ${times} since this was said last)`;
  }

  /** The kinds stand in the order in which they were said. So a new one takes the place of the first one. */
  private keyOf(kind: string): string {
    const key = kind.replace(/\d+/g, '#');
    if (this.kinds.has(key) || this.kinds.size < MOST_KINDS) return key;
    const [[oldest, { saidAt }] = [OTHERS, { saidAt: this.now() }]] = this.kinds;
    if (oldest === OTHERS || this.now() - saidAt < COUNTED_FOR_MS) return OTHERS;
    this.kinds.delete(oldest);
    return key;
  }
}
