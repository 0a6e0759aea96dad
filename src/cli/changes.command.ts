import type { ChangeHistory } from '../history/noted-change.js';
import type { Command } from './command.js';
import { CONSUMER_OPTION, countOf, dateOption, textOption } from './options.js';
import { withServices } from './services.js';
import { table } from './table.js';
import { timeText } from './texts.js';
import { WATCH_OPTION } from './watch.js';

/** Shows what was changed: the marks in the charts of the dashboard. */
export const changesCommand: Command = {
  name: 'changes',
  parameters: [],
  options: {
    ...CONSUMER_OPTION,
    since: { type: 'string', summary: 'only behind this time, default an hour ago' },
    until: { type: 'string', summary: 'only up to this time' },
    limit: { type: 'string', summary: 'how many, 1 to 500, default 100' },
    ...WATCH_OPTION,
  },
  summary: 'show what was changed: starts of processes by version, settings, and what admins did',
  run: (context) => {
    const { options } = context;
    const given = textOption(options, 'limit');
    const request = {
      from: dateOption(options, 'since'),
      to: dateOption(options, 'until'),
      consumerName: textOption(options, 'consumer'),
      limit: given === undefined ? undefined : countOf(given, '--limit'),
    };
    return withServices(context, async ({ history }) => {
      const found = await history.list(request);
      return { ok: true, data: { ...found }, text: describe(found) };
    });
  },
};

function describe({ from, to, changes, more }: ChangeHistory): string {
  if (changes.length === 0) return `Nothing was changed between ${timeText(from)} and ${timeText(to)}.`;
  return [
    table(changes, [
      { heading: 'AT', cell: ({ at }) => timeText(at) },
      { heading: 'KIND', cell: ({ kind }) => kind },
      { heading: 'WHAT', cell: ({ says }) => says, cut: 1 },
    ]),
    ...(more ? ['There are earlier ones: give --until or a higher --limit.'] : []),
  ].join('\n');
}
