import { messageOf } from '../../errors.js';
import type { HeldLease } from '../../membership/beat/held-lease.js';
import type { Consumer } from '../../subscribers/consumer.js';
import type { EngineLogger } from '../../words/engine-logger.js';
import type { Backoff } from '../partition/backoff.js';
import type { WorkerEnvironment } from './worker-environment.js';

/** Is called when the loops make progress or end. */
interface WorkerOwner {
  abandoned(reason: string): void;
  /** Called when a loop has done its work and waits now. The worker may be at rest. */
  stepDone(): void;
}

/** The parts that the loops of one worker share: the lease, the timers, and the way to end. */
export class WorkerContext {
  private readonly planned = new Map<NodeJS.Timeout, (() => void) | undefined>();
  private ended = false;

  constructor(
    readonly env: WorkerEnvironment,
    readonly consumer: Consumer,
    readonly lease: HeldLease,
    readonly logger: EngineLogger,
    private readonly owner: WorkerOwner,
  ) {}

  /** Whether nothing new may begin. */
  get isClosed(): boolean {
    return this.ended;
  }

  close(): void {
    this.ended = true;
    for (const [timer, cancelled] of this.planned) {
      clearTimeout(timer);
      cancelled?.();
    }
    this.planned.clear();
  }

  /** Ends the worker, because its lease was lost or because its memory contradicts the database. */
  abandon(reason: string): void {
    if (this.ended) return;
    this.logger.warnOfFailure(`Given up here: ${reason}`, `${reason} ${this.consumer.name}`);
    this.owner.abandoned(reason);
  }

  leaseLost(): void {
    this.abandon('the lease was lost, another process has taken over; unsaved outcomes are dropped');
  }

  stepDone(): void {
    this.owner.stepDone();
  }

  /** Calls `run` after `ms`. If the worker ends before that, it calls `cancelled` instead. */
  after(ms: number, run: () => void, cancelled?: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.planned.delete(timer);
      if (!this.ended) run();
    }, ms);
    this.planned.set(timer, cancelled);
    return timer;
  }

  cancel(timer: NodeJS.Timeout): void {
    clearTimeout(timer);
    this.planned.delete(timer);
  }

  /** Resolves after `ms`, or when the worker ends. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.ended) resolve();
      else this.after(ms, resolve, resolve);
    });
  }

  async waitAfterFailure(what: string, error: unknown, backoff: Backoff): Promise<void> {
    if (this.ended) return;
    const ms = backoff.failed();
    this.logger.warnOfFailure(
      `${what} failed and is tried again in ${Math.round(ms)} ms: ${messageOf(error)}`,
    );
    await this.wait(ms);
  }

  /** Runs work besides the loops. Its failure is logged and ignored, because the work is repeated later. */
  guarded(what: string, work: () => Promise<void>): void {
    work().catch((error) => {
      if (!this.ended) this.logger.warnOfFailure(`${what} failed: ${messageOf(error)}`);
    });
  }
}
