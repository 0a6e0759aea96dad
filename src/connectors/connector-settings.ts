import { SettingGroup } from '../settings/setting-group.js';

export interface ConnectorSettings {
  refreshSkewMs: number;
  refreshTimeoutMs: number;
  refreshLeaseMs: number;
  refreshIdleHours: number;
}

/** The settings `core.integration.connectors.*`. */
export const connectorSettings = new SettingGroup<ConnectorSettings>('connectors', {
  refreshSkewMs: {
    type: 'ms',
    default: 60_000,
    min: 0,
    max: 3_600_000,
    description:
      'How long before its end a token is replaced, while it is still used. A token of a short life is used for half of it at least.',
  },
  refreshTimeoutMs: {
    type: 'ms',
    default: 10_000,
    min: 100,
    max: 120_000,
    description:
      'How long a provider may take to answer a request for a token. It must be below `refreshLeaseMs`.',
  },
  refreshLeaseMs: {
    type: 'ms',
    default: 30_000,
    min: 1_100,
    max: 600_000,
    atLeast: 'refreshTimeoutMs',
    description:
      'For how long one process alone may replace the token of a connection. If the process dies, another one does it after this time.',
  },
  refreshIdleHours: {
    type: 'count',
    unit: 'hours',
    default: 24,
    min: 1,
    max: 8_760,
    description:
      'Refresh tokens that nobody has used for so long are renewed, because providers let unused ones expire.',
  },
});
