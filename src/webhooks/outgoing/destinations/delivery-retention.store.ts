import type { EngineSession } from '../../../database/sql/engine-session.js';
import type { Tables } from '../../../database/sql/tables.js';

/**
 * Positions of messages that one step looks at, and deliveries of removed destinations that one step deletes.
 */
const BATCH = 2_000;
/** How many destinations one step looks for among those that have deliveries. */
const MOST_DESTINATIONS = 500;

/** Where a round goes on. Undefined when it is done. */
export interface RetentionPlace {
  readonly after: number | undefined;
}

/*
 * Retention beside those who make a delivery pending. Let v be a delivery and m its message.
 *
 *   1. A redrive updates v, and looks for m in the same statement. Retention deletes v in its first
 *      statement, and m in its third, only if no delivery needs it. If the redrive has the row of v,
 *      retention passes over it, and keeps m because v is there. If retention has it, the redrive waits until
 *      v is gone, and changes nothing. So what is redriven has its message.
 *   2. The router, the catching up and a replay write deliveries of a message that may be old. They hold m
 *      from before they write v until they commit (`RoutingStore.keepMessages`). If they have it, retention
 *      passes over it. If retention has it, they wait until it is gone, and write it anew. The third
 *      statement begins when the second has the rows, so its snapshot has every v whose writer held m before.
 *      (Deleted by the statement that looks, m would go although v has come after the snapshot of that
 *      statement.)
 *
 * Retention waits for nobody: what others hold is passed over, and the next round looks at it again. So
 * nobody waits in a circle, whatever the order is in which the others lock their rows.
 */

/**
 * Deletes deliveries that have ended with their attempts, and the messages that no delivery needs any more.
 *
 * It looks at messages in the order of positions, and goes on behind the last one, so what is still pending
 * holds up nothing.
 *
 * Each delivery is looked up by its key. A join would read all deliveries for each portion, because the
 * server expects that to be cheaper until there are millions. The rows are locked before they are deleted, so
 * the places in the table (ctid) stay right.
 */
export async function deleteOutdatedDeliveries(
  session: EngineSession,
  tables: Tables,
  { days, after }: { readonly days: number; readonly after: number },
): Promise<RetentionPlace> {
  const { webhookMessage, webhookDelivery, webhookAttempt, webhookDestination } = tables;
  const page = `page AS MATERIALIZED (
    SELECT position, tenant_id, created_at < clock_timestamp() - $2 * interval '1 day' AS old
    FROM ${webhookMessage} WHERE position > $1 ORDER BY position LIMIT ${BATCH})`;
  const isNeeded = (message: string) => `EXISTS (
    SELECT FROM ${webhookDestination} d JOIN ${webhookDelivery} v ON v.destination_id = d.id AND v.position = ${message}.position
    WHERE d.tenant_id = ${message}.tenant_id OFFSET 0)`;
  await session.query(
    `WITH ${page}, ended AS (
       DELETE FROM ${webhookDelivery} v WHERE v.ctid = ANY (ARRAY(
         SELECT o.ctid FROM page p
         CROSS JOIN LATERAL (SELECT d.id FROM ${webhookDestination} d WHERE d.tenant_id = p.tenant_id OFFSET 0) d
         CROSS JOIN LATERAL (
           SELECT ctid FROM ${webhookDelivery} WHERE destination_id = d.id AND position = p.position AND status <> 'pending'
           FOR UPDATE SKIP LOCKED) o
         WHERE p.old))
       RETURNING v.destination_id, v.position)
     DELETE FROM ${webhookAttempt} a USING ended e WHERE a.destination_id = e.destination_id AND a.position = e.position`,
    [after, days],
  );
  const [row] = await session.query<{ last: number | null; seen: number; old: number; held: number[] }>(
    `WITH ${page}, held AS MATERIALIZED (
       SELECT m.position FROM ${webhookMessage} m
       WHERE m.position = ANY (ARRAY(SELECT p.position FROM page p WHERE p.old AND NOT ${isNeeded('p')}))
       FOR UPDATE SKIP LOCKED)
     SELECT max(position) AS last, count(*) AS seen, count(*) FILTER (WHERE old) AS old,
       ARRAY(SELECT position FROM held) AS held FROM page`,
    [after, days],
  );
  await session.query(
    `DELETE FROM ${webhookMessage} m WHERE m.position = ANY ($1::bigint[]) AND NOT ${isNeeded('m')}`,
    [row?.held ?? []],
  );
  const isEnd = row === undefined || row.seen < BATCH || row.old === 0;
  return { after: isEnd ? undefined : (row.last ?? undefined) };
}

/**
 * Deletes deliveries of destinations that are removed, and dead ones that never had a body.
 *
 * @returns whether there may be more of them
 */
export async function deleteOrphanedDeliveries(
  session: EngineSession,
  tables: Tables,
  days: number,
): Promise<boolean> {
  const { webhookDelivery, webhookAttempt, webhookDestination, webhookMessage } = tables;
  const [row] = await session.query<{ deleted: number }>(
    `WITH RECURSIVE owner (id) AS (
       (SELECT destination_id FROM ${webhookDelivery} ORDER BY destination_id LIMIT 1)
       UNION ALL
       SELECT (SELECT v.destination_id FROM ${webhookDelivery} v WHERE v.destination_id > o.id ORDER BY v.destination_id LIMIT 1)
       FROM owner o WHERE o.id IS NOT NULL
     ), removed AS MATERIALIZED (
       SELECT o.id FROM owner o WHERE o.id IS NOT NULL AND NOT EXISTS (SELECT FROM ${webhookDestination} d WHERE d.id = o.id)
       LIMIT ${MOST_DESTINATIONS}
     ), chosen AS MATERIALIZED (
       SELECT v.destination_id, v.position FROM removed r
       CROSS JOIN LATERAL (SELECT destination_id, position FROM ${webhookDelivery} WHERE destination_id = r.id LIMIT ${BATCH}) v
       LIMIT ${BATCH}
     ), deleted AS (
       DELETE FROM ${webhookDelivery} v USING chosen c WHERE v.destination_id = c.destination_id AND v.position = c.position
       RETURNING v.destination_id, v.position
     ), attempts AS (
       DELETE FROM ${webhookAttempt} a USING deleted e WHERE a.destination_id = e.destination_id AND a.position = e.position
     )
     SELECT count(*) AS deleted FROM deleted`,
  );
  await session.query(
    `DELETE FROM ${webhookDelivery} WHERE ctid = ANY (ARRAY(
       SELECT v.ctid FROM ${webhookDestination} d JOIN ${webhookDelivery} v ON v.destination_id = d.id
       WHERE v.status = 'dead' AND v.due_at < clock_timestamp() - $1 * interval '1 day'
         AND NOT EXISTS (SELECT FROM ${webhookMessage} m WHERE m.position = v.position)
       FOR UPDATE OF v SKIP LOCKED))`,
    [days],
  );
  return row?.deleted === BATCH;
}
