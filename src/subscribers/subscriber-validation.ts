import { LONGEST_TIMER_MS } from '../database/wire/answer-within.js';
import { IntegrationError } from '../errors.js';
import { problemsOfUnknownNames } from '../words/known-names.js';
import { problemOfName } from '../words/text.js';
import type { AnySubscriberDefinition, SubscriberBatch, SubscriberRetry } from './subscriber-definition.js';

/** The largest number of partitions of a consumer, when it is registered and when it is changed. */
export const MAX_PARTITIONS = 1_024;

const MAX_EVENT_NAME_LENGTH = 255;
const MAX_CONSUMER_NAME_LENGTH = 127;
const MAX_BATCH_SIZE = 5_000;
const MAX_BATCH_WAIT_MS = 60_000;
const MAX_ATTEMPTS = 100;
const MIN_RETRY_DELAY_MS = 100;
const MIN_TIMEOUT_MS = 100;

/** The compiler reports an option that is missing here. */
const OPTIONS: { readonly [K in keyof Required<AnySubscriberDefinition>]: true } = {
  eventName: true,
  consumerName: true,
  handler: true,
  transactional: true,
  retry: true,
  timeoutMs: true,
  priority: true,
  payload: true,
  concurrency: true,
  ordered: true,
  batch: true,
  partitions: true,
  startFrom: true,
};
export const KNOWN_OPTIONS = Object.keys(OPTIONS);
const RETRY_OPTIONS = [
  'maxAttempts',
  'baseDelayMs',
  'maxDelayMs',
] as const satisfies (keyof SubscriberRetry)[];
const BATCH_OPTIONS = ['maxSize', 'maxWaitMs'] as const satisfies (keyof SubscriberBatch)[];

/** A definition before any check. It may have any content. */
export type UncheckedDefinition = Readonly<Record<string, unknown>>;

/**
 * Refuses a definition that cannot work. The error lists every problem. `place` says where the definition was
 * registered.
 */
export function validateDefinition(definition: UncheckedDefinition, place: string): void {
  const problems = problemsOfDefinition(definition);
  if (problems.length === 0) return;
  const { consumerName } = definition;
  const who =
    typeof consumerName === 'string' && consumerName !== ''
      ? `subscriber of "${consumerName}"`
      : 'subscriber';
  throw new IntegrationError(
    'INTEGRATION_SUBSCRIBER_INVALID',
    `The ${who} registered at ${place} is invalid: ${problems.join('; ')}`,
    { consumerName, place, problems },
  );
}

/** What is wrong with a definition, one sentence each. */
export function problemsOfDefinition(definition: UncheckedDefinition): string[] {
  return [
    ...problemsOfNames(definition),
    ...problemsOfBehaviour(definition),
    ...problemsOfConsumerOptions(definition),
    ...problemsOfUnknownNames(definition, { known: KNOWN_OPTIONS }),
  ];
}

function problemsOfNames({ consumerName, eventName }: UncheckedDefinition): string[] {
  const names: readonly unknown[] = Array.isArray(eventName) ? eventName : [eventName];
  return [
    ...problemsOfName('consumerName', consumerName, MAX_CONSUMER_NAME_LENGTH),
    ...(names.length === 0 ? ['eventName is an empty list: name at least one event'] : []),
    ...names.flatMap((name) => [
      ...problemsOfName('eventName', name, MAX_EVENT_NAME_LENGTH),
      ...problemsOfPattern(name),
    ]),
  ];
}

function problemsOfName(option: string, name: unknown, maxLength: number): string[] {
  if (name === undefined) return [`${option} is missing`];
  if (typeof name !== 'string') return [`${option} must be a string, not ${typeof name}`];
  if (name.trim() === '') return [`${option} is empty`];
  const { length } = [...name];
  if (length > maxLength) return [`${option} has ${length} characters, at most ${maxLength} are allowed`];
  const problem = problemOfName(name);
  return problem === undefined ? [] : [`${option} ${JSON.stringify(name)} ${problem}`];
}

