import { SettingGroup } from '../settings/setting-group.js';

/** What requests through connections go by, and tokens. */
export interface ConnectorSettings {
  timeoutMs: number;
  maxAttempts: number;
  maxInlineWaitMs: number;
  maxResponseBytes: number;
  breakerFailures: number;
  breakerOpenMs: number;
  refreshSkewMs: number;
  refreshTimeoutMs: number;
  refreshLeaseMs: number;
  refreshIdleHours: number;
  healthIntervalMs: number;
}

/** The settings `core.integration.connectors.*`. */
export const connectorSettings = new SettingGroup<ConnectorSettings>('connectors', {
  timeoutMs: {
    type: 'ms',
    default: 30_000,
    min: 100,
    max: 600_000,
    description: 'After this time without a whole answer, a request to another system has failed.',
  },
  maxAttempts: {
    type: 'count',
    unit: 'attempts',
    default: 4,
    min: 1,
    max: 20,
    description: 'How often a request is sent at most, if it may come twice and fails in passing.',
  },
  maxInlineWaitMs: {
    type: 'ms',
    default: 5_000,
    min: 0,
    max: 60_000,
    description:
      'A request that would wait longer is not sent: a handler puts its event off, and other code gets INTEGRATION_RATE_LIMITED.',
  },
  maxResponseBytes: {
    type: 'count',
    unit: 'bytes',
    default: 10_485_760,
    min: 1_024,
    max: 268_435_456,
    description: 'The largest answer of another system that is taken.',
  },
  breakerFailures: {
    type: 'count',
    unit: 'failures',
    default: 10,
    min: 1,
    max: 10_000,
    description:
      'After so many failures in a row in one process, no process sends requests of this connection for a while.',
  },
  breakerOpenMs: {
    type: 'ms',
    default: 30_000,
    min: 100,
    max: 3_600_000,
    description: 'After this time, one request tries whether the other system works again.',
  },
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
  healthIntervalMs: {
    type: 'ms',
    default: 900_000,
    min: 0,
    max: 86_400_000,
    description:
      'How often the health check of a connection that is enabled is asked, about; 0 for never. Each connection has a time of its own.',
  },
});
