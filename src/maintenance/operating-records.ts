import { Injectable } from '@nestjs/common';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { MaintenanceTask, OWN_TASKS } from './maintenance-task.js';
import { MaintenanceTaskStore } from './maintenance-task.store.js';
import { OperatingRecordsStore } from './operating-records.store.js';

/**
 * In days. A plan that nobody ran is refused after ten minutes, so it is of no use after a day. The result of
 * a rehearsal is for the person who asked. It holds payloads, so it goes after an hour.
 */
const KEPT_FOR = {
  audit: 400,
  samples: 7,
  operations: 400,
  plans: 1,
  idempotencyKeys: 1,
  rehearsals: 1 / 24,
};
const ROWS_A_STEP = 1_000;

/**
 * Deletes what operating the package has written down, once it has been kept long enough: the audit, samples
 * of the backlog, counts by hours, operations, rehearsals, and answers to requests with an Idempotency-Key.
 * The place where the task goes on is a second of the samples, from which on they are still to be thinned
 * out.
 */
@Injectable()
export class OperatingRecords implements MaintenanceTask {
  readonly name = 'operating-records' satisfies (typeof OWN_TASKS)[number];

  constructor(
    private readonly tasks: MaintenanceTaskStore,
    private readonly store: OperatingRecordsStore,
    private readonly settings: IntegrationSettingsService,
  ) {}

  async run(intervalMs: number, stopping: AbortSignal): Promise<void> {
    for (let more = true; more && !stopping.aborted; ) {
      more = await this.tasks.step(this.name, intervalMs, async (session, { nextPosition }) => {
        const hours = this.settings.snapshot().hourlyRetentionDays;
        const deleted = await this.store.deleteOld(session, ROWS_A_STEP, { ...KEPT_FOR, hours });
        const thinned = await this.store.thinSamples(session, nextPosition, KEPT_FOR.samples);
        const isFull = Object.values(deleted).some((rows: number) => rows >= ROWS_A_STEP);
        return { done: thinned.done && !isFull, nextPosition: thinned.upto };
      });
    }
  }
}
