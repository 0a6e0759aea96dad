import { checkReason } from '../changes/chosen/row-checks.js';
import { verifyMigrations } from '../database/migrations/migration-runner.js';
import type { DeadLetter } from '../inbox/inbox-record.js';
import { InboxRecordStore } from '../inbox/inbox-record.store.js';
import { estimateText } from '../rates/counted.js';
import {
  FAILURE_GROUP_ORDERS,
  type FailureGroupKey,
  type FailureGroupPlace,
} from '../status/failure-group.js';
import type { FailureGroup } from '../status/failure-group.store.js';
import { firstLine } from '../words/first-line.js';
import { authorOf, CHANGE_OPTIONS, REASONED_CHANGE_OPTIONS } from './author.js';
import { changeMany, OPERATION_OPTIONS } from './change-many.js';
import { type Command, type CommandContext, type CommandResult, UsageError } from './command.js';
import {
  AGGREGATE_COLUMN,
  ATTEMPTS_COLUMN,
  EVENT_COLUMN,
  ID_AND_ERROR_COLUMN,
  POSITION_COLUMN,
} from './event-columns.js';
import { nextPage } from './next-page.js';
import {
  CONSUMER_OPTION,
  choiceOption,
  countOf,
  countOption,
  OPERATION_FILTER_OPTIONS,
  operationFilter,
  pageOption,
  ROW_OPTIONS,
  rowFilter,
  textOption,
} from './options.js';
import { deadLettersRehearseCommand } from './rehearse.command.js';
import { type CommandServices, withServices } from './services.js';
import { table } from './table.js';
import { visibleLine } from './terminal-text.js';
import { counted, countedAtLeast, timeText } from './texts.js';
import { WATCH_OPTION } from './watch.js';

const DEFAULT_PAGE = 50;

/** Shows dead letters, the oldest first. */
const deadLettersListCommand: Command = {
  name: 'dead-letters list',
  parameters: [],
  options: {
    ...CONSUMER_OPTION,
    ...ROW_OPTIONS,
    limit: { type: 'string', summary: `how many, default ${DEFAULT_PAGE}` },
    after: { type: 'string', summary: 'begin after this position' },
    ...WATCH_OPTION,
  },
  summary: 'show dead letters with their errors, the oldest first',
  run: (context) => {
    const filter = rowFilter(context.options);
    const limit = pageOption(context.options) ?? DEFAULT_PAGE;
    const after = countOption(context.options, 'after') ?? 0;
    return context.withDatabase(async (db, admin) => {
      await verifyMigrations(db);
      const found = await new InboxRecordStore(admin).findDeadLetters(filter, limit, after);
      const { items: deadLetters, scannedTo: next } = found;
      return { ok: true, data: { deadLetters, next }, text: describeLetters(context, deadLetters, next) };
    });
  },
};

function describeLetters(
  context: CommandContext,
  deadLetters: readonly DeadLetter[],
  next: number | null,
): string {
  const more =
    next === null ? [] : [`There may be more: ${nextPage(context, 'dead-letters list', { after: next })}`];
  if (deadLetters.length === 0)
    return [next === null ? 'No dead letters.' : `No such dead letter up to position ${next}.`, ...more].join(
      '\n',
    );
  const listed = table(deadLetters, [
    POSITION_COLUMN,
    { heading: 'CONSUMER', cell: ({ consumerName }) => consumerName },
    EVENT_COLUMN,
    AGGREGATE_COLUMN,
    ATTEMPTS_COLUMN,
    { heading: 'FINGERPRINT', cell: ({ errorFingerprint }) => errorFingerprint ?? '-' },
    ID_AND_ERROR_COLUMN,
  ]);
  return [listed, ...more].join('\n');
}

/** Stands for dead letters that have no fingerprint. */
const NO_FINGERPRINT = '-';

