import { messageOf } from '../errors.js';
import type { EngineLogger } from '../words/engine-logger.js';

/** After this time, a schedule whose event could not be published is tried again. */
const AGAIN_MS = 60_000;

/**
 * Schedules that are due and whose event cannot be published. Each is left out for a minute, so that it holds
 * up no other one. Its `next_at` stays, so `missed` decides when it can be published again.
 */
export class Refusals {
  /** When each may be tried again (monotonic milliseconds). */
  private readonly until = new Map<string, number>();

  constructor(
    private readonly logger: Pick<EngineLogger, 'warnOfFailure'>,
    private readonly againMs = AGAIN_MS,
  ) {}

  /** Those that are left out now. One whose time has come is forgotten: it may be gone by now. */
  names(): string[] {
    const now = performance.now();
    for (const [name, until] of this.until) if (until <= now) this.until.delete(name);
    return [...this.until.keys()];
  }

  /** In how many milliseconds the first of them is tried again. Infinity if there is none. */
  againInMs(): number {
    return Math.max(0, Math.min(...this.until.values()) - performance.now());
  }

  refused(name: string, error: unknown): void {
    this.until.set(name, performance.now() + this.againMs);
    this.logger.warnOfFailure(
      `Schedule "${name}" is due, and its event cannot be published, so it waits: ${messageOf(error)}`,
      `schedule ${name}`,
    );
  }

  passed(name: string): void {
    this.until.delete(name);
  }

  /** Everything may be tried at once, because a schedule was changed. */
  forget(): void {
    this.until.clear();
  }
}
