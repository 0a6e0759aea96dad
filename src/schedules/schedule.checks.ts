import type { EngineDatabase } from '../database/engine-database.js';
import { commandLine } from '../database/sql/pasteable-text.js';
import type { Check } from '../maintenance/finding.js';
import { ScheduleStore } from './schedule.store.js';

/** How many schedules the doctor names. */
const MOST_NAMED = 100;
/** Later than any takeover. */
export const LATE_SECONDS = 120;

/** What the doctor says about schedules. */
export function scheduleChecks(db: EngineDatabase): Check[] {
  return [
    {
      name: 'schedule-late',
      severity: 'critical',
      run: async () => {
        const found = await new ScheduleStore(db).late(LATE_SECONDS, MOST_NAMED);
        return found.map(({ name, nextAt }) => ({
          about: [name],
          since: nextAt,
          finding: `Schedule "${name}" was due at ${nextAt.toISOString()}, and its event is not published.`,
          meaning: 'What it does at its times does not happen.',
          fix: 'Start a process that imports SchedulesModule and has the role all or worker, and see that the settings processor.enabled and schedules.enabled are on. If one runs, its log says why the event cannot be published.',
          details: { schedule: name },
        }));
      },
    },
    {
      name: 'schedule-without-consumer',
      run: async () => {
        const found = await new ScheduleStore(db).withoutConsumer(MOST_NAMED);
        return found.map(({ name, consumerName }) => ({
          about: [name],
          finding: `Schedule "${name}" publishes for consumer "${consumerName}", which no process runs.`,
          meaning: 'Events are published at its times, and nobody handles them.',
          fix: `Start a process whose code has this consumer. If nothing is to handle them any more, remove the schedule (${commandLine(db, 'schedules remove', [name])}).`,
          details: { schedule: name, consumerName },
        }));
      },
    },
  ];
}
