import type { EventHead } from '../log/event-look.js';
import { table } from './table.js';
import { timeText } from './texts.js';

/** Events of the log, one a line. */
export function eventTable(events: readonly EventHead[]): string {
  return table(events, [
    { heading: 'POSITION', cell: ({ position }) => String(position) },
    { heading: 'EVENT', cell: ({ eventName }) => eventName, cut: 2 },
    {
      heading: 'AGGREGATE',
      cell: ({ aggregateType, aggregateId }) => `${aggregateType} ${aggregateId}`,
      cut: 1,
    },
    { heading: 'WRITTEN', cell: ({ timestamp }) => timeText(timestamp) },
    { heading: 'ID', cell: ({ outboxEventId }) => outboxEventId },
  ]);
}
