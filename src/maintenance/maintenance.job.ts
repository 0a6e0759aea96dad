import { Inject, Injectable, type Logger } from '@nestjs/common';
import { messageOf } from '../errors.js';
import { loggerOf } from '../words/engine-logger.js';
import { MAINTENANCE_TASKS, type MaintenanceTask } from './maintenance-task.js';
import { MaintenanceTaskStore } from './maintenance-task.store.js';

const INTERVAL_MS = 5 * 60_000;
/** A random part of the interval. It keeps processes that start together from running at the same moments. */
const JITTER = 0.2;
const FIRST_MS = 30_000;

/** Runs the maintenance tasks every few minutes. One of all processes does each task. */
@Injectable()
export class MaintenanceJob {
  private readonly logger: Logger;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopping = new AbortController();

  constructor(
    private readonly store: MaintenanceTaskStore,
    @Inject(MAINTENANCE_TASKS) private readonly tasks: readonly MaintenanceTask[],
  ) {
    this.logger = loggerOf('Maintenance', store);
  }

  start(): void {
    if (this.timer !== undefined) return;
    this.stopping = new AbortController();
    this.schedule(FIRST_MS);
  }

  /** Resolves when the running work has ended, after one batch at the latest. */
  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.stopping.abort();
    await this.running;
  }

  /**
   * Runs the tasks that are due. A task that fails does not stop the others. Rejects with all failures when
   * the round is over.
   */
  async runRound(): Promise<void> {
    const { signal } = this.stopping;
    const failures: { name: string; error: unknown }[] = [];
    const names = this.tasks.map(({ name }) => name);
    const due = new Set(await this.store.due(names, INTERVAL_MS));
    for (const task of this.tasks.filter(({ name }) => due.has(name))) {
      if (signal.aborted) break;
      await task
        .run(INTERVAL_MS, signal)
        .catch((error: unknown) => failures.push({ name: task.name, error }));
    }
    if (failures.length === 0) return;
    const reasons = failures.map(({ name, error }) => `${name}: ${messageOf(error)}`);
    throw new Error(reasons.join('; '), { cause: failures[0]?.error });
  }

  private schedule(ms: number): void {
    this.timer = setTimeout(
      () => {
        this.running = this.runRound()
          .catch((error) => {
            if (!this.stopping.signal.aborted) {
              this.logger.warn(`Maintenance failed and is tried again later: ${messageOf(error)}`);
            }
          })
          .then(() => {
            if (!this.stopping.signal.aborted) this.schedule(INTERVAL_MS);
          });
      },
      ms * (1 + JITTER * Math.random()),
    );
  }
}
