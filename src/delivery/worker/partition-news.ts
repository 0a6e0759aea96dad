import { messageOf } from '../../errors.js';
import { errorText } from '../partition/error-texts.js';
import type { Reachability } from '../partition/unavailability.js';
import type { WorkerContext } from './worker-context.js';

/** Logs what stops a partition as a whole. */
export class PartitionNews {
  constructor(private readonly context: WorkerContext) {}

  paused(ms: number, error: unknown): void {
    this.context.logger.warn(
      `The database failed, not the event; no attempt is counted, pause of ${Math.round(ms)} ms: ${messageOf(error)}`,
    );
  }

  reachability(change: Reachability): void {
    const { logger, lease, env } = this.context;
    const { unavailable } = env.reports;
    if (change.kind === 'lost') {
      logger.warn(
        `Its handlers cannot reach what they need (${messageOf(change.error)}). No attempt is counted; one is tried now and then until it can be reached again.`,
      );
      unavailable.markUnavailable(lease.key, errorText(change.error));
      return;
    }
    unavailable.markAvailable(lease.key);
    if (change.kind === 'unknown') return;
    const seconds = (change.ms / 1_000).toFixed(1);
    logger.log(`Its handlers reach what they need again, after ${seconds} s and ${change.tries} calls`);
  }
}
