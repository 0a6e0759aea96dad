import type { EventSearchResult } from '../log/event-look.js';
import type { Command } from './command.js';
import { eventTable } from './event-table.js';
import { nextPage } from './next-page.js';
import { countOption, dateOption, pageOption, textOption } from './options.js';
import { withServices } from './services.js';
import { WATCH_OPTION } from './watch.js';

/** Searches the log, from the newest event to the oldest. */
export const eventsListCommand: Command = {
  name: 'events list',
  parameters: [],
  options: {
    event: { type: 'string', summary: 'only this event name; a trailing * matches the rest' },
    module: { type: 'string', summary: 'only events that this module published' },
    'aggregate-type': { type: 'string', summary: 'only this type of aggregate' },
    'aggregate-id': { type: 'string', summary: 'only this aggregate' },
    correlation: { type: 'string', summary: 'only events with this correlation id' },
    since: { type: 'string', summary: 'only events written at this time or later' },
    until: { type: 'string', summary: 'only events written before this time' },
    limit: { type: 'string', summary: 'how many, default 50' },
    before: {
      type: 'string',
      summary: 'only events at lower positions: the last line of a page prints where the next one begins',
    },
    ...WATCH_OPTION,
  },
  summary: 'search the log, the newest event first; a look goes back 100,000 positions',
  run: (context) => {
    const { options } = context;
    const filter = {
      eventName: textOption(options, 'event'),
      sourceModule: textOption(options, 'module'),
      aggregateType: textOption(options, 'aggregate-type'),
      aggregateId: textOption(options, 'aggregate-id'),
      correlationId: textOption(options, 'correlation'),
      from: dateOption(options, 'since'),
      to: dateOption(options, 'until'),
    };
    const page = { limit: pageOption(options), before: countOption(options, 'before') };
    return withServices(context, async ({ events }) => {
      const found = await events.search(filter, page);
      const more =
        found.next === null
          ? []
          : [`Further back: ${nextPage(context, 'events list', { before: found.next })}`];
      return { ok: true, data: { ...found }, text: [describe(found), ...more].join('\n') };
    });
  },
};

function describe({ items, next, scannedTo }: EventSearchResult): string {
  if (items.length > 0) return eventTable(items);
  return next === null ? 'The log has no such event.' : `No such event from position ${scannedTo} on.`;
}
