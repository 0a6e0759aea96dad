import { countText } from '../consumers/counted.js';
import type { FailureGroup, FailureGroupKey } from '../consumers/failure-group.js';
import { type Command, UsageError } from './command.js';
import { nextPage } from './next-page.js';
import { CONSUMER_OPTION, pageOption, textOption } from './options.js';
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
    after: { type: 'string', summary: 'the page behind: <consumer>/<fingerprint> of the last group' },
    ...WATCH_OPTION,
  },
  summary: 'show dead letters by consumer and kind of failure, with the latest error of each',
  run: (context) => {
    const { options } = context;
    const filter = { consumerName: textOption(options, 'consumer') };
    const page = { limit: pageOption(options), after: keyFrom(textOption(options, 'after')) };
    return withServices(context, async ({ failures }) => {
      const { items, next } = await failures.list(filter, page);
      const more =
        next === null ? [] : [`More: ${nextPage(context, 'dead-letters groups', { after: keyText(next) })}`];
      return { ok: true, data: { groups: items, next }, text: [describe(items), ...more].join('\n') };
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
    ['ERROR', 'EVENT', 'CONSUMER'],
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
