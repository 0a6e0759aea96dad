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
}

export type SettingKey = keyof OutboxSettings;

/** The stored keys begin with this prefix. */
export const SETTING_PREFIX = 'core.integration.outbox.';

export const SETTING_DEFINITIONS: SettingDefinitions<OutboxSettings> = {
  enabled: { type: 'boolean', default: true },
  'processor.enabled': { type: 'boolean', default: true },
  startupDrainEnabled: { type: 'boolean', default: true },
  pollingIntervalMs: { type: 'ms', default: 5_000, min: 100, max: LONGEST_TIMER_MS },
  idlePollingIntervalMs: {
    type: 'ms',
    default: 30_000,
    min: 100,
    max: LONGEST_TIMER_MS,
    atLeast: 'pollingIntervalMs',
  },
  batchSize: { type: 'events', default: 500, min: 1, max: 5_000 },
  maxAttempts: { type: 'count', default: 3, min: 1, max: 100 },
  maxInfrastructureFailures: { type: 'count', default: 10, min: 1, max: 1_000 },
  processingLeaseMs: { type: 'ms', default: 30_000, min: 1_000, max: LONGEST_TIMER_MS },
  retryBaseDelayMs: { type: 'ms', default: 1_000, min: 100, max: LONGEST_TIMER_MS },
  retryMaxDelayMs: {
    type: 'ms',
    default: 3_600_000,
    min: 100,
    max: LONGEST_TIMER_MS,
    atLeast: 'retryBaseDelayMs',
  },
  deadLetterEnabled: { type: 'boolean', default: true },
  startupDrainBatchSize: { type: 'events', default: 1_000, min: 1, max: 5_000 },
  flushIntervalMs: { type: 'ms', default: 10, min: 1, max: 1_000 },
  handlerTimeoutMs: { type: 'ms', default: 30_000, min: 100, max: LONGEST_TIMER_MS },
  retentionDays: { type: 'days', default: 14, min: 1, max: 3_650 },
  orphanAfterDays: { type: 'days', default: 7, min: 1, max: 365 },
};

/** The engine's own settings. */
export const OUTBOX_SETTINGS = new SettingGroup<OutboxSettings>('outbox', SETTING_DEFINITIONS);

export const SETTING_KEYS = OUTBOX_SETTINGS.keys as readonly SettingKey[];
