import type { NarrowText } from '../database/sql/narrow-text.js';
import { IntegrationError } from '../errors.js';
import { EVENT_TEXT_LIMITS } from '../events/event-limits.js';
import type { LogEntry } from './log-entry.js';

/**
 * Refuses an event that a database with a narrow encoding cannot hold. The check runs before any SQL, because
 * an error in the database would abort the caller's transaction.
 *
 * @throws IntegrationError INTEGRATION_EVENT_INVALID, INTEGRATION_PAYLOAD_INVALID
 */
export function refuseWhatIsNotHeld({ columns, deduplicationKey }: LogEntry, narrow: NarrowText): void {
  const [, eventName, , sourceModule, aggregateType, aggregateId, payload, , metadata] = columns;
  const fields = { eventName, sourceModule, aggregateType, aggregateId, deduplicationKey };
  for (const [field, text] of Object.entries(fields)) {
    if (typeof text !== 'string') continue;
    const problem = narrow.problemOf(text, EVENT_TEXT_LIMITS[field as keyof typeof EVENT_TEXT_LIMITS]);
    if (problem !== undefined)
      throw new IntegrationError('INTEGRATION_EVENT_INVALID', `${field} ${problem}`, { fields: [field] });
  }
  for (const [path, json] of Object.entries({ payload, metadata })) {
    const problem = typeof json === 'string' ? narrow.problemOf(json) : undefined;
    if (problem !== undefined)
      throw new IntegrationError('INTEGRATION_PAYLOAD_INVALID', `${path} ${problem}`, { path });
  }
}
