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
