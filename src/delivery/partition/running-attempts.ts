import type { Attempt } from './attempt.js';
import type { Delivery } from './delivery.js';

/** The running attempts of one partition. */
export class RunningAttempts {
  /**
   * This is an array and not a Set. A Set in the old generation replaces its table again and again. Each
   * table that it leaves would keep its entries from being collected with the young generation.
   */
  private readonly attempts: Attempt[] = [];
  private readonly endedWaiters: (() => void)[] = [];
  private committing = 0;

  get size(): number {
    return this.attempts.length;
  }

  /** How many handlers run. An attempt that only waits for its commit takes no place. */
  get inHandlers(): number {
    return this.attempts.length - this.committing;
  }

  begin(attempt: Attempt): void {
    this.attempts.push(attempt);
  }

  /** Called when only the commit of an attempt is left. */
  commits(): void {
    this.committing++;
  }

  finish(attempt: Attempt): void {
    const last = this.attempts.pop();
    if (last !== undefined && last !== attempt) this.attempts[this.attempts.indexOf(attempt)] = last;
    if (attempt.hasLeftItsPlace) this.committing--;
  }

  /** Whether one of the attempts runs an event for which `isOne` is true. */
  some(isOne: (delivery: Delivery) => boolean): boolean {
    return this.attempts.some(({ delivery, others }) => isOne(delivery) || others.some(isOne));
  }

  /** The attempts that began more than this many milliseconds ago, and how long ago. */
  longerThan(ms: number): { readonly attempt: Attempt; readonly ms: number }[] {
    const now = performance.now();
    return this.attempts.flatMap((attempt) => {
      const ranMs = now - (attempt.beganAt ?? now);
      return ranMs > ms ? [{ attempt, ms: Math.round(ranMs) }] : [];
    });
  }

  /** The events of the running attempts. */
  *deliveries(): Generator<Delivery> {
    for (const attempt of this.attempts) yield* attempt.deliveries;
  }

  /** Resolves when no attempt runs any more. */
  get allEnded(): Promise<void> {
    if (this.attempts.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.endedWaiters.push(resolve));
  }

  /**
   * Tells those who wait for the end if no attempt runs any more. Called when the outcome of an attempt is
   * settled.
   */
  tellIfEnded(): void {
    if (this.attempts.length > 0 || this.endedWaiters.length === 0) return;
    for (const resolve of this.endedWaiters.splice(0)) resolve();
  }

  watchDeadlines(): void {
    for (const attempt of this.attempts) attempt.watchDeadline();
  }

  /** Tells each attempt that it is given up. */
  abandon(reason: Error): void {
    for (const attempt of this.attempts) attempt.abandon(reason);
  }
}
