import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { HourStore } from '../rates/hour.store.js';
import type { MaintenanceTask, OWN_TASKS } from './maintenance-task.js';
import { MaintenanceTaskStore } from './maintenance-task.store.js';

/**
 * Makes hours of the minutes that are over. They are kept for longer, and fewer rows are read for a month.
 */
@Injectable()
export class HourlyCounts implements MaintenanceTask {
  readonly name = 'hourly-counts' satisfies (typeof OWN_TASKS)[number];
  private readonly store: HourStore;

  constructor(
    private readonly tasks: MaintenanceTaskStore,
    db: EngineDatabase,
  ) {
    this.store = new HourStore(db);
  }

  async run(intervalMs: number, stopping: AbortSignal): Promise<void> {
    for (let more = true; more && !stopping.aborted; )
      more = await this.tasks.step(this.name, intervalMs, async (session) => ({
        done: !(await this.store.make(session)),
      }));
  }
}
