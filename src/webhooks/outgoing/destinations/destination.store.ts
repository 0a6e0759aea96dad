import type { EngineDatabase } from '../../../database/engine-database.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import { positionAtTime } from '../../../log/position-at-time.store.js';
import type { SecretName, SecretOwner } from '../../../secrets/secret.store.js';
import { VALID_SECRET } from '../../../secrets/secret.store.js';
import type { DestinationFilter, WebhookDestination } from './destination.js';

const OWNER_TYPE = 'webhook_destination';
export const SIGNING = 'signing';

/** The reason of a destination with a past, from its creation until it is set on. */
export const NOT_BEGUN = 'It begins in the past and was not set on yet: resume it';

/** Stands before the name of a header in the name of its secret. */
export const HEADER = 'header:';

type Owned = Pick<WebhookDestination, 'id' | 'tenantId'>;

/** Whose the secrets of a destination are: the signing secret, and the values of headers. */
export function ownerOf({ id, tenantId }: Owned): SecretOwner {
  return { tenantId, ownerType: OWNER_TYPE, ownerId: id };
}

/** The secret with which deliveries are signed. */
export function signingSecretOf(destination: Owned): SecretName {
  return { ...ownerOf(destination), name: SIGNING };
}

/** The value of a header. */
export function headerSecretOf(destination: Owned, header: string): SecretName {
  return { ...ownerOf(destination), name: HEADER + header };
}

const COLUMNS = `d.id, d.tenant_id AS "tenantId", d.url, d.event_types AS "eventTypes", d.filter, d.format, d.signing, d.ordered AS "order",
  d.rate AS "ratePerSecond", d.max_in_flight AS "maxInFlight", d.timeout_ms AS "timeoutMs", d.header_names AS headers, d.status, d.reason,
  d.behind_from AS "behindFrom", d.metadata, d.created_at AS "createdAt"`;

/** What of a row somebody may change. */
export type DestinationRow = Omit<WebhookDestination, 'status' | 'reason' | 'behindFrom' | 'createdAt'>;

/**
 * The destinations of tenants. Every statement names the tenant, so that nobody reaches what belongs to
 * another one. Every change holds the row of its destination, so changes of one take turns. What the router
 * and the catching up write of a row is in `routing`.
 */
