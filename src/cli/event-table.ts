import type { EventHead } from '../log/event-look.js';
import { table } from './table.js';
import { timeText } from './texts.js';

/** Events of the log, one a line. */
export function eventTable(events: readonly EventHead[]): string {
  return table(
    ['POSITION', 'EVENT', 'AGGREGATE', 'WRITTEN', 'ID'],
    events.map(({ position, eventName, aggregateType, aggregateId, timestamp, outboxEventId }) => [
      String(position),
      eventName,
      `${aggregateType} ${aggregateId}`,
      timeText(timestamp),
      outboxEventId,
    ]),
    ['AGGREGATE', 'EVENT'],
  );
}
