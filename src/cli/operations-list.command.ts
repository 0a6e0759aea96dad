import { OPERATION_STATES, type Operation } from '../changes/operations/operation.js';
import type { Command } from './command.js';
import { nextPage } from './next-page.js';
import { progressText } from './operation-texts.js';
import { choiceOption, pageOption, textOption } from './options.js';
import { withServices } from './services.js';
import { table } from './table.js';
import { timeText } from './texts.js';
import { WATCH_OPTION } from './watch.js';

/** Shows stored operations. */
export const operationsListCommand: Command = {
  name: 'operations list',
  parameters: [],
  options: {
    state: { type: 'string', summary: `only those that are ${OPERATION_STATES.join(', ')}` },
    limit: { type: 'string', summary: 'how many, default 50' },
    after: { type: 'string', summary: 'where the next page begins: the last line of a page prints it' },
    ...WATCH_OPTION,
  },
  summary: 'show redrives, discards and replays of many events, the latest first',
  run: (context) => {
    const { options } = context;
    const page = {
      state: choiceOption(options, 'state', OPERATION_STATES),
      limit: pageOption(options),
      after: textOption(options, 'after'),
    };
    return withServices(context, async (services) => {
      const { operations, next } = await services.operations.list(page);
      const more = next === null ? [] : [`More: ${nextPage(context, 'operations list', { after: next })}`];
      return { ok: true, data: { operations, next }, text: [describe(operations), ...more].join('\n') };
    });
  },
};

function describe(operations: readonly Operation[]): string {
  if (operations.length === 0) return 'There is no such operation.';
  return table(operations, [
    { heading: 'ID', cell: ({ id }) => id },
    { heading: 'KIND', cell: ({ kind }) => kind },
    { heading: 'STATE', cell: ({ state }) => state },
    { heading: 'EVENTS', cell: progressText },
    { heading: 'CREATED', cell: ({ createdAt }) => timeText(createdAt) },
    { heading: 'BY', cell: ({ requestedBy }) => requestedBy, cut: 1 },
  ]);
}
