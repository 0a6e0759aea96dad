import { LONGEST_TIMER_MS } from '../database/wire/answer-within.js';
import { type SettingDefinitions, SettingGroup } from './setting-group.js';

/**
 * The settings that can be changed while the application runs. Keys as in the table of settings, without
 * their prefix.
 */
export interface OutboxSettings {
  /** Off: publishing rejects with INTEGRATION_OUTBOX_DISABLED. */
  enabled: boolean;
  /** Off: no loops run; `processBatch()` and `drain()` still work. */
  'processor.enabled': boolean;
  /** Whether a process works off what is due before it starts its loops. */
  startupDrainEnabled: boolean;
  /** Milliseconds between reads of a consumer that has just become quiet. */
  pollingIntervalMs: number;
  /** Milliseconds between reads of a consumer that has been quiet for long. */
  idlePollingIntervalMs: number;
  /** Events a page. */
  batchSize: number;
  /** Attempts of an event, the first included. */
  maxAttempts: number;
  /**
   * Failures of the infrastructure in a row, of an event whose handler had been entered: after them it runs
   * alone, and each counts.
   */
  maxInfrastructureFailures: number;
  /** Milliseconds for which a process holds a consumer without renewing. */
  processingLeaseMs: number;
  /** Milliseconds before the second attempt; doubles from attempt to attempt. */
  retryBaseDelayMs: number;
  /** The longest delay between attempts, in milliseconds. */
  retryMaxDelayMs: number;
  /** Off: an event that used up its attempts stays `failed`. */
  deadLetterEnabled: boolean;
  /** Events a page during the start-up drain. */
  startupDrainBatchSize: number;
  /** Milliseconds between saves of what handlers have done. */
  flushIntervalMs: number;
  /** Milliseconds that a handler may take. */
  handlerTimeoutMs: number;
  /** Days for which the log keeps events. */
  retentionDays: number;
  /** Days after which a consumer without a process counts as orphaned. */
  orphanAfterDays: number;
}

export type SettingKey = keyof OutboxSettings;

/** Stored keys begin with it. */
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
