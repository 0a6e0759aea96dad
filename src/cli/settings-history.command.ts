import type { SettingHistoryPage } from '../settings/settings-change.js';
import type { Command } from './command.js';
import { nextPage } from './next-page.js';
import { countOption, pageOption } from './options.js';
import { withServices } from './services.js';
import { table } from './table.js';
import { firstLine, timeText } from './texts.js';
import { WATCH_OPTION } from './watch.js';

/** Shows who changed settings, from what to what. */
export const settingsHistoryCommand: Command = {
  name: 'settings history',
  parameters: [],
  optionalParameter: 'key',
  options: {
    limit: { type: 'string', summary: 'how many, default 50' },
    after: { type: 'string', summary: 'where the next page begins: the last line of a page prints it' },
    ...WATCH_OPTION,
  },
  summary: 'show the changes of all settings or of one, the latest first',
  run: (context) => {
    const { options } = context;
    const request = {
      key: context.arguments[0],
      limit: pageOption(options),
      after: countOption(options, 'after'),
    };
    return withServices(context, async ({ settings }) => {
      const { entries, next } = await settings.history(request);
      const more = next === null ? [] : [`More: ${nextPage(context, 'settings history', { after: next })}`];
      return { ok: true, data: { entries, next }, text: [describe(entries), ...more].join('\n') };
    });
  },
};

function describe(entries: SettingHistoryPage['entries']): string {
  if (entries.length === 0) return 'No change is known.';
  const shown = (value: unknown) => (value === null ? '-' : String(value));
  return table(entries, [
    { heading: 'CHANGE', cell: ({ id }) => String(id) },
    { heading: 'AT', cell: ({ at }) => timeText(at) },
    { heading: 'SETTING', cell: ({ key }) => key },
    { heading: 'FROM', cell: ({ from }) => shown(from) },
    { heading: 'TO', cell: ({ to }) => shown(to) },
    { heading: 'BY', cell: ({ by }) => by ?? '-', cut: 2 },
    { heading: 'REASON', cell: ({ reason }) => firstLine(reason), cut: 1 },
  ]);
}
