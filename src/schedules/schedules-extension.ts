import type { ApplicationServices } from '../maintenance/maintenance-task.js';
import type { IntegrationExtension } from '../module/extension.js';
import { RESOLVED_OPTIONS, type ResolvedOptions } from '../module/integration.options.js';
import { LATE_SECONDS, scheduleChecks } from './schedule.checks.js';
import { ScheduleStore } from './schedule.store.js';
import { SCHEDULE_COUNTERS, SCHEDULE_DURATIONS } from './schedule-metrics.js';
import { SCHEDULE_RIGHTS } from './schedule-rights.store.js';
import { scheduleSettings } from './schedule-settings.js';

declare module '../admin/options/admin-action.js' {
  interface AddedAdminActions {
    'schedules.read': true;
    /** Pausing, resuming, triggering and removing schedules. */
    'schedules.change': true;
  }
  interface AdminTarget {
    /** The name of a schedule. */
    readonly schedule?: string | undefined;
  }
}

/**
 * What schedules bring. Each method is a consumer, so everything that there is for consumers holds for it.
 */
export const schedulesExtension: IntegrationExtension = {
  name: 'schedules',
  settings: scheduleSettings,
  rights: (application) => (runsSchedules(application) ? [SCHEDULE_RIGHTS] : []),
  counters: SCHEDULE_COUNTERS,
  durations: SCHEDULE_DURATIONS,
  gauges: ({ db }) => [
    {
      name: 'nestjs_integration.schedules.late',
      description: 'Schedules that have been due for two minutes, and whose event is not published.',
      unit: '{schedule}',
      read: async () => [{ value: await new ScheduleStore(db).countLate(LATE_SECONDS) }],
    },
  ],
  checks: ({ db }) => scheduleChecks(db),
  admin: async () => (await import('./schedules.admin.js')).schedulesAdmin,
  commands: async () => (await import('./schedules.commands.js')).schedulesCommands,
};

/** A process that only publishes ticks nothing. */
function runsSchedules(application: ApplicationServices): boolean {
  return application.get<ResolvedOptions>(RESOLVED_OPTIONS, { strict: false }).role !== 'publisher';
}
