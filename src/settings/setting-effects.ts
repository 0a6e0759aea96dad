import type { SettingDefinition, SettingGroup } from './setting-group.js';
import type { SettingValue } from './setting-value.js';
import { OUTBOX_SETTINGS, type OutboxSettings } from './settings-definitions.js';

/** One sentence that says what a change of a setting means for people who operate the engine. */
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
    `A consumer that has just become quiet looks ${times('an hour', to, from)}.`,
  idlePollingIntervalMs: (to, from) => `An idle process looks ${times('an hour', to, from)}.`,
  batchSize: (to, from) => `A page has at most ${counted(to, 'event')} instead of ${number(from)}.`,
  maxAttempts: (to, from) =>
    `An event that keeps failing is given up after ${counted(to, 'attempt')} instead of ${number(from)}, unless its subscription says otherwise.`,
  maxInfrastructureFailures: (to, from) =>
    `An event runs alone after ${counted(to, 'lost session')} in a row instead of ${number(from)}.`,
  processingLeaseMs: (to, from) =>
    `A consumer whose process cannot be asked any more is taken over after ${insteadOf(to, from)}. Its lease is renewed every ${insteadOf(to / 3, from / 3)}.`,
  retryBaseDelayMs: (to, from) =>
    `The second attempt comes about ${duration(to, from)} after the first instead of ${duration(from, to)}, and each further one after twice as long, unless the subscription says otherwise.`,
  retryMaxDelayMs: (to, from) =>
    `Two attempts are at most ${duration(to, from)} apart instead of ${duration(from, to)}, unless the subscription says otherwise.`,
  deadLetterEnabled: (to) =>
    to
      ? 'An event that has used up its attempts becomes a dead letter.'
      : 'An event that has used up its attempts stays failed and is not listed as a dead letter.',
  startupDrainBatchSize: (to, from) =>
    `A page of a process that catches up has at most ${counted(to, 'event')} instead of ${number(from)}.`,
  flushIntervalMs: (to, from) => `What handlers have done is saved at most ${times('a second', to, from)}.`,
  handlerTimeoutMs: (to, from) =>
    `A handler may run for ${insteadOf(to, from)}, unless its subscription says otherwise.`,
  retentionDays: (to, from) =>
    `The log keeps events for ${counted(to, 'day')} instead of ${number(from)}.${to < from ? ' Older ones that every consumer has settled are deleted soon, and cannot be replayed.' : ''}`,
  orphanAfterDays: (to, from) =>
    `A consumer without a process is reported after ${counted(to, 'day')} instead of ${number(from)}.`,
  hourlyRetentionDays: (to, from) =>
    `Charts go back ${counted(to, 'day')} instead of ${number(from)}.${to < from ? ' What is older is deleted soon.' : ''}`,
};

/** What a change of this setting means, in one or two sentences. */
export function effectOf(group: SettingGroup, key: string, to: SettingValue, from: SettingValue): string {
  const effect = group === OUTBOX_SETTINGS ? (EFFECTS as Record<string, Effect<never>>)[key] : undefined;
  return effect?.(to as never, from as never) ?? `${key} is ${change(group.definitionOf(key), to, from)}.`;
}

/** A change of a setting that has no sentence of its own. */
function change(definition: SettingDefinition, to: SettingValue, from: SettingValue): string {
  if (typeof to !== 'number' || typeof from !== 'number') return `${String(to)} instead of ${String(from)}`;
  if (definition.type === 'ms') return insteadOf(to, from);
  if (definition.type === 'days') return `${counted(to, 'day')} instead of ${number(from)}`;
  const unit = 'unit' in definition && definition.unit !== undefined ? ` ${definition.unit}` : '';
  return `${number(to)}${unit} instead of ${number(from)}`;
}

/** How often something happens that comes every `to` milliseconds, and no longer every `from`. */
function times(period: 'an hour' | 'a second', to: number, from: number): string {
  const ms = period === 'an hour' ? HOUR_MS : 1_000;
  const [now, before] = [number(ms / to), number(ms / from)];
  if (now === before) return `every ${exactly(to)} instead of every ${exactly(from)}`;
  return `${now} ${now === '1' ? 'time' : 'times'} ${period} instead of ${before}`;
}

/** A number as a person writes it, with at most one digit behind the point if it is small. */
function number(value: number): string {
  const rounded = value < 10 ? Math.round(value * 10) / 10 : Math.round(value);
  return rounded === 0 && value !== 0 ? 'less than 0.1' : rounded.toLocaleString('en-US');
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

function insteadOf(to: number, from: number): string {
  return `${duration(to, from)} instead of ${duration(from, to)}`;
}

/** A duration in milliseconds, beside another one. It is exact if both would read the same. */
function duration(ms: number, other: number): string {
  const rounded = roundedDuration(ms);
  return rounded === roundedDuration(other) ? exactly(ms) : rounded;
}

function roundedDuration(ms: number): string {
  const { unit, ms: one } = UNITS.find((each) => ms >= each.ms) ?? { unit: 'ms', ms: 1 };
  return `${number(ms / one)} ${unit}`;
}

function exactly(ms: number): string {
  return `${ms.toLocaleString('en-US', { maximumFractionDigits: 1 })} ms`;
}
