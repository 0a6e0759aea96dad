import type { EventChain } from '../log/event-look.js';
import type { Command } from './command.js';
import { eventTable } from './event-table.js';
import { unknownEvent } from './events-show.command.js';
import { checkUuid } from './options.js';
import { withServices } from './services.js';
import { visibleLine } from './terminal-text.js';
import { WATCH_OPTION } from './watch.js';

/** Shows the events that belong together with one. */
export const eventsChainCommand: Command = {
  name: 'events chain',
  parameters: ['id'],
  options: WATCH_OPTION,
  summary: 'show the events of the same correlation as this one, the oldest first',
  run: (context) => {
    const id = checkUuid(context.arguments[0] ?? '', '<id>');
    return withServices(context, async ({ events }) => {
      const chain = await events.chainOf(id);
      if (chain === undefined) throw unknownEvent(id);
      return { ok: true, data: { ...chain }, text: describe(chain) };
    });
  },
};

function describe({ correlationId, items, scannedFrom, scannedTo, hasMore }: EventChain): string {
  return [
    `Correlation ${visibleLine(correlationId)}`,
    '',
    eventTable(items),
    '',
    `Positions ${scannedFrom} to ${scannedTo} were looked at.${hasMore ? ` There are more than these ${items.length}.` : ''}`,
  ].join('\n');
}
