import { LONGEST_TIMER_MS } from '../../database/wire/answer-within.js';
import { problemsOfUnknownNames } from '../../words/known-names.js';
import { problemOfText } from '../../words/text.js';
import { RELAY_OPTION_NAMES, type RelayOptions } from './relay-options.js';

/** Together with `relay.` it is the name of a consumer, which has at most 127 characters. */
const LONGEST_NAME = 120;
const MOST_EVENTS = 5_000;

/** Somebody without a compiler may give anything. What is no object counts as no options. */
export function givenOptions<Options extends object>(options: Options): Options {
  return typeof options === 'object' && options !== null ? options : ({} as Options);
}

/** What is wrong with the options of a relay, one sentence each. `own` are the options of its kind. */
export function problemsOfRelay(given: RelayOptions, own: readonly string[]): string[] {
  const { name, eventName, batch, concurrency, partitions, timeoutMs, source, transform } = given;
  return [
    ...problemsOfUnknownNames(given, { known: [...RELAY_OPTION_NAMES, ...own] }),
    ...problemOf('name', name, LONGEST_NAME),
    ...problemsOfEventNames(eventName),
    ...problemsOfNumber('batch', batch, MOST_EVENTS),
    ...problemsOfNumber('concurrency', concurrency, Number.MAX_SAFE_INTEGER),
    ...problemsOfNumber('partitions', partitions, 1_024),
    ...problemsOfNumber('timeoutMs', timeoutMs, LONGEST_TIMER_MS),
    ...(source === undefined ? [] : problemOf('source', source, 2_000)),
    ...(transform === undefined || typeof transform === 'function' ? [] : ['transform must be a function']),
  ];
}

function problemOf(option: string, value: unknown, most: number): string[] {
  if (value === undefined) return [`${option} is missing`];
  const problem = problemOfText(value, most);
  return problem === undefined ? [] : [`${option} ${problem}`];
}

function problemsOfEventNames(eventName: unknown): string[] {
  if (eventName === undefined)
    return ['eventName is missing: name the events that are sent, such as "order.*"'];
  const names: readonly unknown[] = Array.isArray(eventName) ? eventName : [eventName];
  if (names.length === 0) return ['eventName is an empty list: name at least one event'];
  return names.flatMap((name) => problemOf('eventName', name, 255));
}

function problemsOfNumber(option: string, value: unknown, most: number): string[] {
  if (value === undefined) return [];
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= most
    ? []
    : [`${option} must be a whole number from 1 to ${most}`];
}
