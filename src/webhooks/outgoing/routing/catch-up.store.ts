import type { EngineDatabase } from '../../../database/engine-database.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import type { TextEvent } from '../public/rendered-event.js';
import { CANDIDATE, type Candidate } from './routing.store.js';

/** A destination, and whose it is. */
export type OwnedDestination = Pick<Candidate, 'id' | 'tenantId'>;

/** A destination that is behind. */
export interface BehindDestination extends Candidate {
  readonly behindFrom: number;
  readonly catchUpTo: number | null;
}

/** The first and the last position of the log. Both are 0 if it is empty. */
export interface LogBounds {
  readonly first: number;
  readonly head: number;
}

/** Events that are counted. Without a tenant, those of all tenants. */
export interface CountedEvents {
  readonly from: number;
  /** The position behind the last one. */
  readonly to: number;
  readonly names: readonly string[];
  readonly tenantId: string | undefined;
}

/** How far destinations have caught up. */
export class CatchUpStore {
  private readonly destination: string;
  private readonly delivery: string;
  private readonly target: string;
  private readonly contract: string;
  private readonly log: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    const { webhookDestination, webhookDelivery, outgoingTarget, eventContract, outboxEvent } = db.tables;
    this.destination = webhookDestination;
    this.delivery = webhookDelivery;
    this.target = outgoingTarget;
    this.contract = eventContract;
    this.log = outboxEvent;
  }

  /** The destinations of these lanes that are on and behind, in the order of ids. */
  behind(lanes: readonly number[], after: string, limit: number): Promise<OwnedDestination[]> {
    return this.db.query<OwnedDestination>(
      `SELECT d.id, d.tenant_id AS "tenantId" FROM ${this.destination} d JOIN ${this.target} t ON t.kind = 'webhook' AND t.id = d.id
       WHERE d.behind_from IS NOT NULL AND d.status = 'active' AND t.lane = ANY ($1::int[]) AND d.id > $2::uuid
       ORDER BY d.id LIMIT $3`,
      [lanes, after, limit],
    );
  }

  /**
   * Locks a destination that is on and behind. Undefined if it is not. It waits for whoever changes it, for a
   * router that skips it, and for another process that catches up.
   */
  async take(
    session: EngineSession,
    { id, tenantId }: OwnedDestination,
  ): Promise<BehindDestination | undefined> {
    const [row] = await session.query<BehindDestination>(
      `SELECT ${CANDIDATE}, d.behind_from AS "behindFrom", d.catch_up_to AS "catchUpTo" FROM ${this.destination} d
       WHERE d.id = $1 AND d.tenant_id = $2 AND d.behind_from IS NOT NULL AND d.status = 'active' FOR NO KEY UPDATE`,
      [id, tenantId],
    );
    return row;
  }

  /**
   * It is a statement of its own behind `take`, so that it sees what was skipped before the lock was given.
   */
  async bounds(session: EngineSession): Promise<LogBounds> {
    const [row] = await session.query<LogBounds>(
      `SELECT coalesce(min(position), 0) AS first, coalesce(max(position), 0) AS head FROM ${this.log}`,
    );
    return row ?? { first: 0, head: 0 };
  }

  /** Names of public events that this process has no public contract of. */
  async otherPublicNames(session: EngineSession, known: readonly string[]): Promise<string[]> {
    const rows = await session.query<{ name: string }>(
      `SELECT name FROM (
         SELECT DISTINCT ON (event_name) event_name AS name, visibility, retired_at FROM ${this.contract}
         WHERE event_name <> ALL ($1::text[]) ORDER BY event_name, version DESC) AS newest
       WHERE visibility = 'public' AND retired_at IS NULL`,
      [known],
    );
    return rows.map(({ name }) => name);
  }

  /** How many events of these names there are between two positions, of a tenant that the metadata names. */
  async countEvents({ from, to, names, tenantId }: CountedEvents, limit: number): Promise<number> {
    const [row] = await this.db.query<{ count: number }>(
      `SELECT count(*) FROM (
         SELECT FROM ${this.log} WHERE position >= $1 AND position < $2 AND event_name = ANY ($3::text[])
           AND ($4::text IS NULL OR coalesce(metadata->>'tenantId', '') = $4) LIMIT $5) AS found`,
      [from, to, names, tenantId ?? null, limit],
    );
    return row?.count ?? 0;
  }

  /** Notes how far it is. Undefined: it has caught up. The row is locked. */
  async advance(
    session: EngineSession,
    { id, tenantId }: Candidate,
    behindFrom: number | undefined,
  ): Promise<void> {
    await session.query(
      `UPDATE ${this.destination} SET behind_from = $3, catch_up_to = CASE WHEN $3::bigint IS NOT NULL THEN catch_up_to END
       WHERE id = $1 AND tenant_id = $2`,
      [id, tenantId, behindFrom ?? null],
    );
  }

  /** Writes a delivery whose body could not be made. It is dead at once, so that it holds up no other one. */
  async addDead(
    session: EngineSession,
    { id, tenantId }: Candidate,
    { position }: TextEvent,
    entity: string,
    error: string,
  ): Promise<void> {
    await session.query(
      `INSERT INTO ${this.delivery} (destination_id, position, tenant_id, entity, status, last_error)
       VALUES ($1, $2, $3, $4::bigint, 'dead', $5) ON CONFLICT (destination_id, position) DO NOTHING`,
      [id, position, tenantId, entity, error],
    );
  }
}