/** Shows dead letters by consumer and kind of failure. */
const deadLettersGroupsCommand: Command = {
  name: 'dead-letters groups',
  parameters: [],
  options: {
    ...CONSUMER_OPTION,
    error: {
      type: 'string',
      summary: 'only with this text in the latest error; its numbers, ids and quoted texts may be others',
    },
    limit: { type: 'string', summary: 'how many, default 50' },
    order: {
      type: 'string',
      summary: 'name (default), size: the largest first, or latest: the newest first',
    },
    after: { type: 'string', summary: 'where the next page begins: the last line of a page prints it' },
    ...WATCH_OPTION,
  },
  summary: 'show dead letters by consumer and kind of failure, with the latest error of each',
  run: (context) => {
    const { options } = context;
    const filter = { consumerName: textOption(options, 'consumer'), error: textOption(options, 'error') };
    const order = choiceOption(options, 'order', FAILURE_GROUP_ORDERS) ?? 'name';
    const after = placeFrom(textOption(options, 'after'), order !== 'name');
    const page = { limit: pageOption(options), after, order };
    return withServices(context, async ({ failures }) => {
      const { items, next, isPartial } = await failures.list(filter, page);
      const part = isPartial
        ? [
            filter.error === undefined
              ? 'There are more than 20,000: only the first of them by name are in this order.'
              : 'There are more than 20,000: only the first of them by name were looked at.',
          ]
        : [];
      const more =
        next === null
          ? []
          : [`More: ${nextPage(context, 'dead-letters groups', { after: placeText(next) })}`];
      return {
        ok: true,
        data: { groups: items, next, isPartial },
        text: [describeGroups(items, filter.error !== undefined), ...part, ...more].join('\n'),
      };
    });
  },
};

function describeGroups(groups: readonly FailureGroup[], isSearch: boolean): string {
  if (groups.length === 0) return isSearch ? 'No kind of failure has such an error.' : 'No dead letters.';
  const listed = table(groups, [
    { heading: 'CONSUMER', cell: ({ consumerName }) => consumerName },
    { heading: 'FINGERPRINT', cell: ({ fingerprint }) => fingerprint ?? NO_FINGERPRINT },
    { heading: 'COUNT', cell: ({ deadLetters }) => estimateText(deadLetters) },
    {
      heading: 'NEW',
      cell: ({ acknowledged }) => (acknowledged === null ? '-' : estimateText(acknowledged.newSince)),
    },
    { heading: 'LATEST', cell: ({ latest }) => timeText(latest.failedAt) },
    { heading: 'EVENT', cell: ({ latest }) => latest.eventName ?? '-', cut: 2 },
    { heading: 'ERROR', cell: ({ latest }) => firstLine(latest.error), cut: 1 },
  ]);
  const notes = groups.flatMap(({ consumerName, fingerprint, note }) =>
    note === null
      ? []
      : [
          `Note on ${keyText({ consumerName, fingerprint })} by ${visibleLine(note.by)} at ${timeText(note.at)}: ${visibleLine(note.text)}`,
        ],
  );
  return [listed, ...(notes.length === 0 ? [] : ['', ...notes])].join('\n');
}

function keyText({ consumerName, fingerprint }: FailureGroupKey): string {
  return `${consumerName}/${fingerprint ?? NO_FINGERPRINT}`;
}

function placeText({ value, ...key }: FailureGroupPlace): string {
  return value === undefined ? keyText(key) : `${value}/${keyText(key)}`;
}

/** The place behind a group. In an order by a number, this number stands before the names. */
function placeFrom(text: string | undefined, hasValue: boolean): FailureGroupPlace | undefined {
  if (!hasValue || text === undefined) return keyFrom(text);
  const [value = '', ...names] = text.split('/');
  const key = keyFrom(names.join('/'));
  return key === undefined ? undefined : { ...key, value: countOf(value, 'the number in --after') };
}

function keyFrom(text: string | undefined): FailureGroupKey | undefined {
  if (text === undefined) return undefined;
  const end = text.lastIndexOf('/');
  if (end <= 0 || end === text.length - 1)
    throw new UsageError(`--after must be <consumer>/<fingerprint>, not ${JSON.stringify(text)}`);
  const fingerprint = text.slice(end + 1);
  return {
    consumerName: text.slice(0, end),
    fingerprint: fingerprint === NO_FINGERPRINT ? null : fingerprint,
  };
}

const DEFAULT_REDRIVEN = 100;

