import type { SettingGroup } from './setting-group.js';
import type { SettingValue } from './setting-value.js';
import { OUTBOX_SETTINGS, type OutboxSettings } from './settings-definitions.js';

/** One sentence that says what a change of a setting means for whoever operates the engine. */
type Effect<T> = (to: T, from: T) => string;

const HOUR_MS = 3_600_000;

const EFFECTS: { readonly [K in keyof OutboxSettings]: Effect<OutboxSettings[K]> } = {
  enabled: (to) =>
    to ? 'Events can be published again.' : 'Publishing is refused with INTEGRATION_OUTBOX_DISABLED.',
  'processor.enabled': (to) =>
    to
      ? 'Processes read and handle events again.'
      : 'No process reads or handles events any more. Running handlers finish.',
  startupDrainEnabled: (to) =>
    to
      ? 'A process that starts reads in larger pages until it has caught up.'
      : 'A process that starts reads pages of the usual size.',
  pollingIntervalMs: (to, from) =>
    `A consumer that has just become quiet looks ${timesAnHour(to)} times an hour instead of ${timesAnHour(from)}.`,
  idlePollingIntervalMs: (to, from) =>
    `An idle process looks ${timesAnHour(to)} times an hour instead of ${timesAnHour(from)}.`,
  batchSize: (to, from) => `A page has at most ${number(to)} events instead of ${number(from)}.`,
  maxAttempts: (to, from) =>
    `An event that keeps failing is given up after ${counted(to, 'attempt')} instead of ${number(from)}.`,
  maxInfrastructureFailures: (to, from) =>
    `An event runs alone after ${counted(to, 'lost session')} in a row instead of ${number(from)}.`,
  processingLeaseMs: (to, from) =>
    `A consumer whose process cannot be asked any more is taken over after ${duration(to)} instead of ${duration(from)}. Its lease is renewed every ${duration(to / 3)} instead of ${duration(from / 3)}.`,
  retryBaseDelayMs: (to, from) =>
    `The second attempt comes about ${duration(to)} after the first instead of ${duration(from)}, and each further one after twice as long.`,
  retryMaxDelayMs: (to, from) =>
    `Two attempts are at most ${duration(to)} apart instead of ${duration(from)}.`,
  deadLetterEnabled: (to) =>
    to
      ? 'An event that has used up its attempts becomes a dead letter.'
      : 'An event that has used up its attempts stays failed and is not listed as a dead letter.',
  startupDrainBatchSize: (to, from) =>
    `A page of a process that catches up has at most ${number(to)} events instead of ${number(from)}.`,
  flushIntervalMs: (to, from) =>
    `What handlers have done is saved at most ${number(1_000 / to)} times a second instead of ${number(1_000 / from)}.`,
  handlerTimeoutMs: (to, from) =>
    `A handler may run for ${duration(to)} instead of ${duration(from)}, unless its subscription says otherwise.`,
  retentionDays: (to, from) =>
    `The log keeps events for ${counted(to, 'day')} instead of ${number(from)}.${to < from ? ' Older ones that every consumer has settled are deleted soon, and cannot be replayed.' : ''}`,
  orphanAfterDays: (to, from) =>
    `A consumer without a process is reported after ${counted(to, 'day')} instead of ${number(from)}.`,
};

/** What a change of this setting means, in one or two sentences. */
export function effectOf(group: SettingGroup, key: string, to: SettingValue, from: SettingValue): string {
  const effect = group === OUTBOX_SETTINGS ? (EFFECTS as Record<string, Effect<never>>)[key] : undefined;
  return effect?.(to as never, from as never) ?? `${key} is ${shown(to)} instead of ${shown(from)}.`;
}

function timesAnHour(intervalMs: number): string {
  return number(HOUR_MS / intervalMs);
}

function shown(value: SettingValue): string {
  return typeof value === 'number' ? number(value) : String(value);
}

/** A number as a person writes it, with at most one digit behind the point if it is small. */
function number(value: number): string {
  const rounded = value < 10 ? Math.round(value * 10) / 10 : Math.round(value);
  return rounded === 0 ? 'less than 0.1' : rounded.toLocaleString('en-US');
}

function counted(count: number, noun: string): string {
  return `${number(count)} ${noun}${count === 1 ? '' : 's'}`;
}

const UNITS = [
  { unit: 'd', ms: 24 * HOUR_MS },
  { unit: 'h', ms: HOUR_MS },
  { unit: 'min', ms: 60_000 },
  { unit: 's', ms: 1_000 },
] as const;

function duration(ms: number): string {
  const { unit, ms: one } = UNITS.find((each) => ms >= each.ms) ?? { unit: 'ms', ms: 1 };
  return `${number(ms / one)} ${unit}`;
}
