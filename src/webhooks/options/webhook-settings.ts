import { SettingGroup } from '../../settings/setting-group.js';

export interface WebhookSettings {
  toleranceMs: number;
  maxBodyBytes: number;
  receiptDays: number;
  secretOverlapHours: number;
}

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
});
