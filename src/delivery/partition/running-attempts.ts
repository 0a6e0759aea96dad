import type { Attempt } from './attempt.js';
import type { Delivery } from './delivery.js';

/** The attempts of one worker that are under way: their deadlines, and who waits until there is none. */
export class RunningAttempts {
  /** No Set: each table that an old one outgrows would keep what was in it from being collected young. */
  private readonly attempts: Attempt[] = [];
  private readonly endedWaiters: (() => void)[] = [];
  private watching = false;
  private committing = 0;

  get size(): number {
    return this.attempts.length;
  }

  /** Those whose handlers run: what is only being committed takes nobody's place. */
  get inHandlers(): number {
    return this.attempts.length - this.committing;
  }

  add(attempt: Attempt): void {
    this.attempts.push(attempt);
    this.watchDeadlines();
  }

  /** Nothing is left of it but its commit. */
  commits(): void {
    this.committing++;
  }

  remove(attempt: Attempt): void {
    const last = this.attempts.pop();
    if (last !== undefined && last !== attempt) this.attempts[this.attempts.indexOf(attempt)] = last;
    if (attempt.isCommitting) this.committing--;
  }

  /** Whether one of them runs an event that `isOne`. */
  some(isOne: (delivery: Delivery) => boolean): boolean {
    return this.attempts.some(({ delivery, others }) => isOne(delivery) || others.some(isOne));
  }

  /** What they run. */
  *deliveries(): Generator<Delivery> {
    for (const attempt of this.attempts) yield* attempt.deliveries;
  }

  /** Resolves when nothing runs any more. */
  get ended(): Promise<void> {
    if (this.attempts.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.endedWaiters.push(resolve));
  }

  /** What the last one came to is settled: whoever waits for the end is told. */
  tellIfEnded(): void {
    if (this.attempts.length > 0 || this.endedWaiters.length === 0) return;
    for (const resolve of this.endedWaiters.splice(0)) resolve();
  }

  /** Resolves to whether all of them ended before `deadline` (monotonic ms). */
  async finish(deadline: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(0, deadline - performance.now()));
    });
    await Promise.race([this.ended, late]);
    clearTimeout(timer);
    return this.attempts.length === 0;
  }

  /** Each is told that it is given up. */
  abandon(reason: Error): void {
    for (const attempt of this.attempts) attempt.end(reason);
  }

  private watchDeadlines(): void {
    if (this.watching) return;
    this.watching = true;
    setImmediate(() => {
      this.watching = false;
      for (const attempt of this.attempts) attempt.watchDeadline();
    });
  }
}
