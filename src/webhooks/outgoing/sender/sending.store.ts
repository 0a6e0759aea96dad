import type { EngineDatabase } from '../../../database/engine-database.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import type { LaneItem, TargetLimits } from '../../../lanes/lane-work.js';
import type { DestinationOrder } from '../destinations/destination.js';
import type { DestinationFormat } from '../sending/webhook-body.js';

/** A delivery that is due, with what is sent and where. */
export interface DueDelivery extends LaneItem {
  readonly position: number;
  readonly tenantId: string;
  /** How many attempts it has had. */
  readonly attempts: number;
  /** Of these, those before its schedule of retries began. */
  readonly triesFrom: number;
  /** Null, as the next three are, if there is no message of its tenant. */
  readonly eventId: string | null;
  readonly type: string | null;
  readonly eventAt: Date | null;
  readonly data: string | null;
  readonly url: string;
  readonly format: DestinationFormat;
  readonly timeoutMs: number | null;
  readonly headers: readonly string[];
}

/** A delivery whose message is there. */
export type SendableDelivery = DueDelivery & {
  readonly [Part in 'eventId' | 'type' | 'eventAt' | 'data']: NonNullable<DueDelivery[Part]>;
};

export function hasMessage(delivery: DueDelivery): delivery is SendableDelivery {
  return delivery.data !== null;
}

/** What is saved of an attempt. */
export interface SavedAttempt {
  readonly destinationId: string;
  readonly position: number;
  /** How many attempts the delivery had before. */
  readonly before: number;
  readonly status: 'pending' | 'delivered' | 'dead';
  /** Milliseconds until the next attempt. Null if there is none, or if it is due as it was. */
  readonly afterMs: number | null;
  /** Whether it counts for the schedule of retries. Its number goes on in any case. */
  readonly counts: boolean;
  readonly at: Date;
  readonly durationMs: number;
  readonly statusCode: number | null;
  readonly error: string | null;
  readonly answer: string | null;
}

/** A destination, as far as a save has to know it. */
export interface SentDestination {
  readonly id: string;
  readonly tenantId: string;
  readonly url: string;
  readonly order: DestinationOrder;
}

/*
 * The order of a destination. What waits behind a pending delivery has the time infinity in due_at, so a look
 * never reads it, however much waits. Who decides this holds the lock of the target:
 *
 *   - Who inserts (RoutingStore.write) gives infinity to what has a pending delivery of its entity (or, where
 *     the order is strict, of its destination) before it.
 *   - Who ends a delivery (`releaseNext`) looks at the first pending one of the same entity. If that waits,
 *     it gets its time. If it does not wait, it is on its way already, and its own end releases the next.
 *
 * So whenever something pending of an entity waits, the first pending one of the entity does not: it was
 * inserted with a time, or was released by the end of the one before it. Nothing waits for ever, because each
 * delivery that has a time ends. Dead ones count as ended.
 */

/** What the sender reads and writes. All writes are in the transaction of a save, which holds the targets. */
export class SendingStore {
  private readonly destination: string;
  private readonly message: string;
  private readonly delivery: string;
  private readonly attempt: string;

  constructor(private readonly db: EngineDatabase) {
    const { webhookDestination, webhookMessage, webhookDelivery, webhookAttempt } = db.tables;
    this.destination = webhookDestination;
    this.message = webhookMessage;
    this.delivery = webhookDelivery;
    this.attempt = webhookAttempt;
  }

  /**
   * Of each of these destinations, at most so many deliveries that are due, those that wait longest first. It
   * reads the index of what is due, and so nothing that waits for a time or for another delivery. The tenant
   * is compared outside: inside, the planner would expect few rows, and put all that is due in order.
   * OFFSET 0 keeps the messages last: the planner would otherwise pair each destination with each message of
   * its tenant, and look for the deliveries of each pair. One without a message is due as well: `nextDue`
   * counts it, so its target would be ready for ever and have nothing to begin.
   */
  due(wanted: ReadonlyMap<string, number>): Promise<DueDelivery[]> {
    return this.db.query<DueDelivery>(
      `SELECT v.target, v.position::text AS key, v.position, v.tenant_id AS "tenantId", v.attempts, v.tries_from AS "triesFrom",
         m.outbox_event_id AS "eventId", m.type, m.event_at AS "eventAt", m.data, v.url, v.format, v.timeout_ms AS "timeoutMs", v.header_names AS headers
       FROM (
         SELECT d.id AS target, d.tenant_id, d.url, d.format, d.timeout_ms, d.header_names, r.position, r.attempts, r.tries_from, r.due_at
         FROM unnest($1::uuid[], $2::int[]) AS w (id, most)
         JOIN ${this.destination} d ON d.id = w.id AND d.status = 'active'
         CROSS JOIN LATERAL (
           SELECT position, tenant_id, attempts, tries_from, due_at FROM ${this.delivery}
           WHERE destination_id = d.id AND status = 'pending' AND due_at <= now()
           ORDER BY due_at, position LIMIT w.most) AS r
         WHERE r.tenant_id = d.tenant_id OFFSET 0) AS v
       LEFT JOIN LATERAL (
         SELECT outbox_event_id, type, event_at, data FROM ${this.message}
         WHERE position = v.position AND tenant_id = v.tenant_id OFFSET 0) AS m ON true
       ORDER BY v.due_at, v.position`,
      [[...wanted.keys()], [...wanted.values()]],
    );
  }

