import type { Command } from './command.js';
import { withServices } from './services.js';
import { table } from './table.js';
import { WATCH_OPTION } from './watch.js';

/** Shows every setting. A command does not know the values that the application's own code gives. */
export const settingsListCommand: Command = {
  name: 'settings list',
  parameters: [],
  options: WATCH_OPTION,
  summary: 'show every setting, its value and where that comes from',
  run: (context) =>
    withServices(context, async ({ settings: service }) => {
      const settings = service.getAll();
      const listed = table(settings, [
        { heading: 'KEY', cell: ({ key }) => key },
        { heading: 'VALUE', cell: ({ value }) => String(value), cut: 2 },
        { heading: 'SOURCE', cell: ({ source }) => source },
        { heading: 'DEFAULT', cell: ({ default: standard }) => String(standard), cut: 1 },
      ]);
      return {
        ok: true,
        data: { schema: context.schema, settings, problems: service.problems },
        text: [
          listed,
          ...service.problems.map((problem) => `Warning: ${problem}`),
          'Values that the application gives IntegrationModule in code are not known here; they stand in for "default".',
        ].join('\n'),
      };
    }),
};
