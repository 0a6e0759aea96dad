import type { OperationVerdict } from '../../../changes/operations/operation.js';
import type { EngineDatabase } from '../../../database/engine-database.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import { planInOrderOfIndex } from '../../../database/sql/plan-in-order-of-index.store.js';
import type { DeliveryPlace, WebhookAttempt, WebhookDelivery, WebhookDeliveryFilter } from './delivery.js';

const COLUMNS = `v.destination_id || '.' || v.position AS id, v.destination_id AS "destinationId", v.position,
  m.outbox_event_id AS "outboxEventId", m.event_name AS "eventName", m.type, m.event_at AS "eventAt", v.status, v.attempts,
  CASE WHEN v.status = 'pending' AND v.due_at < 'infinity' THEN v.due_at END AS "dueAt", v.last_status AS "lastStatus", v.last_error AS "lastError"`;

const MOST_ATTEMPTS = 100;
/** More deliveries of one status than this are not looked at for what an operation has come to. */
const MOST_JUDGED = 10_000;
const ENDS = ['delivered', 'dead', 'cancelled', 'pending'] as const;

/** What redrives take: deliveries that are dead or cancelled. */
export interface RedriveChoice {
  readonly tenantId: string;
  readonly destinationId: string;
}

/** Deliveries of tenants. Every statement names the tenant. */
export class WebhookDeliveryStore {
  private readonly delivery: string;
  private readonly message: string;
  private readonly attempt: string;
  private readonly destination: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'read' | 'tables'>) {
    const { webhookDelivery, webhookMessage, webhookAttempt, webhookDestination } = db.tables;
    this.delivery = webhookDelivery;
    this.message = webhookMessage;
    this.attempt = webhookAttempt;
    this.destination = webhookDestination;
  }

  async find(
    tenantId: string,
    { destinationId, position }: DeliveryPlace,
  ): Promise<(WebhookDelivery & { readonly data: string | null }) | undefined> {
    const [row] = await this.db.query<WebhookDelivery & { data: string | null }>(
      `SELECT ${COLUMNS}, m.data FROM ${this.delivery} v
       JOIN ${this.destination} d ON d.id = v.destination_id AND d.tenant_id = $1
       LEFT JOIN ${this.message} m ON m.position = v.position AND m.tenant_id = $1
       WHERE v.tenant_id = $1 AND v.destination_id = $2 AND v.position = $3`,
      [tenantId, destinationId, position],
    );
    return row;
  }

  /** The attempts of a delivery, the latest first. */
  attempts(tenantId: string, { destinationId, position }: DeliveryPlace): Promise<WebhookAttempt[]> {
    return this.db.query<WebhookAttempt>(
      `SELECT a.attempt, a.at, a.duration_ms AS "durationMs", a.status_code AS "statusCode", a.error, a.answer
       FROM ${this.attempt} a JOIN ${this.destination} d ON d.id = a.destination_id AND d.tenant_id = $1
       WHERE a.destination_id = $2 AND a.position = $3 ORDER BY a.attempt DESC LIMIT ${MOST_ATTEMPTS}`,
      [tenantId, destinationId, position],
    );
  }

  /**
   * The latest deliveries before a place. Each destination of the tenant gives at most a page of its own,
   * by its own index. The messages are looked up one by one for what is on the page.
   */
  page(
    tenantId: string,
    { destinationId, status, type }: WebhookDeliveryFilter,
    before: DeliveryPlace | undefined,
    limit: number,
  ): Promise<WebhookDelivery[]> {
    // A status that stands in the text lets the planner take the index of what is not delivered.
    const hasStatus = status === undefined ? '' : `AND v.status = '${status}'`;
    // Some destinations have a thousand times the average, for which the planner would put all in order.
    return this.db.read(async (session) => {
      await planInOrderOfIndex(session);
      return session.query<WebhookDelivery>(
        `SELECT ${COLUMNS} FROM (
         SELECT p.* FROM ${this.destination} d CROSS JOIN LATERAL (
           SELECT v.* FROM ${this.delivery} v
           WHERE v.destination_id = d.id ${hasStatus} AND ($3::text IS NULL OR EXISTS (
               SELECT FROM ${this.message} m WHERE m.position = v.position AND m.tenant_id = $1 AND m.type = $3 OFFSET 0))
             AND ($4::bigint IS NULL OR v.position <= $4) AND ($4::bigint IS NULL OR (v.position, v.destination_id) < ($4, $5::uuid))
           ORDER BY v.position DESC LIMIT $6) AS p
         WHERE d.tenant_id = $1 AND p.tenant_id = d.tenant_id AND ($2::uuid IS NULL OR d.id = $2)
         ORDER BY p.position DESC, p.destination_id DESC LIMIT $6) AS v
       LEFT JOIN LATERAL (SELECT * FROM ${this.message} WHERE position = v.position AND tenant_id = $1 OFFSET 0) AS m ON true
       ORDER BY v.position DESC, v.destination_id DESC`,
        [
          tenantId,
          destinationId ?? null,
          type ?? null,
          before?.position ?? null,
          before?.destinationId ?? null,
          limit,
        ],
      );
    });
  }

  /** Locks a delivery until the end of the transaction. */
  async lock(
    session: EngineSession,
    tenantId: string,
    { destinationId, position }: DeliveryPlace,
  ): Promise<(Pick<WebhookDelivery, 'status' | 'attempts'> & { readonly hasBody: boolean }) | undefined> {
    const [row] = await session.query<Pick<WebhookDelivery, 'status' | 'attempts'> & { hasBody: boolean }>(
      `SELECT v.status, v.attempts, EXISTS (SELECT FROM ${this.message} m WHERE m.position = v.position AND m.tenant_id = $1) AS "hasBody"
       FROM ${this.delivery} v WHERE v.tenant_id = $1 AND v.destination_id = $2 AND v.position = $3 FOR NO KEY UPDATE`,
      [tenantId, destinationId, position],
    );
    return row;
  }

  /**
   * Sends deliveries again that have ended. The numbers of their attempts go on, and the schedule of retries
   * begins anew. Their order is not promised. The target is locked. Returns how many they were.
   *
   * @param operationId the operation that sends them; null if somebody sends one of them by itself
   */
  async redrive(
    session: EngineSession,
    { tenantId, destinationId }: RedriveChoice,
    positions: readonly number[],
    operationId: string | null,
  ): Promise<number> {
    const rows = await session.query(
      `UPDATE ${this.delivery} v SET status = 'pending', tries_from = v.attempts, due_at = clock_timestamp(), operation_id = $4::uuid
       WHERE v.tenant_id = $1 AND v.destination_id = $2 AND v.position = ANY ($3::bigint[]) AND v.status <> 'pending'
         AND EXISTS (SELECT FROM ${this.message} m WHERE m.position = v.position AND m.tenant_id = $1)
       RETURNING 1`,
      [tenantId, destinationId, positions, operationId],
    );
    return rows.length;
  }

  /**
   * What became of the deliveries that an operation has sent and nobody has sent since. Each status is
   * counted by itself, from the index. A delivery that is dead has failed its whole schedule of retries.
   */
  async verdict({ tenantId }: RedriveChoice, operationId: string): Promise<OperationVerdict> {
    const rows = await this.db.query<{ status: string; count: number }>(
      `SELECT wanted.status, looked.count
         FROM unnest($3::text[]) AS wanted (status) CROSS JOIN LATERAL (
           SELECT count(*) FROM (
             SELECT FROM ${this.delivery} v
             WHERE v.operation_id = $2::uuid AND v.status = wanted.status AND v.tenant_id = $1 LIMIT ${MOST_JUDGED}
           ) AS judged
         ) AS looked`,
      [tenantId, operationId, ENDS],
    );
    const of = (wanted: (typeof ENDS)[number]) => rows.find(({ status }) => status === wanted)?.count ?? 0;
    return {
      succeeded: of('delivered'),
      failedTheSameWay: 0,
      failedOtherwise: of('dead') + of('cancelled'),
      pending: of('pending'),
      isPartial: rows.some(({ count }) => count >= MOST_JUDGED),
    };
  }

  /** How many deliveries of a destination are dead, with a body or without one. */
  async countDead({ tenantId, destinationId }: RedriveChoice, limit: number): Promise<number> {
    const [row] = await this.db.query<{ count: number }>(
      `SELECT count(*) FROM (
         SELECT FROM ${this.delivery} v WHERE v.tenant_id = $1 AND v.destination_id = $2 AND v.status = 'dead' LIMIT $3) AS dead`,
      [tenantId, destinationId, limit],
    );
    return row?.count ?? 0;
  }

  /** The next dead deliveries behind a position, in the order of positions. */
  async dead(
    session: EngineSession,
    { tenantId, destinationId }: RedriveChoice,
    after: number,
    limit: number,
  ): Promise<number[]> {
    const rows = await session.query<{ position: number }>(
      `SELECT v.position FROM ${this.delivery} v
       WHERE v.tenant_id = $1 AND v.destination_id = $2 AND v.status = 'dead' AND v.position > $3
       ORDER BY v.position LIMIT $4`,
      [tenantId, destinationId, after, limit],
    );
    return rows.map(({ position }) => position);
  }
}
