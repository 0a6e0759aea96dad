import type { Logger } from '@nestjs/common';
import { messageOf } from '../../errors.js';
import { RepeatedFailures } from '../../words/repeated-failures.js';
import type { RefusedStep } from './refusal.js';

/** What became of a request. A request that is `invalid` was accepted too, so it is counted as both. */
export type CountedOutcome = 'accepted' | 'repeated' | 'handshake' | 'invalid' | 'failed' | RefusedStep;

export interface Counted {
  readonly source: string;
  readonly outcome: CountedOutcome;
  readonly count: number;
}

/** How long counts wait in memory, in milliseconds. A process that is killed loses so much. */
const KEPT_MS = 5_000;

/**
 * Counts requests in memory and writes the counts every few seconds. So a flood of refused requests costs the
 * database one statement in five seconds.
 */
export class WebhookCounts {
  private counts = new Map<string, Counted>();
  private timer: NodeJS.Timeout | undefined;
  private readonly repeated = new RepeatedFailures();
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly write: (counts: readonly Counted[]) => Promise<void>,
    private readonly logger: Logger,
  ) {}

  add(source: string, outcome: CountedOutcome): void {
    const key = `${source} ${outcome}`;
    const count = (this.counts.get(key)?.count ?? 0) + 1;
    this.counts.set(key, { source, outcome, count });
    this.timer ??= setTimeout(() => void this.flush(), KEPT_MS).unref();
  }

  /** Writes what waits. Counts that cannot be written are kept for the next time. */
  flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const counts = [...this.counts.values()];
    this.counts = new Map();
    if (counts.length > 0) this.writing = this.writing.then(() => this.writeOrKeep(counts));
    return this.writing;
  }

  private async writeOrKeep(counts: readonly Counted[]): Promise<void> {
    try {
      await this.write(counts);
    } catch (error) {
      this.repeated.warn(
        this.logger,
        `Counts of webhooks could not be written, and are kept: ${messageOf(error)}`,
      );
      for (const { source, outcome, count } of counts) {
        const key = `${source} ${outcome}`;
        this.counts.set(key, { source, outcome, count: (this.counts.get(key)?.count ?? 0) + count });
      }
    }
  }
}
