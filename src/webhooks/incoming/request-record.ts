import { messageOf } from '../../errors.js';
import type { EngineLogger } from '../../words/engine-logger.js';
import type { RefusedRequest } from './refused-request.js';
import { type CountedOutcome, SourceTally, type WrittenTally } from './source-tally.js';

/** How long tallies wait in memory, in milliseconds. A process that is killed loses so much. */
const KEPT_MS = 5_000;

/**
 * Notes in memory what becomes of requests, and writes it every few seconds. So a flood of refused requests
 * costs the database one statement in five seconds.
 */
export class RequestRecord {
  private tallies = new Map<string, SourceTally>();
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly write: (tallies: readonly WrittenTally[]) => Promise<void>,
    private readonly logger: Pick<EngineLogger, 'warnOfFailure'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  add(source: string, outcome: CountedOutcome): void {
    this.of(source).add(outcome, this.now());
  }

  refuse(source: string, request: RefusedRequest): void {
    this.of(source).refuse(request, this.now());
  }

  /** Writes what waits. What cannot be written is kept for the next time. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const tallies = [...this.tallies.values()];
    this.tallies = new Map();
    if (tallies.length > 0) this.writing = this.writing.then(() => this.writeOrKeep(tallies));
    return this.writing;
  }

  private of(source: string): SourceTally {
    const known = this.tallies.get(source) ?? new SourceTally(source);
    this.tallies.set(source, known);
    this.timer ??= setTimeout(() => void this.flush(), KEPT_MS).unref();
    return known;
  }

  private async writeOrKeep(tallies: readonly SourceTally[]): Promise<void> {
    try {
      const now = this.now();
      await this.write(tallies.map((each) => each.written(now)));
    } catch (error) {
      this.logger.warnOfFailure(`Counts of webhooks could not be written, and are kept: ${messageOf(error)}`);
      for (const tally of tallies) {
        const later = this.tallies.get(tally.source);
        if (later !== undefined) tally.append(later);
        this.tallies.set(tally.source, tally);
      }
    }
  }
}
