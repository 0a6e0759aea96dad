import { SettingGroup } from '../../settings/setting-group.js';

export interface WebhookSettings {
  toleranceMs: number;
  maxBodyBytes: number;
  receiptDays: number;
  secretOverlapHours: number;
  'outgoing.enabled': boolean;
  'outgoing.maxInFlight': number;
  'outgoing.maxInFlightPerDestination': number;
  'outgoing.timeoutMs': number;
  'outgoing.retrySchedule': string;
  'outgoing.probeAfterFailures': number;
  'outgoing.disableAfterHours': number;
  'outgoing.answerBytes': number;
  'outgoing.deliveryDays': number;
  'outgoing.maxDestinationsPerTenant': number;
}

const DAY_MS = 86_400_000;

/** The settings `core.integration.webhooks.*`. */
export const webhookSettings = new SettingGroup<WebhookSettings>('webhooks', {
  toleranceMs: {
    type: 'ms',
    default: 300_000,
    min: 1_000,
    max: 86_400_000,
    description:
      'How far the time that a sender signed may be from now, by the clock of the database. A source may have its own limit.',
  },
  maxBodyBytes: {
    type: 'count',
    unit: 'bytes',
    default: 1_048_576,
    min: 1_024,
    max: 104_857_600,
    description: 'The largest body of a webhook. A source may have its own limit.',
  },
  receiptDays: {
    type: 'days',
    default: 30,
    min: 1,
    max: 3_650,
    description: 'For how long a delivery is known, so that its repetition is found.',
  },
  secretOverlapHours: {
    type: 'count',
    unit: 'hours',
    default: 24,
    min: 0,
    max: 8_760,
    description: 'For how long the secret of an endpoint stays valid after it was rotated.',
  },
  'outgoing.enabled': {
    type: 'boolean',
    default: true,
    description:
      'Whether deliveries are sent to destinations. While it is off, they wait, and none of their attempts count.',
  },
  'outgoing.maxInFlight': {
    type: 'count',
    unit: 'requests',
    default: 200,
    min: 1,
    max: 10_000,
    description: 'How many requests to destinations one process has under way at the same time.',
  },
  'outgoing.maxInFlightPerDestination': {
    type: 'count',
    unit: 'requests',
    default: 10,
    min: 1,
    max: 1_000,
    description:
      'How many requests to one destination are under way at the same time. A destination may have its own limit.',
  },
  'outgoing.timeoutMs': {
    type: 'ms',
    default: 20_000,
    min: 100,
    max: 300_000,
    description:
      'How long a destination may take for its whole answer. A destination may have its own limit.',
  },
  'outgoing.retrySchedule': {
    type: 'durations',
    default: '5s,5m,30m,2h,5h,10h,10h',
    min: 100,
    max: 30 * DAY_MS,
    mostItems: 100,
    description:
      'How long a delivery waits before each further attempt. Behind the last one it is dead, and can be sent again by hand.',
  },
  'outgoing.probeAfterFailures': {
    type: 'count',
    unit: 'failures in a row',
    default: 5,
    min: 1,
    max: 1_000,
    description:
      'After how many failures in a row one delivery at a time tries a destination, while the others wait without an attempt.',
  },
  'outgoing.disableAfterHours': {
    type: 'count',
    unit: 'hours',
    default: 120,
    min: 1,
    max: 8_760,
    description: 'After how long with failures alone a destination is disabled.',
  },
  'outgoing.answerBytes': {
    type: 'count',
    unit: 'bytes',
    default: 1_024,
    min: 0,
    max: 65_536,
    description: 'How much of an answer is kept with its attempt.',
  },
  'outgoing.deliveryDays': {
    type: 'days',
    default: 30,
    min: 1,
    max: 3_650,
    description: 'For how long a delivery that has ended is kept, with its body and its attempts.',
  },
  'outgoing.maxDestinationsPerTenant': {
    type: 'count',
    unit: 'destinations',
    default: 100,
    min: 1,
    max: 10_000,
    description: 'How many destinations one tenant may have.',
  },
});
