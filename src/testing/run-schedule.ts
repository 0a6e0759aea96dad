import type { ScheduleRun } from '../schedules/schedule.js';
import { checkNames } from '../words/argument-checks.js';
import type { TestedApplication } from './application.js';
import { publishAndDrain } from './publish-and-drain.js';

export interface RunScheduleOptions {
  /** Milliseconds until nothing may be due any more. The default is 10000. */
  timeoutMs?: number | undefined;
}

/**
 * Lets the next time of a schedule come, without waiting for it, and handles everything that is due then.
 * Returns the event and what became of it. `overlap` and `limit` count as they do at its time. Undefined if
 * the schedule has ended, or if the time was skipped.
 *
 * @throws IntegrationError INTEGRATION_SCHEDULE_UNKNOWN; INTEGRATION_SCHEDULE_INVALID if its event cannot be
 *   published; INTEGRATION_DRAIN_TIMEOUT if this takes too long
 */
export async function runSchedule(
  app: TestedApplication,
  name: string,
  options: RunScheduleOptions = {},
): Promise<ScheduleRun | undefined> {
  checkNames('an option of runSchedule', options, ['timeoutMs']);
  // An application without schedules loads nothing of them.
  const { SchedulesStart } = await import('../schedules/schedules-start.js');
  const { SchedulesService } = await import('../schedules/schedules.service.js');
  const at = await app.get(SchedulesStart, { strict: false }).reach(name);
  if (at === undefined) return undefined;
  await publishAndDrain(app, [], options);
  const runs = await app.get(SchedulesService, { strict: false }).runs(name);
  return runs.find((run) => run.at.getTime() === at.getTime());
}
