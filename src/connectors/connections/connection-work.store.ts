import type { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import type { LaneItem } from '../../lanes/lane-work.js';
import type { Connection } from './connection.js';

/** The key of the item that looks at the health. Every other key is the id of an endpoint. */
export const HEALTH = 'health';

/** Something that is due for a connection. Its target is the connection. */
export interface DueOfConnection extends LaneItem {
  readonly tenantId: string;
  readonly connector: string;
}

/** A connection that has got a time for its health. */
export interface TimedConnection {
  readonly id: string;
  readonly tenantId: string;
}

type Owned = Pick<Connection, 'id' | 'tenantId'>;

/*
 * When the health of a connection is looked at.
 *
 * Each connection that is enabled has a time of its own, which is chosen at random within the interval, so
 * that they are spread. A look moves the time on before it begins: a tenth of the interval earlier or later,
 * which keeps them apart. So a process that dies while it looks has had its turn, and the time doubles with
 * each look that does not come to its end. Where nobody was there for half an interval, nothing is made up
 * for: the time is chosen at random again, or all would come at once with the next boot.
 */

/** What the lanes read of connections, and the times of their health. */
export class ConnectionWorkStore {
  private readonly connection: string;
  private readonly webhook: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    this.connection = db.tables.connection;
    this.webhook = db.tables.connectionWebhook;
  }

  /** The items that are due, the earliest first. `wanted` has the most that is taken of each target. */
  due(wanted: ReadonlyMap<string, number>): Promise<DueOfConnection[]> {
    return this.db.query<DueOfConnection>(
      `SELECT i.key, c.id::text AS target, c.tenant_id AS "tenantId", c.connector
       FROM unnest($1::uuid[], $2::int[]) AS w (id, most) JOIN ${this.connection} c ON c.id = w.id, LATERAL (
         SELECT key FROM (
           SELECT endpoint_id::text AS key, due_at FROM ${this.webhook} WHERE connection_id = c.id AND due_at <= now()
           UNION ALL SELECT '${HEALTH}', c.health_due_at WHERE c.state = 'enabled' AND c.health_due_at <= now()) AS due
         ORDER BY due_at LIMIT w.most) AS i`,
      [[...wanted.keys()], [...wanted.values()]],
    );
  }

  /** When the next item of each target is due. Null if none is. */
  async nextDue(session: EngineSession, targets: readonly string[]): Promise<Map<string, Date | null>> {
    const rows = await session.query<{ target: string; dueAt: Date | null }>(
      `SELECT t.id::text AS target, least(
         (SELECT health_due_at FROM ${this.connection} c WHERE c.id = t.id AND c.state = 'enabled'),
         (SELECT min(due_at) FROM ${this.webhook} w WHERE w.connection_id = t.id)) AS "dueAt"
       FROM unnest($1::uuid[]) AS t (id)`,
      [targets],
    );
    return new Map(rows.map(({ target, dueAt }) => [target, dueAt]));
  }

  /** Chooses a time within the interval. Without an interval there is none. Resolves to the time. */
  async setHealthTime(
    session: EngineSession,
    { tenantId, id }: Owned,
    intervalMs: number | undefined,
  ): Promise<Date | null> {
    const [row] = await session.query<{ dueAt: Date | null }>(
      `UPDATE ${this.connection} SET health_tries = 0,
         health_due_at = clock_timestamp() + random() * $3::float8 * interval '1 millisecond'
       WHERE tenant_id = $1 AND id = $2 RETURNING health_due_at AS "dueAt"`,
      [tenantId, id, intervalMs ?? null],
    );
    return row?.dueAt ?? null;
  }

  /** Moves the time of a health on. Whether it is to be looked at: it is due, and nobody has taken it. */
  async claimHealth({ tenantId, id }: Owned, intervalMs: number): Promise<boolean> {
    const [row] = await this.db.query<{ isLate: boolean }>(
      `WITH seen AS (
         SELECT id, health_tries, health_due_at < clock_timestamp() - $3::float8 / 2 * interval '1 millisecond' AS is_late
         FROM ${this.connection} WHERE tenant_id = $1 AND id = $2 AND state = 'enabled' AND health_due_at <= clock_timestamp()
         FOR NO KEY UPDATE)
       UPDATE ${this.connection} AS c SET
         health_due_at = clock_timestamp() + $3::float8 * interval '1 millisecond' * CASE WHEN seen.is_late THEN random()
           ELSE (0.9 + 0.2 * random()) * power(2, least(seen.health_tries, 6)) END,
         health_tries = seen.health_tries + CASE WHEN seen.is_late THEN 0 ELSE 1 END
       FROM seen WHERE c.tenant_id = $1 AND c.id = seen.id RETURNING seen.is_late AS "isLate"`,
      [tenantId, id, intervalMs],
    );
    return row?.isLate === false;
  }

  /** A look has come to its end, whatever it has found. */
  async healthLooked({ tenantId, id }: Owned): Promise<void> {
    await this.db.query(`UPDATE ${this.connection} SET health_tries = 0 WHERE tenant_id = $1 AND id = $2`, [
      tenantId,
      id,
    ]);
  }

  /** Takes the time of a health away. */
  async noHealthTime({ tenantId, id }: Owned): Promise<void> {
    await this.db.query(
      `UPDATE ${this.connection} SET health_due_at = NULL WHERE tenant_id = $1 AND id = $2`,
      [tenantId, id],
    );
  }

  /** Gives connections of these connectors a time that are in use and have none. */
  giveHealthTimes(
    session: EngineSession,
    connectors: readonly string[],
    intervalMs: number,
    most: number,
  ): Promise<TimedConnection[]> {
    return session.query<TimedConnection>(
      `WITH without AS (
         SELECT id FROM ${this.connection} WHERE connector = ANY ($1::text[]) AND state = 'enabled' AND health_due_at IS NULL
         ORDER BY connector, id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED)
       UPDATE ${this.connection} AS c SET health_due_at = clock_timestamp() + random() * $2::float8 * interval '1 millisecond'
       FROM without WHERE c.id = without.id RETURNING c.id::text AS id, c.tenant_id AS "tenantId"`,
      [connectors, intervalMs, most],
    );
  }
}