  async limitsOf(ids: readonly string[]): Promise<ReadonlyMap<string, TargetLimits>> {
    const rows = await this.db.query<{ id: string; maxInFlight: number | null; rate: number | null }>(
      `SELECT id, max_in_flight AS "maxInFlight", rate FROM ${this.destination} WHERE id = ANY ($1::uuid[])`,
      [ids],
    );
    return new Map(
      rows.map(({ id, maxInFlight, rate }) => [
        id,
        { maxInFlight: maxInFlight ?? undefined, ratePerSecond: rate ?? undefined },
      ]),
    );
  }

  async destinations(session: EngineSession, ids: readonly string[]): Promise<Map<string, SentDestination>> {
    const rows = await session.query<SentDestination>(
      `SELECT id, tenant_id AS "tenantId", url, ordered AS "order" FROM ${this.destination} WHERE id = ANY ($1::uuid[])`,
      [ids],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }

  /**
   * Saves attempts, one of each delivery. A delivery that has had another attempt since, or that somebody has
   * ended, stays as it is. So an attempt that comes a second time, because the answer to its COMMIT was lost,
   * changes nothing. Returns the places of those that were not saved in the list.
   */
  async saveAttempts(session: EngineSession, attempts: readonly SavedAttempt[]): Promise<Set<number>> {
    const rows = await session.query<{ n: number }>(
      `WITH given AS (
         SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::float8[], $5::boolean[], $6::timestamptz[], $7::int[], $8::int[], $9::text[], $10::text[], $11::int[])
           WITH ORDINALITY AS g (destination_id, position, status, after_ms, counts, at, duration_ms, status_code, error, answer, before, n)
       ), saved AS (
         UPDATE ${this.delivery} v SET status = g.status, attempts = v.attempts + 1,
           tries_from = v.tries_from + CASE WHEN g.counts THEN 0 ELSE 1 END,
           due_at = coalesce(clock_timestamp() + g.after_ms * interval '1 millisecond', v.due_at),
           last_status = g.status_code, last_error = g.error
         FROM given g WHERE v.destination_id = g.destination_id AND v.position = g.position AND v.status = 'pending' AND v.attempts = g.before
         RETURNING v.destination_id, v.position, v.attempts, g.n
       ), noted AS (
       INSERT INTO ${this.attempt} (destination_id, position, attempt, at, duration_ms, status_code, error, answer)
       SELECT s.destination_id, s.position, s.attempts, g.at, g.duration_ms, g.status_code, g.error, g.answer
       FROM saved s JOIN given g USING (n)
       )
       SELECT g.n FROM given g WHERE NOT EXISTS (SELECT FROM saved s WHERE s.n = g.n)`,
      [
        attempts.map(({ destinationId }) => destinationId),
        attempts.map(({ position }) => position),
        attempts.map(({ status }) => status),
        attempts.map(({ afterMs }) => afterMs),
        attempts.map(({ counts }) => counts),
        attempts.map(({ at }) => at),
        attempts.map(({ durationMs }) => durationMs),
        attempts.map(({ statusCode }) => statusCode),
        attempts.map(({ error }) => error),
        attempts.map(({ answer }) => answer),
        attempts.map(({ before }) => before),
      ],
    );
    return new Set(rows.map(({ n }) => n - 1));
  }

  /** Gives what waits behind these deliveries its time, now that they have ended. */
  async releaseNext(
    session: EngineSession,
    order: Exclude<DestinationOrder, 'none'>,
    ended: readonly Pick<SavedAttempt, 'destinationId' | 'position'>[],
  ): Promise<void> {
    const ofEntity = order === 'entity' ? 'AND p.entity = e.entity' : '';
    await session.query(
      `UPDATE ${this.delivery} v SET due_at = clock_timestamp()
       FROM (
         SELECT DISTINCT own.destination_id${order === 'entity' ? ', own.entity' : ''}
         FROM unnest($1::uuid[], $2::bigint[]) AS g (destination_id, position)
         JOIN ${this.delivery} own ON own.destination_id = g.destination_id AND own.position = g.position
       ) AS e
       CROSS JOIN LATERAL (
         SELECT p.position FROM ${this.delivery} p
         WHERE p.destination_id = e.destination_id AND p.status = 'pending' ${ofEntity} ORDER BY p.position LIMIT 1) AS first
       WHERE v.destination_id = e.destination_id AND v.position = first.position AND v.status = 'pending' AND v.due_at = 'infinity'`,
      [ended.map(({ destinationId }) => destinationId), ended.map(({ position }) => position)],
    );
  }

  /** When the next delivery of each is due. What waits for another delivery is not. */
  async nextDue(session: EngineSession, ids: readonly string[]): Promise<ReadonlyMap<string, Date | null>> {
    const rows = await session.query<{ id: string; at: Date | null }>(
      `SELECT w.id, (SELECT due_at FROM ${this.delivery} WHERE destination_id = w.id AND status = 'pending' AND due_at < 'infinity'
         ORDER BY due_at LIMIT 1) AS at
       FROM unnest($1::uuid[]) AS w (id)`,
      [ids],
    );
    return new Map(rows.map(({ id, at }) => [id, at]));
  }

  /** Disables a destination that is active and still sends to this URL. Returns whether it was. */
  async disable(
    session: EngineSession,
    { id, tenantId, url }: Omit<SentDestination, 'order'>,
    reason: string,
  ): Promise<boolean> {
    const rows = await session.query(
      `UPDATE ${this.destination} SET status = 'disabled', reason = $4
       WHERE id = $1 AND tenant_id = $2 AND url = $3 AND status = 'active' RETURNING 1`,
      [id, tenantId, url, reason],
    );
    return rows.length > 0;
  }
}
