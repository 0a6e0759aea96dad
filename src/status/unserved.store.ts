import { backendGone } from '../database/sql/backend-gone.store.js';
import type { EngineSession } from '../database/sql/engine-session.js';
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
 * The state must last this long before it is reported of processes that run. When a version with a new event
 * name is deployed, the old processes may no longer work on the consumer from the moment that the first new
 * one registers. They let their handlers finish and give it back. The new process takes it with one of its
 * next beats. This takes seconds, and as a rule at most `handlerTimeoutMs`.
 *
 * A process that has started since the consumer was last served is not such an old process: its code lacks a
 * name that was stored before. Of it the state is reported at once.
 */
const LASTS = `interval '1 minute'`;
/**
 * SQL: whether a process has ever worked on a cursor. The registration writes both times as one. The process
 * that has registered it may take it with one of its next beats.
 */
const wasServed = (cursor: string): string => `${cursor}.served_at <> ${cursor}.registered_at`;
/** A process beats several times a minute. */
const IS_ALIVE = `p.role <> 'publisher' AND p.seen_at > clock_timestamp() - interval '2 minutes'`;

/** SQL: whether the process of a row is alive, and its connection is there as far as that can be told. */
export const isAliveNow = (alias: string): string =>
  `${alias}.role <> 'publisher' AND ${alias}.seen_at > clock_timestamp() - interval '2 minutes' AND NOT coalesce(${backendGone(alias)}, false)`;

/**
 * SQL: whether a live process could take the consumer of a cursor, or has it. `self` is left out: the
 * parameter of a process that knows that it could not. Its first beat does not know that yet.
 */
function isServed(schema: string, cursor: string, self = 'NULL::uuid'): string {
  return `EXISTS (SELECT FROM ${tablesOf(schema).integrationProcess} p WHERE ${isAliveNow('p')} AND p.id IS DISTINCT FROM ${self}
    AND (${cursor}.consumer_name = ANY (p.consumers) OR (p.id = ${cursor}.lease_owner AND ${cursor}.lease_expires_at > clock_timestamp())))`;
}

/**
 * SQL: when a process was last known to work on a cursor. The lease of a dead owner may still be in force.
 */
const servedUntil = (cursor: string): string =>
  `greatest(${cursor}.served_at, least(${cursor}.lease_expires_at, clock_timestamp()))`;

/**
 * SQL expression over a cursor: since when its consumer is unserved, or NULL. A paused consumer is not meant
 * to be served.
 */
export function unservedSince(schema: string, cursor: string): string {
  const isKnown = `EXISTS (SELECT FROM ${tablesOf(schema).integrationProcess} p WHERE ${IS_ALIVE} AND ${cursor}.consumer_name = ANY (p.handles)
    AND (greatest(${cursor}.served_at, ${cursor}.lease_expires_at) < clock_timestamp() - ${LASTS} OR (${wasServed(cursor)} AND p.started_at > ${cursor}.served_at)))`;
  return `CASE WHEN ${cursor}.paused_at IS NULL AND NOT ${cursor}.held_back AND ${isKnown} AND NOT ${isServed(schema, cursor)}
    THEN ${servedUntil(cursor)} END`;
}

/**
 * Those of these consumers that no live process could take at this moment, whoever knows them. The process
 * that asks does not count.
 */
export function notServedNow(
  session: EngineSession,
  schema: string,
  consumers: readonly string[],
  self: string,
): Promise<Pick<UnservedConsumer, 'consumerName' | 'eventNames' | 'since'>[]> {
  return session.query(
    `SELECT c.consumer_name AS "consumerName", c.event_names AS "eventNames", max(${servedUntil('c')}) AS since
     FROM ${tablesOf(schema).inboxCursor} c
     WHERE c.consumer_name = ANY ($1::text[]) AND c.paused_at IS NULL AND NOT c.held_back AND NOT ${isServed(schema, 'c', '$2::uuid')}
     GROUP BY c.consumer_name, c.event_names ORDER BY c.consumer_name`,
    [consumers, self],
  );
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
