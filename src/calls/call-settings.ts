import { SettingGroup } from '../settings/setting-group.js';

export interface CallSettings {
  enabled: boolean;
  maxInFlight: number;
  maxInFlightPerTarget: number;
  probeAfterFailures: number;
  retentionDays: number;
}

/** The settings `core.integration.calls.*`. */
export const callSettings = new SettingGroup<CallSettings>('calls', {
  enabled: {
    type: 'boolean',
    default: true,
    description:
      'Begins calls and asks for their results. Off, calls wait, and their deadlines and reports still count.',
  },
  maxInFlight: {
    type: 'count',
    unit: 'calls',
    default: 100,
    min: 1,
    max: 5_000,
    atLeast: 'maxInFlightPerTarget',
    description: 'How many calls of one type a process makes at once.',
  },
  maxInFlightPerTarget: {
    type: 'count',
    unit: 'calls',
    default: 10,
    min: 1,
    max: 1_000,
    description: 'How many calls of one type, tenant and group are made at once.',
  },
  probeAfterFailures: {
    type: 'count',
    unit: 'failures',
    default: 5,
    min: 1,
    max: 1_000,
    description:
      'After so many failures in a row of one type, tenant and group, one call at a time is tried, with pauses.',
  },
  retentionDays: {
    type: 'days',
    default: 30,
    min: 1,
    max: 3_650,
    description:
      'How long calls that have ended are kept, and reports that have waited in vain for their call.',
  },
});
