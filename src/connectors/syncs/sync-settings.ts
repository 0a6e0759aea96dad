import { SettingGroup } from '../../settings/setting-group.js';

/** What syncs go by. */
export interface SyncSettings {
  enabled: boolean;
  maxConcurrent: number;
  maxConcurrentPerConnection: number;
  deletionPercent: number;
  problemPercent: number;
  retentionDays: number;
}

/** The settings `core.integration.syncs.*`. */
export const syncSettings = new SettingGroup<SyncSettings>('syncs', {
  enabled: {
    type: 'boolean',
    default: true,
    description: 'Begins runs of syncs. Off, runs wait, and those under way end at their next page.',
  },
  maxConcurrent: {
    type: 'count',
    unit: 'runs',
    default: 5,
    min: 1,
    max: 1_000,
    description: 'How many runs of syncs a process has under way at once.',
  },
  maxConcurrentPerConnection: {
    type: 'count',
    unit: 'runs',
    default: 2,
    min: 1,
    max: 100,
    description: 'How many runs of syncs one connection has under way at once.',
  },
  deletionPercent: {
    type: 'count',
    unit: 'percent',
    default: 20,
    min: 0,
    max: 100,
    description:
      'A full run that would delete more than this part of its records, and more than ten, deletes none until a person confirms it.',
  },
  problemPercent: {
    type: 'count',
    unit: 'percent',
    default: 5,
    min: 0,
    max: 100,
    description:
      'A run fails if more than this part of its records, and more than ten, do not fit their model.',
  },
  retentionDays: {
    type: 'days',
    default: 30,
    min: 1,
    max: 3_650,
    description: 'How long runs that have ended are kept, and the marks of deleted records.',
  },
});
