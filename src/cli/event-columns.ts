import { firstLine } from '../words/first-line.js';
import type { Column } from './table.js';

/* Columns of tables that have an event in each row. The error gives way first, then the aggregate. */

export const POSITION_COLUMN: Column<{ position: number }> = {
  heading: 'POSITION',
  cell: ({ position }) => String(position),
};

export const EVENT_COLUMN: Column<{ eventName: string | null }> = {
  heading: 'EVENT',
  cell: ({ eventName }) => eventName ?? '-',
  cut: 3,
};

export const AGGREGATE_COLUMN: Column<{ aggregateType: string; aggregateId: string }> = {
  heading: 'AGGREGATE',
  cell: ({ aggregateType, aggregateId }) => `${aggregateType} ${aggregateId}`,
  cut: 2,
};

export const ATTEMPTS_COLUMN: Column<{ attemptCount: number }> = {
  heading: 'ATTEMPTS',
  cell: ({ attemptCount }) => String(attemptCount),
};

/** The id of an event, which other commands take, before the first line of its error. */
export const ID_AND_ERROR_COLUMN: Column<{ outboxEventId: string; lastError: string | null }> = {
  heading: 'ID AND ERROR',
  cell: ({ outboxEventId: id, lastError: error }) => (error === null ? id : `${id}  ${firstLine(error)}`),
  cut: 1,
};
