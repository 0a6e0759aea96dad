import type { EngineSession } from '../database/engine-database.js';
import { tablesOf } from '../database/sql/tables.js';

/**
 * A consumer that live processes know but none of them may take, because each lacks the code for some of its
 * stored event names.
 */
export interface UnservedConsumer {
  readonly consumerName: string;
  readonly eventNames: string[];
  /** When a process was last known to work on it. */
  readonly since: Date;
  /** The live processes that know it. */
  readonly processes: { host: string; pid: number }[];
}

/**
 * The state must last this long before it is reported. When a version with a new event name is deployed, the
 * old processes may no longer work on the consumer from the moment that the first new one registers. They let
 * their handlers finish and give it back. The new process takes it with one of its next beats. This takes
 * seconds, and as a rule at most `handlerTimeoutMs`.
 */
const LASTS = `interval '1 minute'`;
/** A process beats several times a minute. */
const IS_ALIVE = `p.role <> 'publisher' AND p.seen_at > clock_timestamp() - interval '2 minutes'`;

/**
 * SQL expression over a cursor: since when its consumer is unserved, or NULL. A paused consumer is not meant
 * to be served.
 */
export function unservedSince(schema: string, cursor: string): string {
  const tables = tablesOf(schema);
  const isListed = (column: string) =>
    `EXISTS (SELECT FROM ${tables.integrationProcess} p WHERE ${IS_ALIVE} AND ${cursor}.consumer_name = ANY (p.${column}))`;
  return `CASE WHEN ${cursor}.paused_at IS NULL AND NOT ${cursor}.held_back
      AND greatest(${cursor}.served_at, ${cursor}.lease_expires_at) < clock_timestamp() - ${LASTS}
      AND ${isListed('handles')} AND NOT ${isListed('consumers')}
    THEN greatest(${cursor}.served_at, ${cursor}.lease_expires_at) END`;
}

/** Returns every consumer that is unserved. */
export async function unservedConsumers(session: EngineSession, schema: string): Promise<UnservedConsumer[]> {
  const tables = tablesOf(schema);
  const rows = await session.query<UnservedConsumer>(
    `SELECT u.consumer_name AS "consumerName", u.event_names AS "eventNames", u.since,
       (SELECT json_agg(json_build_object('host', p.host, 'pid', p.pid) ORDER BY p.host, p.pid)
        FROM ${tables.integrationProcess} p WHERE ${IS_ALIVE} AND u.consumer_name = ANY (p.handles)) AS processes
     FROM (
       SELECT c.consumer_name, c.event_names, max(${unservedSince(schema, 'c')}) AS since
       FROM ${tables.inboxCursor} c GROUP BY c.consumer_name, c.event_names
     ) AS u WHERE u.since IS NOT NULL ORDER BY u.consumer_name`,
  );
  return rows;
}
