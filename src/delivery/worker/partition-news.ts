import { messageOf } from '../../errors.js';
import { errorText } from '../partition/error-texts.js';
import type { Reachability } from '../partition/unavailability.js';
import type { WorkerContext } from './worker-context.js';

/** Logs what stops a partition as a whole. */
export class PartitionNews {
  /** Whether somebody waits to hear that the handlers reach everything again. */
  private isAnswerDue = false;

  constructor(private readonly context: WorkerContext) {}

  paused(ms: number, error: unknown): void {
    const words = `The database failed, not the event; no attempt is counted, pause of ${Math.round(ms)} ms: ${messageOf(error)}`;
    this.warn(words, 'paused');
  }

  reachability(change: Reachability): void {
    const { logger, lease, env } = this.context;
    const { unavailable } = env.reports;
    if (change.kind === 'lost') {
      const words = `Its handlers cannot reach what they need (${messageOf(change.error)}). No attempt is counted; one is tried now and then until it can be reached again.`;
      this.isAnswerDue = this.warn(words, 'out of reach');
      unavailable.markUnavailable(lease.key, errorText(change.error));
      return;
    }
    unavailable.markAvailable(lease.key);
    if (change.kind === 'unknown' || !this.isAnswerDue) return;
    this.isAnswerDue = false;
    const seconds = (change.ms / 1_000).toFixed(1);
    logger.log(`Its handlers reach what they need again, after ${seconds} s and ${change.tries} calls`);
  }

  /** What comes and goes is said once a minute for each consumer. */
  private warn(words: string, kind: string): boolean {
    const { logger, consumer } = this.context;
    return logger.warnOfFailure(words, `${kind} ${consumer.name}`);
  }
}
