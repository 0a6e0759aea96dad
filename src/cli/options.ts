import {
  checkOperationFilter,
  type OperationFilter,
  type PartOfLog,
} from '../changes/chosen/operation-filter.js';
import type { InboxFilter } from '../inbox/inbox-record.js';
import { isUuid } from '../words/text.js';
import { timeOf } from '../words/time-text.js';
import { type CommandContext, type CommandOption, UsageError } from './command.js';

type Options = CommandContext['options'];
type CommandOptions = Readonly<Record<string, CommandOption>>;

/** Options that select rows of the inbox. A row must match all that are given. */
export const ROW_OPTIONS: CommandOptions = {
  event: { type: 'string', summary: 'only this event name' },
  'aggregate-type': { type: 'string', summary: 'only this type of aggregate' },
  'aggregate-id': { type: 'string', summary: 'only this aggregate' },
  'event-id': { type: 'string', summary: 'only the event with this id' },
  position: { type: 'string', summary: 'only the event at this position of the log' },
  fingerprint: { type: 'string', summary: 'only errors of this kind, as dead-letters shows them' },
};

export const CONSUMER_OPTION: CommandOptions = {
  consumer: { type: 'string', summary: 'only this consumer' },
};

export function rowFilter(options: Options, consumerName = textOption(options, 'consumer')): InboxFilter {
  const outboxEventId = textOption(options, 'event-id');
  if (outboxEventId !== undefined) checkUuid(outboxEventId, '--event-id');
  return {
    consumerName,
    eventName: textOption(options, 'event'),
    aggregateType: textOption(options, 'aggregate-type'),
    aggregateId: textOption(options, 'aggregate-id'),
    outboxEventId,
    position: countOption(options, 'position'),
    errorFingerprint: textOption(options, 'fingerprint'),
  };
}

/** Options that select a part of the log. */
export const PART_OPTIONS: CommandOptions = {
  from: { type: 'string', summary: 'position to begin at' },
  to: { type: 'string', summary: 'last position; default: the end of the log' },
  event: {
    type: 'string',
    summary: 'only these event names, divided by commas; a trailing * matches the rest',
  },
  since: { type: 'string', summary: 'only events written at this time or later' },
  until: { type: 'string', summary: 'only events written before this time' },
};

export function partOfLog(options: Options): PartOfLog {
  return {
    from: countOption(options, 'from'),
    to: countOption(options, 'to'),
    eventNames: listOption(options, 'event'),
    since: dateOption(options, 'since'),
    until: dateOption(options, 'until'),
  };
}

/** Options that select what an operation takes. */
export const OPERATION_FILTER_OPTIONS: CommandOptions = { ...ROW_OPTIONS, ...PART_OPTIONS };

/** What the options choose, of the events that are named one by one if there are any. */
export function operationFilter(
  options: Options,
  ids: readonly string[],
  consumerName = textOption(options, 'consumer'),
): OperationFilter {
  const filter = { ...rowFilter(options, consumerName), eventName: undefined, ...partOfLog(options) };
  if (ids.length === 0) return filter;
  if (options['event-id'] !== undefined)
    throw new UsageError('--event-id names a single event: to name several, give all of them as arguments');
  for (const id of ids) checkUuid(id, '<event>');
  const chosen = { ...filter, outboxEventIds: ids };
  checkOperationFilter(chosen);
  return chosen;
}

export function textOption(options: Options, name: string): string | undefined {
  const given = options[name];
  if (typeof given !== 'string') return undefined;
  if (given.trim() === '') throw new UsageError(`--${name} is empty: give a value, or leave it out`);
  return given;
}

/** Names separated by commas. */
export function listOption(options: Options, name: string): string[] | undefined {
  const text = textOption(options, name);
  const list = text
    ?.split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
  if (list?.length === 0) throw new UsageError(`--${name} names nothing: ${JSON.stringify(text)}`);
  return list;
}

export function countOption(options: Options, name: string): number | undefined {
  const text = textOption(options, name);
  return text === undefined ? undefined : countOf(text, `--${name}`);
}

/** The largest page of a list. */
const LARGEST_PAGE = 1_000;

/** The number of rows of a page. A page that were cut off would look as if there were no more. */
export function pageOption(options: Options): number | undefined {
  const limit = countOption(options, 'limit');
  if (limit === undefined || limit <= LARGEST_PAGE) return limit;
  throw new UsageError(
    `--limit must be a whole number from 1 to ${LARGEST_PAGE}, not ${limit}: the last line of a page has the command for the next one`,
  );
}

/** A whole number, at least 1. */
export function countOf(text: string, what: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(count) && count > 0) return count;
  throw new UsageError(`${what} must be a whole number from 1 on, not ${JSON.stringify(text)}`);
}

export function dateOption(options: Options, name: string): Date | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  const date = timeOf(text);
  if (date !== undefined) return date;
  throw new UsageError(`--${name} must be a time such as 2026-11-20T08:00:00Z, not ${JSON.stringify(text)}`);
}

/** Returns the value if it is a uuid. */
export function checkUuid(text: string, what: string): string {
  if (isUuid(text)) return text;
  throw new UsageError(`${what} must be a uuid, not ${JSON.stringify(text)}`);
}

/** Returns the value if it is one of these words. */
export function choiceOption<Word extends string>(
  options: Options,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const text = textOption(options, name);
  const word = words.find((each) => each === text);
  if (text === undefined || word !== undefined) return word;
  throw new UsageError(`--${name} must be one of ${words.join(', ')}, not ${JSON.stringify(text)}`);
}