function problemsOfPattern(name: unknown): string[] {
  return typeof name === 'string' && name.slice(0, -1).includes('*')
    ? [`eventName "${name}" has a * before its end: only a trailing * is a pattern`]
    : [];
}

function problemsOfBehaviour(definition: UncheckedDefinition): string[] {
  const { handler, transactional, retry, timeoutMs, priority, payload } = definition;
  return [
    ...(typeof handler === 'function' ? [] : [`handler must be a function, not ${typeof handler}`]),
    ...problemsOfFlag('transactional', transactional),
    ...problemsOfRetry(retry),
    ...problemsOfCount('timeoutMs', timeoutMs, MIN_TIMEOUT_MS, LONGEST_TIMER_MS),
    ...problemsOfCount('priority', priority, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    ...(payload === undefined || payload === 'json' || payload === 'text'
      ? []
      : [`payload must be 'json' or 'text'`]),
  ];
}

function problemsOfRetry(retry: unknown): string[] {
  if (retry === undefined) return [];
  if (typeof retry !== 'object' || retry === null) return ['retry must be an object'];
  const { maxAttempts, baseDelayMs, maxDelayMs } = retry as Record<string, unknown>;
  const shortest =
    typeof baseDelayMs === 'number' ? Math.max(baseDelayMs, MIN_RETRY_DELAY_MS) : MIN_RETRY_DELAY_MS;
  return [
    ...problemsOfCount('retry.maxAttempts', maxAttempts, 1, MAX_ATTEMPTS),
    ...problemsOfCount('retry.baseDelayMs', baseDelayMs, MIN_RETRY_DELAY_MS, Number.MAX_SAFE_INTEGER),
    ...problemsOfCount('retry.maxDelayMs', maxDelayMs, shortest, Number.MAX_SAFE_INTEGER),
    ...problemsOfUnknownNames(retry, { known: RETRY_OPTIONS, prefix: 'retry.' }),
  ];
}

function problemsOfConsumerOptions(definition: UncheckedDefinition): string[] {
  const { concurrency, ordered, batch, partitions, startFrom } = definition;
  return [
    ...problemsOfCount('concurrency', concurrency, 1, Number.MAX_SAFE_INTEGER),
    ...problemsOfFlag('ordered', ordered),
    ...problemsOfBatch(batch),
    ...problemsOfCount('partitions', partitions, 1, MAX_PARTITIONS),
    ...problemsOfStart(startFrom),
  ];
}

function problemsOfBatch(batch: unknown): string[] {
  if (batch === undefined) return [];
  if (typeof batch !== 'object' || batch === null)
    return ['batch must be an object: { maxSize, maxWaitMs? }'];
  const { maxSize, maxWaitMs } = batch as Record<string, unknown>;
  return [
    ...(maxSize === undefined ? ['batch.maxSize is missing'] : []),
    ...problemsOfCount('batch.maxSize', maxSize, 1, MAX_BATCH_SIZE),
    ...problemsOfCount('batch.maxWaitMs', maxWaitMs, 0, MAX_BATCH_WAIT_MS),
    ...problemsOfUnknownNames(batch, { known: BATCH_OPTIONS, prefix: 'batch.' }),
  ];
}

function problemsOfStart(startFrom: unknown): string[] {
  if (startFrom === undefined || ['recent', 'earliest', 'latest'].includes(startFrom as string)) return [];
  if (startFrom instanceof Date && !Number.isNaN(startFrom.getTime())) return [];
  return [`startFrom must be 'recent', 'earliest', 'latest' or a valid Date`];
}

function problemsOfFlag(option: string, value: unknown): string[] {
  return value === undefined || typeof value === 'boolean' ? [] : [`${option} must be true or false`];
}

function problemsOfCount(option: string, value: unknown, min: number, max: number): string[] {
  if (value === undefined) return [];
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return [];
  return [`${option} must be a whole number${boundsText(min, max)}, not ${String(value)}`];
}

function boundsText(min: number, max: number): string {
  if (max !== Number.MAX_SAFE_INTEGER) return ` from ${min} to ${max}`;
  return min === Number.MIN_SAFE_INTEGER ? '' : `, at least ${min}`;
}
