import { countText } from '../rates/counted.js';
import {
  FAILURE_GROUP_ORDERS,
  type FailureGroupKey,
  type FailureGroupPlace,
} from '../status/failure-group.js';
import type { FailureGroup } from '../status/failure-group.store.js';
import { type Command, UsageError } from './command.js';
import { nextPage } from './next-page.js';
import { CONSUMER_OPTION, choiceOption, countOf, pageOption, textOption } from './options.js';
import { withServices } from './services.js';
import { table } from './table.js';
import { visibleLine } from './terminal-text.js';
import { firstLine, timeText } from './texts.js';
import { WATCH_OPTION } from './watch.js';

/** Stands for dead letters that have no fingerprint. */
const NO_FINGERPRINT = '-';

/** Shows dead letters by consumer and kind of failure. */
export const deadLettersGroupsCommand: Command = {
  name: 'dead-letters groups',
  parameters: [],
  options: {
    ...CONSUMER_OPTION,
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
    const filter = { consumerName: textOption(options, 'consumer') };
    const order = choiceOption(options, 'order', FAILURE_GROUP_ORDERS) ?? 'name';
    const after = placeFrom(textOption(options, 'after'), order !== 'name');
    const page = { limit: pageOption(options), after, order };
    return withServices(context, async ({ failures }) => {
      const { items, next, isPartial } = await failures.list(filter, page);
      const part = isPartial
        ? ['There are more than 5,000: only the first of them by name are in this order.']
        : [];
      const more =
        next === null
          ? []
          : [`More: ${nextPage(context, 'dead-letters groups', { after: placeText(next) })}`];
      return {
        ok: true,
        data: { groups: items, next, isPartial },
        text: [describe(items), ...part, ...more].join('\n'),
      };
    });
  },
};

function describe(groups: readonly FailureGroup[]): string {
  if (groups.length === 0) return 'No dead letters.';
  const listed = table(
    ['CONSUMER', 'FINGERPRINT', 'COUNT', 'NEW', 'LATEST', 'EVENT', 'ERROR'],
    groups.map(({ consumerName, fingerprint, deadLetters, acknowledged, latest }) => [
      consumerName,
      fingerprint ?? NO_FINGERPRINT,
      countText(deadLetters),
      acknowledged === null ? '-' : countText(acknowledged.newSince),
      timeText(latest.failedAt),
      latest.eventName ?? '-',
      firstLine(latest.error),
    ]),
    ['ERROR', 'EVENT'],
  );
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
