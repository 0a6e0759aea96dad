import { SettingGroup } from '../settings/setting-group.js';

export interface SagaSettings {
  retentionDays: number;
  stuckAfterHours: number;
}

/** The settings `core.integration.sagas.*`. */
export const sagaSettings = new SettingGroup<SagaSettings>('sagas', {
  retentionDays: {
    type: 'days',
    default: 90,
    min: 1,
    max: 3_650,
    description: 'How long sagas that have ended are kept, and events that have waited in vain for one.',
  },
  stuckAfterHours: {
    type: 'count',
    unit: 'hours',
    default: 72,
    min: 1,
    max: 87_600,
    description: 'The doctor names sagas that have not changed for so long and have no timeout to come.',
  },
});
