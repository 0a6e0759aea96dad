export type { MissedTimes, Overlap } from './decide.js';
export { SCHEDULE_ERROR_CODES } from './error-codes.js';
export {
  IntegrationSchedule,
  type IntegrationScheduleOptions,
  type ScheduleHandler,
} from './integration-schedule.decorator.js';
export {
  type Schedule,
  type ScheduleCause,
  type ScheduleDefinition,
  type Scheduled,
  ScheduledEvent,
  type SchedulePage,
  type ScheduleRun,
  type ScheduleStatus,
  type ScheduleTiming,
} from './schedule.js';
export { type ScheduleSettings, scheduleSettings } from './schedule-settings.js';
export { SchedulesModule } from './schedules.module.js';
export { type PreviewOptions, type SchedulePageRequest, SchedulesService } from './schedules.service.js';
