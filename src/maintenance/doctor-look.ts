import type { DoctorService } from './doctor.js';
import type { Finding, FindingSeverity } from './finding.js';
import type { MaintenanceTask } from './maintenance-task.js';
import type { MaintenanceTaskStore } from './maintenance-task.store.js';

/** How many findings of each severity the last look had. */
export type FindingCounts = Record<FindingSeverity, number>;

/**
 * Examines the database for the metrics, and notes how many findings there are. Reading metrics costs no
 * examination then, however many processes report them. The look is noted as done before it begins, because
 * it is made of many reads, and no transaction stays open for all of them. If the process dies meanwhile, the
 * counts of before stay until the next look.
 */
export class DoctorLook implements MaintenanceTask {
  readonly name = 'doctor';

  constructor(
    private readonly tasks: MaintenanceTaskStore,
    private readonly doctor: DoctorService,
  ) {}

  async run(intervalMs: number): Promise<void> {
    let isMine = false;
    await this.tasks.step(this.name, intervalMs, async () => {
      isMine = true;
      return { done: true };
    });
    if (isMine) await this.tasks.keepResult(this.name, countsOf((await this.doctor.examine()).findings));
  }
}

function countsOf(findings: readonly Finding[]): FindingCounts {
  const counts: FindingCounts = { critical: 0, warning: 0, info: 0 };
  for (const { severity } of findings) counts[severity] += 1;
  return counts;
}
