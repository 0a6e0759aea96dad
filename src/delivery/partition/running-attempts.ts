import type { Attempt } from './attempt.js';
import type { Delivery } from './delivery.js';

/** The attempts of one partition that are under way. */
export class RunningAttempts {
  /**
   * This is no Set: an old Set outgrows its table again and again, and each table that it leaves would keep
   * what was in it from being collected young.
   */
  private readonly attempts: Attempt[] = [];
  private readonly endedWaiters: (() => void)[] = [];
  private committing = 0;

  get size(): number {
    return this.attempts.length;
  }

  /** How many handlers run. An attempt that is only being committed takes nobody's place. */
  get inHandlers(): number {
    return this.attempts.length - this.committing;
  }

  begin(attempt: Attempt): void {
    this.attempts.push(attempt);
  }

  /** Nothing is left of one of them but its commit. */
  commits(): void {
    this.committing++;
  }

  finish(attempt: Attempt): void {
    const last = this.attempts.pop();
    if (last !== undefined && last !== attempt) this.attempts[this.attempts.indexOf(attempt)] = last;
    if (attempt.hasLeftItsPlace) this.committing--;
  }

  /** Whether one of them runs an event for which `isOne` is true. */
  some(isOne: (delivery: Delivery) => boolean): boolean {
    return this.attempts.some(({ delivery, others }) => isOne(delivery) || others.some(isOne));
  }

  /** What they run. */
  *deliveries(): Generator<Delivery> {
    for (const attempt of this.attempts) yield* attempt.deliveries;
  }

  /** Resolves when nothing runs any more. */
  get allEnded(): Promise<void> {
    if (this.attempts.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.endedWaiters.push(resolve));
  }

  /** Tells those who wait for the end, once the outcome of the last attempt is settled. */
  tellIfEnded(): void {
    if (this.attempts.length > 0 || this.endedWaiters.length === 0) return;
    for (const resolve of this.endedWaiters.splice(0)) resolve();
  }

  watchDeadlines(): void {
    for (const attempt of this.attempts) attempt.watchDeadline();
  }

  /** Each of them is told that it is given up. */
  abandon(reason: Error): void {
    for (const attempt of this.attempts) attempt.abandon(reason);
  }
}
