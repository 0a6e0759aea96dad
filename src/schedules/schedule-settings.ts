import { SettingGroup } from '../settings/setting-group.js';

export interface ScheduleSettings {
  enabled: boolean;
  graceMs: number;
}

/** The settings `core.integration.schedules.*`. */
export const scheduleSettings = new SettingGroup<ScheduleSettings>('schedules', {
  enabled: {
    type: 'boolean',
    default: true,
    description:
      'Publishes the events of schedules. Off, their times pass by, and what was missed counts when it is on again.',
  },
  graceMs: {
    type: 'ms',
    default: 60_000,
    min: 1_000,
    max: 86_400_000,
    description:
      'A time of a schedule that is later than this was missed, and its option `missed` decides. It must be longer than a takeover.',
  },
});
