import type { EngineDatabase } from '../../../database/engine-database.js';

/** A lane whose targets have been ready for some time, and that no process owns. */
export interface LaneWithoutOwner {
  readonly lane: number;
  readonly targets: number;
  readonly since: Date;
}

/** How long a lane may be without an owner, in seconds. A new owner takes it within a few beats. */
const OWNERLESS_S = 60;

/** What the doctor asks of lanes of webhooks. */
export async function lanesWithoutOwner(
  db: Pick<EngineDatabase, 'query' | 'tables'>,
): Promise<LaneWithoutOwner[]> {
  const { outgoingTarget, integrationLease } = db.tables;
  return db.query<LaneWithoutOwner>(
    `SELECT t.lane, count(*) AS targets, min(t.ready_at) AS since FROM ${outgoingTarget} t
     LEFT JOIN ${integrationLease} l ON l.name = 'lanes.webhook.' || t.lane AND l.owner IS NOT NULL AND l.expires_at > clock_timestamp()
     WHERE t.kind = 'webhook' AND t.ready_at < clock_timestamp() - ${OWNERLESS_S} * interval '1 second' AND l.name IS NULL
     GROUP BY t.lane ORDER BY t.lane`,
  );
}

/** A destination with a delivery that is due, and whose lane does not know of it. */
export interface ForgottenDestination {
  readonly id: string;
  readonly tenantId: string;
  /** Since when the delivery is due. */
  readonly since: Date;
}

/** How long a delivery may be due before its destination is ready, in seconds. */
const UNREADY_S = 60;
/** Destinations with something pending that are looked at. */
const MOST_LOOKED_AT = 10_000;

/**
 * Active destinations with a delivery that is due, and without a time at which their lane looks. It walks
 * from one destination with something pending to the next by the index of what is pending, and reads one
 * delivery of each.
 */
export async function forgottenDestinations(
  db: Pick<EngineDatabase, 'query' | 'tables'>,
  limit: number,
): Promise<ForgottenDestination[]> {
  const { outgoingTarget, webhookDelivery, webhookDestination } = db.tables;
  const next = (where: string) =>
    `SELECT v.destination_id FROM ${webhookDelivery} v WHERE v.status = 'pending' ${where}
     ORDER BY v.destination_id, v.due_at, v.position LIMIT 1`;
  return db.query<ForgottenDestination>(
    `WITH RECURSIVE waiting (id) AS (
       (${next('')})
       UNION ALL
       SELECT (${next('AND v.destination_id > w.id')}) FROM waiting w WHERE w.id IS NOT NULL
     ), looked AS MATERIALIZED (SELECT id FROM waiting WHERE id IS NOT NULL LIMIT ${MOST_LOOKED_AT}),
     found AS MATERIALIZED (
     SELECT d.id, d.tenant_id AS "tenantId", f.due_at AS since FROM looked l
     JOIN ${outgoingTarget} t ON t.kind = 'webhook' AND t.id = l.id AND t.ready_at IS NULL AND NOT t.held
     JOIN ${webhookDestination} d ON d.id = l.id AND d.status = 'active'
     CROSS JOIN LATERAL (
       SELECT due_at FROM ${webhookDelivery} WHERE destination_id = l.id AND status = 'pending'
         AND due_at < clock_timestamp() - ${UNREADY_S} * interval '1 second' ORDER BY due_at LIMIT 1) f
     LIMIT $1)
     SELECT * FROM found ORDER BY id`,
    [limit],
  );
}
