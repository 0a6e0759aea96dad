import type { Problem, ProblemList } from '../problems/problem.js';
import type { Command } from './command.js';
import { CONSUMER_OPTION, countOf, textOption } from './options.js';
import { withServices } from './services.js';
import { visibleLine } from './terminal-text.js';
import { timeText } from './texts.js';
import { WATCH_OPTION } from './watch.js';

/** Shows what is wrong, one line for each cause. */
export const problemsCommand: Command = {
  name: 'problems',
  parameters: [],
  options: {
    ...CONSUMER_OPTION,
    limit: { type: 'string', summary: 'how many, 1 to 100, default 10' },
    ...WATCH_OPTION,
  },
  summary: 'show what is wrong, one line for each cause, with what was changed shortly before',
  run: (context) => {
    const { options } = context;
    const given = textOption(options, 'limit');
    const limit = given === undefined ? undefined : countOf(given, '--limit');
    const consumerName = textOption(options, 'consumer');
    return withServices(context, async ({ problems }) => {
      const list = await problems.list({ consumerName, limit });
      return { ok: list.problems.length === 0, data: { ...list }, text: describe(list) };
    });
  },
};

function describe({ problems, more, notChecked }: ProblemList): string {
  return [
    ...(problems.length === 0 ? ['Nothing is wrong.'] : problems.map(describeOne)),
    ...(more === 0 ? [] : [`And ${more} more.`]),
    ...notChecked.map(({ check, reason }) => `Not checked: ${check}, ${reason}.`),
  ].join('\n');
}

function describeOne({ kind, severity, says, since, changedBefore }: Problem): string {
  const when = since === null ? '' : ` Since ${timeText(since)}.`;
  return [
    `${severity === 'critical' ? '!' : '-'} ${visibleLine(says)}.${when} [${kind}, ${severity}]`,
    ...changedBefore.map((change) => `    before, at ${timeText(change.at)}: ${visibleLine(change.says)}`),
  ].join('\n');
}
