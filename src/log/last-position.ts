import { tablesOf } from '../database/sql/tables.js';
import { IntegrationError } from '../errors.js';

/**
 * The last position that an event may have. JavaScript holds whole numbers exactly up to here. Two events
 * behind it may look like one, so one of them would be delivered twice and the other one not at all.
 */
export const LAST_POSITION = Number.MAX_SAFE_INTEGER;

/** What to run where the sequence was set to such a value, once nothing is published any more. */
export function positionMending(schema: string): string {
  const log = tablesOf(schema).outboxEvent;
  return `Nobody publishes so many events, so the sequence was set to this value. Stop all processes of this integration. If the log has events behind position ${LAST_POSITION}, note down what they say and delete them. Then run: SELECT setval(pg_get_serial_sequence('${log}', 'position'), (SELECT coalesce(max(position), 1) FROM ${log})). Where consumers were further ahead, run the statements of docs/guide/operate/troubleshooting.md in its place. Publish again what you have deleted`;
}

/** No event can be published, or the next one would get a position that JavaScript does not hold. */
export function sequenceExhausted(schema: string, cause?: unknown): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_SEQUENCE_EXHAUSTED',
    `The sequence of the log has no position left: the last one is ${LAST_POSITION}, because JavaScript holds whole numbers exactly only up to there. ${positionMending(schema)}`,
    { lastPosition: LAST_POSITION },
    cause === undefined ? undefined : { cause },
  );
}
