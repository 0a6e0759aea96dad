import { messageOf } from '../../errors.js';
import type { EngineLogger } from '../../words/engine-logger.js';

/** How long a look at the database's clock is good for. */
const GOOD_FOR_MS = 60_000;
/** A verdict against a request is given only after a look that is younger than this. */
const FRESH_MS = 1_000;
/** Above this difference the log says that the clock of the process is wrong. */
const WORTH_SAYING_MS = 30_000;

interface Look {
  readonly databaseMs: number;
  /** When it was taken, by the clock that nobody sets. */
  readonly at: number;
}

/**
 * The time by which signed times are judged: the database's. The process counts on from a look at it with a
 * clock that nobody sets, so a wrong clock of the machine does not matter, and neither does one that is put
 * right.
 */
export class DatabaseClock {
  private look: Look | undefined;
  private looking: Promise<void> | undefined;
  private said = false;

  constructor(
    private readonly read: () => Promise<number>,
    private readonly logger: Pick<EngineLogger, 'warn' | 'warnOfFailure'>,
  ) {}

  /**
   * The time in milliseconds since 1970. The first call waits for a look. Later ones have a new look taken
   * meanwhile when the last one is old. If the database cannot be asked, it is the process's own clock.
   */
  async now(): Promise<number> {
    if (this.look === undefined) await this.takeLook();
    else if (this.age > GOOD_FOR_MS) void this.takeLook();
    return this.time;
  }

  /** The time after a look that was taken just now. Many calls share one look. */
  async fresh(): Promise<number> {
    if (this.age > FRESH_MS) await this.takeLook();
    return this.time;
  }

  private get age(): number {
    return this.look === undefined ? Number.POSITIVE_INFINITY : performance.now() - this.look.at;
  }

  private get time(): number {
    return this.look === undefined ? Date.now() : this.look.databaseMs + performance.now() - this.look.at;
  }

  private takeLook(): Promise<void> {
    this.looking ??= this.lookNow().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  private async lookNow(): Promise<void> {
    const asked = performance.now();
    try {
      const databaseMs = await this.read();
      const answered = performance.now();
      this.look = { databaseMs, at: (asked + answered) / 2 };
      this.report(Date.now() - this.time);
    } catch (error) {
      this.logger.warnOfFailure(`The database's clock could not be read: ${messageOf(error)}`);
    }
  }

  private report(aheadMs: number): void {
    const isWrong = Math.abs(aheadMs) > WORTH_SAYING_MS;
    if (isWrong && !this.said) {
      const seconds = Math.round(Math.abs(aheadMs) / 1_000);
      this.logger.warn(
        `The clock of this process is ${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} the database's. The times of webhooks are judged by the database's clock. Set the clock of this machine.`,
      );
    }
    this.said = isWrong;
  }
}