/** Makes dead letters due again. */
const deadLettersRedriveCommand: Command = {
  name: 'dead-letters redrive',
  parameters: [],
  restParameter: 'event',
  options: {
    ...CONSUMER_OPTION,
    ...OPERATION_FILTER_OPTIONS,
    limit: {
      type: 'string',
      summary: `the largest number, the oldest first, default ${DEFAULT_REDRIVEN}, or all events that are named; try 1 first, to see whether the cause is gone`,
    },
    ...OPERATION_OPTIONS,
    'stop-after': { type: 'string', summary: 'stop by itself after this number of them have failed again' },
    'stop-above': {
      type: 'string',
      summary:
        'send 5, then 50, 500 and so on in all, and stop by itself once more than this percentage of them have failed again',
    },
    ...CHANGE_OPTIONS,
  },
  summary:
    'send dead letters, and events that failed for good, on their way again: those named, or those that match',
  run: (context) => withServices(context, (services) => redrive(context, services)),
};

function redrive(context: CommandContext, services: CommandServices): Promise<CommandResult> {
  const { options } = context;
  const filter = operationFilter(options, context.arguments);
  // Who names events one by one means all of them.
  const limit =
    countOption(options, 'limit') ?? (filter.outboxEventIds === undefined ? DEFAULT_REDRIVEN : undefined);
  return changeMany(context, services, {
    request: {
      kind: 'redrive',
      filter,
      maxEvents: limit,
      stopAfter: countOption(options, 'stop-after'),
      stopAbovePercent: countOption(options, 'stop-above'),
    },
    field: 'redriven',
    would: (events, isAtLeast) =>
      `${countedAtLeast(events, isAtLeast, 'event')} would be sent on ${whose(events)} way again.`,
    done: (events) => {
      const isDefault =
        events === DEFAULT_REDRIVEN && limit === DEFAULT_REDRIVEN && options.limit === undefined;
      const more = isDefault ? ' There may be more: --limit says how many at most.' : '';
      return `${counted(events, 'event')} sent on ${whose(events)} way again.${more}`;
    },
    one: (event) => services.consumers.redriveOne(event, authorOf(context)),
  });
}

function whose(events: number): string {
  return events === 1 ? 'its' : 'their';
}

/** Discards dead letters of one consumer or of all. */
const deadLettersDiscardCommand: Command = {
  name: 'dead-letters discard',
  parameters: [],
  restParameter: 'event',
  options: {
    reason: { type: 'string', summary: 'why, kept with each event (required)' },
    ...CONSUMER_OPTION,
    ...OPERATION_FILTER_OPTIONS,
    limit: { type: 'string', summary: 'the largest number, the oldest first; default: all that match' },
    ...OPERATION_OPTIONS,
    ...REASONED_CHANGE_OPTIONS,
  },
  summary: 'set dead letters aside for good: those of the events that are named, or all that match',
  run: (context) => {
    const reason = textOption(context.options, 'reason');
    if (reason === undefined) throw new UsageError('dead-letters discard needs --reason <…>');
    return withServices(context, (services) => discard(context, services, reason));
  },
};

function discard(context: CommandContext, services: CommandServices, reason: string): Promise<CommandResult> {
  const { options } = context;
  const filter = operationFilter(options, context.arguments);
  checkReason(filter, reason);
  const states = ['dead_letter'] as const;
  const limit = countOption(options, 'limit');
  const consumer = filter.consumerName;
  const { by, via } = authorOf(context);
  return changeMany(context, services, {
    request: { kind: 'discard', filter, states, maxEvents: limit },
    field: 'discarded',
    data: consumer === undefined ? {} : { consumer },
    would: (events, isAtLeast) =>
      `${countedAtLeast(events, isAtLeast, 'event')} would be set aside for good. This cannot be undone.`,
    done: (events) =>
      `${counted(events, 'event')}${consumer === undefined ? '' : ` of "${consumer}"`} discarded.`,
    one: (event) => services.consumers.discardOne(event, reason, { states, by, via }),
  });
}

/** The commands of dead letters, in the order of the usage. */
export const deadLettersCommands: readonly Command[] = [
  deadLettersListCommand,
  deadLettersGroupsCommand,
  deadLettersRedriveCommand,
  deadLettersDiscardCommand,
  deadLettersRehearseCommand,
];
