import { LONGEST_TIMER_MS } from '../database/wire/answer-within.js';
import { type SettingDefinitions, SettingGroup } from './setting-group.js';

/**
 * The settings that can be changed while the application runs. The keys are those of the settings' table
 * without their prefix.
 */
export interface OutboxSettings {
  /** When it is false, publishing rejects with INTEGRATION_OUTBOX_DISABLED. */
  enabled: boolean;
  /** When it is false, no loops run. `processBatch()` and `drain()` still work. */
  'processor.enabled': boolean;
  /** Whether a process handles the events that are due before it starts its loops. */
  startupDrainEnabled: boolean;
  /** Milliseconds between reads of a consumer that has just become quiet. */
  pollingIntervalMs: number;
  /** Milliseconds between reads of a consumer that has been quiet for a long time. */
  idlePollingIntervalMs: number;
  /** How many events one page has at most. */
  batchSize: number;
  /** Attempts of an event, including the first one. */
  maxAttempts: number;
  /**
   * How many times in a row an event may fail because of the infrastructure after its handler was entered.
   * After that many failures the event runs alone, and each failure counts as an attempt.
   */
  maxInfrastructureFailures: number;
  /** Milliseconds for which a process keeps a consumer without renewing its lease. */
  processingLeaseMs: number;
  /** Milliseconds before the second attempt. The delay doubles with each further attempt. */
  retryBaseDelayMs: number;
  /** The longest delay between attempts in milliseconds. */
  retryMaxDelayMs: number;
  /** When it is false, an event that has used up its attempts stays `failed`. */
  deadLetterEnabled: boolean;
  /** How many events one page has at most during the start-up drain. */
  startupDrainBatchSize: number;
  /** Milliseconds between saves of the handlers' outcomes. */
  flushIntervalMs: number;
  /** Milliseconds that a handler may run. */
  handlerTimeoutMs: number;
  /** How many days the log keeps events. */
  retentionDays: number;
  /** Days after which a consumer without a process counts as orphaned. */
  orphanAfterDays: number;
  /** How many days the counts by hours, and the starts of processes, are kept. */
  hourlyRetentionDays: number;
}

export type SettingKey = keyof OutboxSettings;

/** The stored keys begin with this prefix. */
export const SETTING_PREFIX = 'core.integration.outbox.';

export const SETTING_DEFINITIONS: SettingDefinitions<OutboxSettings> = {
  enabled: {
    description:
      'Whether events can be published. When it is off, publishing is refused and nothing is lost silently.',
    type: 'boolean',
    default: true,
  },
  'processor.enabled': {
    description: 'Whether processes read and handle events. When it is off, events can still be published.',
    type: 'boolean',
    default: true,
  },
  startupDrainEnabled: {
    description: 'Whether a process that starts reads in larger pages until it has caught up.',
    type: 'boolean',
    default: true,
  },
  pollingIntervalMs: {
    description:
      'How long a consumer that has just become quiet waits before it looks at the log again. Wake-ups come sooner.',
    type: 'ms',
    default: 5_000,
    min: 100,
    max: LONGEST_TIMER_MS,
  },
  idlePollingIntervalMs: {
    description:
      'How long a consumer that has been quiet for a long time waits before it looks at the log again.',
    type: 'ms',
    default: 30_000,
    min: 100,
    max: LONGEST_TIMER_MS,
    atLeast: 'pollingIntervalMs',
  },
  batchSize: {
    description: 'The largest number of events that are read at once.',
    type: 'events',
    default: 500,
    min: 1,
    max: 5_000,
  },
  maxAttempts: {
    description: 'How often an event is tried, the first time included, before it is given up.',
    type: 'count',
    unit: 'attempts',
    default: 3,
    min: 1,
    max: 100,
  },
  maxInfrastructureFailures: {
    description:
      'How often in a row an event may lose its database session before it runs alone and each loss counts as an attempt.',
    type: 'count',
    unit: 'lost sessions',
    default: 10,
    min: 1,
    max: 1_000,
  },
  processingLeaseMs: {
    description:
      'How long a process keeps a consumer without renewing its lease. Others take over after that.',
    type: 'ms',
    default: 30_000,
    min: 1_000,
    max: LONGEST_TIMER_MS,
  },
  retryBaseDelayMs: {
    description: 'The delay before the second attempt. It doubles with each further one.',
    type: 'ms',
    default: 1_000,
    min: 100,
    max: LONGEST_TIMER_MS,
  },
  retryMaxDelayMs: {
    description: 'The longest delay between two attempts.',
    type: 'ms',
    default: 3_600_000,
    min: 100,
    max: LONGEST_TIMER_MS,
    atLeast: 'retryBaseDelayMs',
  },
  deadLetterEnabled: {
    description:
      'Whether an event that has used up its attempts becomes a dead letter. When it is off, the event stays failed.',
    type: 'boolean',
    default: true,
  },
  startupDrainBatchSize: {
    description: 'The largest number of events that a process reads at once while it catches up.',
    type: 'events',
    default: 1_000,
    min: 1,
    max: 5_000,
  },
  flushIntervalMs: {
    description: 'How long outcomes of handlers are gathered before they are saved together.',
    type: 'ms',
    default: 10,
    min: 1,
    max: 1_000,
  },
  handlerTimeoutMs: {
    description: 'How long a handler may run, unless its subscription says otherwise.',
    type: 'ms',
    default: 30_000,
    min: 100,
    max: LONGEST_TIMER_MS,
  },
  retentionDays: {
    description: 'How long the log keeps events at least.',
    type: 'days',
    default: 14,
    min: 1,
    max: 3_650,
  },
  orphanAfterDays: {
    description: 'After how long a consumer without a process is reported.',
    type: 'days',
    default: 7,
    min: 1,
    max: 365,
  },
  hourlyRetentionDays: {
    description: 'How long the counts by hours are kept, and when processes were started.',
    type: 'days',
    default: 60,
    min: 8,
    max: 3_650,
  },
};

/** The engine's own settings. */
export const OUTBOX_SETTINGS = new SettingGroup<OutboxSettings>('outbox', SETTING_DEFINITIONS);

export const SETTING_KEYS = OUTBOX_SETTINGS.keys as readonly SettingKey[];