export class DestinationStore {
  private readonly table: string;
  private readonly subscription: string;
  private readonly delivery: string;
  private readonly log: string;
  private readonly secret: string;
  private readonly startSql: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    const { webhookDestination, webhookSubscription, webhookDelivery, outboxEvent } = db.tables;
    this.table = webhookDestination;
    this.subscription = webhookSubscription;
    this.delivery = webhookDelivery;
    this.log = outboxEvent;
    this.secret = db.tables.integrationSecret;
    this.startSql = positionAtTime(
      outboxEvent,
      `SELECT coalesce(min(position), 1)::bigint, coalesce(max(position), 0)::bigint + 1 FROM ${outboxEvent}`,
    );
  }

  async find(tenantId: string, id: string): Promise<WebhookDestination | undefined> {
    const [row] = await this.db.query<WebhookDestination>(
      `SELECT ${COLUMNS} FROM ${this.table} d WHERE d.tenant_id = $1 AND d.id = $2`,
      [tenantId, id],
    );
    return row;
  }

  /** The destinations behind an id, in the order of their creation. */
  page(
    tenantId: string,
    { status }: DestinationFilter,
    after: string | undefined,
    limit: number,
  ): Promise<WebhookDestination[]> {
    return this.db.query<WebhookDestination>(
      `SELECT ${COLUMNS} FROM ${this.table} d
       WHERE d.tenant_id = $1 AND ($2::text IS NULL OR d.status = $2) AND ($3::uuid IS NULL OR d.id > $3)
       ORDER BY d.id LIMIT $4`,
      [tenantId, status ?? null, after ?? null, limit],
    );
  }

  /** How many destinations a tenant has. Callers of one tenant take turns until their transactions end. */
  async countAlone(session: EngineSession, tenantId: string): Promise<number> {
    await session.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
      JSON.stringify([this.table, tenantId]),
    ]);
    const [row] = await session.query<{ count: number }>(
      `SELECT count(*) FROM ${this.table} WHERE tenant_id = $1`,
      [tenantId],
    );
    return row?.count ?? 0;
  }

  /**
   * Holds the row until the end of the transaction. A router that skips the destination holds it as well, so
   * the row says what every such router has skipped.
   */
  async lock(session: EngineSession, tenantId: string, id: string): Promise<WebhookDestination | undefined> {
    const [row] = await session.query<WebhookDestination>(
      `SELECT ${COLUMNS} FROM ${this.table} d WHERE d.tenant_id = $1 AND d.id = $2 FOR NO KEY UPDATE`,
      [tenantId, id],
    );
    return row;
  }

  /**
   * Adds a destination.
   *
   * @param behindFrom where it begins in the log, if not with what is routed from now on. It is paused then,
   * until `setOn` in another transaction: a router under way does not see a row that is not committed.
   */
  async add(
    session: EngineSession,
    row: DestinationRow,
    behindFrom: number | undefined,
  ): Promise<WebhookDestination> {
    const [added] = await session.query<WebhookDestination>(
      `INSERT INTO ${this.table} AS d (id, tenant_id, url, event_types, filter, format, signing, ordered, rate, max_in_flight, timeout_ms,
         header_names, metadata, status, behind_from, reason)
       VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7, $8, $9, $10, $11, $12, $13::jsonb, CASE WHEN $14::bigint IS NULL THEN 'active' ELSE 'paused' END, $14, $15)
       RETURNING ${COLUMNS}`,
      [...valuesOf(row), behindFrom ?? null, behindFrom === undefined ? null : NOT_BEGUN],
    );
    await this.subscribe(session, row);
    return added as WebhookDestination;
  }

  /** Changes what a destination is. Its state stays as it is. */
  async change(session: EngineSession, row: DestinationRow): Promise<WebhookDestination> {
    const [changed] = await session.query<WebhookDestination>(
      `UPDATE ${this.table} AS d SET url = $3, event_types = $4, filter = $5::jsonb, format = $6, signing = $7, ordered = $8, rate = $9,
         max_in_flight = $10, timeout_ms = $11, header_names = $12, metadata = $13::jsonb
       WHERE d.id = $1 AND d.tenant_id = $2 RETURNING ${COLUMNS}`,
      valuesOf(row),
    );
    await session.query(
      `DELETE FROM ${this.subscription} WHERE destination_id = $1 AND tenant_id = $2 AND event_type <> ALL ($3::text[])`,
      [row.id, row.tenantId, row.eventTypes],
    );
    await this.subscribe(session, row);
    return changed as WebhookDestination;
  }

  /** Nothing more is written down for it from now on. The router notes what it skips. */
  async setOff(
    session: EngineSession,
    { id, tenantId }: Owned,
    status: 'paused' | 'disabled',
    reason: string | null,
  ): Promise<WebhookDestination> {
    const [row] = await session.query<WebhookDestination>(
      `UPDATE ${this.table} AS d SET status = $3, reason = $4 WHERE d.id = $1 AND d.tenant_id = $2 RETURNING ${COLUMNS}`,
      [id, tenantId, status, reason],
    );
    return row as WebhookDestination;
  }

  /**
   * Sets it active. If it is behind, what was skipped is caught up with from now on.
   *
   * The transaction holds the row already, so routers that have skipped something are done, and those that
   * come see an active destination. This statement begins after the lock was given. So its snapshot has every
   * event that was skipped, and none of them is above the head that it reads. A destination with an order
   * catches up to the end of the log, wherever that is then (docs/decisions/0131).
   */
  async setOn(session: EngineSession, { id, tenantId }: Owned): Promise<WebhookDestination> {
    const [row] = await session.query<WebhookDestination>(
      `UPDATE ${this.table} AS d SET status = 'active', reason = NULL,
         catch_up_to = CASE WHEN d.behind_from IS NOT NULL AND d.ordered = 'none'
           THEN greatest(d.behind_from, (SELECT coalesce(max(position), 0) FROM ${this.log})) END
       WHERE d.id = $1 AND d.tenant_id = $2 RETURNING ${COLUMNS}`,
      [id, tenantId],
    );
    return row as WebhookDestination;
  }

  /** The position of the first event that was written at this time or later. */
  async positionAt(session: EngineSession, time: Date): Promise<number> {
    const [row] = await session.query<{ position: number }>(this.startSql, [time]);
    return row?.position ?? 1;
  }

  /** What waits for other deliveries waits no longer. It is called where the order has changed. */
  async releaseWaiting(session: EngineSession, { id, tenantId }: Owned): Promise<void> {
    await session.query(
      `UPDATE ${this.delivery} SET due_at = clock_timestamp()
       WHERE destination_id = $1 AND tenant_id = $2 AND status = 'pending' AND due_at = 'infinity'`,
      [id, tenantId],
    );
  }

  /**
   * Removes a destination. It waits for routers that have it in hand. Its deliveries are deleted in portions
   * later.
   */
  async remove(session: EngineSession, { id, tenantId }: Owned): Promise<void> {
    await session.query(`DELETE FROM ${this.table} WHERE id = $1 AND tenant_id = $2`, [id, tenantId]);
    await session.query(`DELETE FROM ${this.subscription} WHERE destination_id = $1 AND tenant_id = $2`, [
      id,
      tenantId,
    ]);
  }

  /** Active destinations that have no secret, so that nothing can be signed. */
  withoutSecret(limit: number): Promise<WebhookDestination[]> {
    return this.db.query<WebhookDestination>(
      `SELECT ${COLUMNS} FROM ${this.table} d
       WHERE d.status = 'active' AND NOT EXISTS (
         SELECT FROM ${this.secret} s WHERE s.tenant_id = d.tenant_id AND s.owner_type = '${OWNER_TYPE}' AND s.owner_id = d.id::text
           AND s.name = '${SIGNING}' AND ${VALID_SECRET})
       ORDER BY d.id LIMIT $1`,
      [limit],
    );
  }

  /** Destinations that were disabled by themselves. */
  disabled(limit: number): Promise<WebhookDestination[]> {
    return this.db.query<WebhookDestination>(
      `SELECT ${COLUMNS} FROM ${this.table} d WHERE d.status = 'disabled' ORDER BY d.id LIMIT $1`,
      [limit],
    );
  }

  /** Destinations that are behind the first event that the log has, with that position. */
  behindTheLog(limit: number): Promise<(WebhookDestination & { readonly first: number })[]> {
    return this.db.query<WebhookDestination & { first: number }>(
      `SELECT ${COLUMNS}, l.first FROM ${this.table} d
       CROSS JOIN (SELECT min(position) AS first FROM ${this.log}) l
       WHERE d.behind_from IS NOT NULL AND d.behind_from < l.first ORDER BY d.id LIMIT $1`,
      [limit],
    );
  }

  private async subscribe(
    session: EngineSession,
    { id, tenantId, eventTypes }: DestinationRow,
  ): Promise<void> {
    await session.query(
      `INSERT INTO ${this.subscription} (tenant_id, event_type, destination_id)
       SELECT $1, t.type, $2::uuid FROM unnest($3::text[]) AS t (type) ON CONFLICT DO NOTHING`,
      [tenantId, id, eventTypes],
    );
  }
}

function valuesOf(row: DestinationRow): unknown[] {
  return [
    row.id,
    row.tenantId,
    row.url,
    row.eventTypes,
    row.filter === null ? null : JSON.stringify(row.filter),
    row.format,
    row.signing,
    row.order,
    row.ratePerSecond,
    row.maxInFlight,
    row.timeoutMs,
    row.headers,
    JSON.stringify(row.metadata),
  ];
}
