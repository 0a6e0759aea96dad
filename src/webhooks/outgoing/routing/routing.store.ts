import type { EngineDatabase } from '../../../database/engine-database.js';
import type { EngineSession } from '../../../database/sql/engine-session.js';
import { OutgoingTargetStore } from '../../../lanes/outgoing-target.store.js';
import type { DestinationOrder, DestinationStatus } from '../destinations/destination.js';

/** A destination that asks for something of a batch. */
export interface Candidate {
  readonly id: string;
  readonly tenantId: string;
  readonly eventTypes: readonly string[];
  readonly status: DestinationStatus;
  readonly order: DestinationOrder;
  readonly isBehind: boolean;
  readonly isFiltering: boolean;
}

/** An event as it is sent. */
export interface Message {
  readonly position: number;
  readonly tenantId: string;
  readonly outboxEventId: string;
  readonly eventName: string;
  readonly type: string;
  readonly data: string;
  readonly eventAt: Date;
  /** A number of 64 bits, as text. */
  readonly entity: string;
}

/** An event and a destination that is to get it. */
export interface Pair {
  readonly destinationId: string;
  readonly message: Message;
}

/** Where a destination that is off is behind from now on, if it was not behind that already. */
export interface Skip {
  readonly destinationId: string;
  readonly tenantId: string;
  readonly position: number;
}

export const CANDIDATE = `d.id, d.tenant_id AS "tenantId", d.event_types AS "eventTypes", d.status, d.ordered AS "order",
  d.behind_from IS NOT NULL AS "isBehind", d.filter IS NOT NULL AS "isFiltering"`;

/**
 * Whether the router writes rows for a destination. One that is off gets none. One with an order gets none
 * until it has caught up, because a new event of an entity must not be sent before older ones
 * (docs/decisions/0131).
 */
export function isRouted({ status, order, isBehind }: Candidate): boolean {
  return status === 'active' && (order === 'none' || !isBehind);
}

/*
 * The router and whoever sets a destination off or on.
 *
 *   1. The candidates are read without a lock. Of those that are not routed, the rows are locked as an UPDATE
 *      locks them, in the order of ids, and are read again. So a router that skips a destination, and whoever
 *      sets it on, come one after the other: what was skipped is in behind_from when it is set on, or the
 *      router sees that it is on, and writes the rows.
 *   2. The others are locked for their key alone. That keeps them from being removed, and holds up nobody who
 *      pauses, resumes or catches up. A destination that is paused after it was read gets rows that wait.
 *      That loses nothing, because a row is never skipped.
 *   3. A destination that is created after the candidates were read is missed. It was not committed when the
 *      batch was read, so no event of the batch was published after its creation was answered.
 */

/** What the router and the catching up write. All of it is in the transaction of the caller. */
export class RoutingStore {
  private readonly destination: string;
  private readonly subscription: string;
  private readonly message: string;
  private readonly delivery: string;
  private readonly contract: string;
  private readonly targets: OutgoingTargetStore;

  constructor(db: Pick<EngineDatabase, 'tables'>) {
    const { tables } = db;
    this.destination = tables.webhookDestination;
    this.subscription = tables.webhookSubscription;
    this.message = tables.webhookMessage;
    this.delivery = tables.webhookDelivery;
    this.contract = tables.eventContract;
    this.targets = new OutgoingTargetStore(db);
  }

  /** The destinations that ask for one of these names in the tenant beside it. */
  candidates(
    session: EngineSession,
    tenantIds: readonly string[],
    names: readonly string[],
  ): Promise<Candidate[]> {
    return session.query<Candidate>(
      `SELECT ${CANDIDATE} FROM ${this.destination} d WHERE (d.tenant_id, d.id) IN (
         SELECT s.tenant_id, s.destination_id FROM unnest($1::text[], $2::text[]) AS asked (tenant_id, name)
         JOIN ${this.subscription} s ON s.tenant_id = asked.tenant_id AND s.event_type = asked.name)
       ORDER BY d.id`,
      [tenantIds, names],
    );
  }

  /** Locks destinations that are not routed, and reads them again. */
  lockOff(session: EngineSession, candidates: readonly Candidate[]): Promise<Candidate[]> {
    return this.lock(session, candidates, 'NO KEY UPDATE');
  }

  /** Keeps destinations from being removed, and leaves out those that are gone. */
  lockOn(session: EngineSession, candidates: readonly Candidate[]): Promise<Candidate[]> {
    return this.lock(session, candidates, 'KEY SHARE');
  }

  /** Notes what was skipped. The rows are locked. */
  async skip(session: EngineSession, skips: readonly Skip[]): Promise<void> {
    if (skips.length === 0) return;
    await session.query(
      `UPDATE ${this.destination} d SET behind_from = s.position
       FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS s (id, tenant_id, position)
       WHERE d.id = s.id AND d.tenant_id = s.tenant_id AND (d.behind_from IS NULL OR d.behind_from > s.position)`,
      [
        skips.map(({ destinationId }) => destinationId),
        skips.map(({ tenantId }) => tenantId),
        skips.map(({ position }) => position),
      ],
    );
  }

  /** Of these pairs, those whose body contains the filter of the destination. */
  async passing(session: EngineSession, pairs: readonly Pair[]): Promise<Pair[]> {
    if (pairs.length === 0) return [];
    const messages = messagesOf(pairs);
    const places = new Map(messages.map(({ position }, i) => [position, i + 1]));
    const rows = await session.query<{ n: number }>(
      `SELECT p.n FROM unnest($1::uuid[], $2::int[]) WITH ORDINALITY AS p (destination_id, place, n)
       JOIN unnest($3::text[], $4::text[]) WITH ORDINALITY AS m (tenant_id, data, place) ON m.place = p.place
       JOIN ${this.destination} d ON d.id = p.destination_id AND d.tenant_id = m.tenant_id
       WHERE d.filter IS NULL OR m.data::jsonb @> d.filter`,
      [
        pairs.map(({ destinationId }) => destinationId),
        pairs.map(({ message }) => places.get(message.position)),
        messages.map(({ tenantId }) => tenantId),
        messages.map(({ data }) => data),
      ],
    );
    return rows.map(({ n }) => pairs[n - 1] as Pair);
  }

  /**
   * Writes messages and deliveries, and makes the destinations ready. What is there already stays as it is.
   * It returns how many deliveries are new.
   *
   * The targets are locked first. So nobody ends a delivery while it is decided here which ones wait for it,
   * and the statement that decides begins after the locks were given. Every writer takes the locks in the
   * order of ids: first those of destinations, and then those of targets.
   *
   * Of a destination with an order, a delivery waits (due_at is infinity) while one before it is pending.
   * Whoever ends that one gives the lowest of those that wait its time. What is there already is left out
   * before: it may have ended, and nobody would end it again for those behind it. A router that goes on for
   * one that has died is given events of which some have deliveries, together with later ones that have none.
   * They are found by a sub-select with one value, because for NOT EXISTS the planner reads the whole table.
   *
   * @param operationId the operation that sends them, if one does
   */
  async write(session: EngineSession, pairs: readonly Pair[], operationId?: string): Promise<number> {
    if (pairs.length === 0) return 0;
    await this.targets.makeReady(session, 'webhook', [
      ...new Set(pairs.map(({ destinationId }) => destinationId)),
    ]);
    await this.keepMessages(session, pairs);
    const rows = await session.query(
      `INSERT INTO ${this.delivery} AS v (destination_id, position, tenant_id, entity, operation_id, due_at)
       SELECT d.id, p.position, d.tenant_id, p.entity, $5::uuid,
         CASE WHEN d.ordered = 'none' THEN clock_timestamp()
              WHEN row_number() OVER (PARTITION BY d.id, CASE WHEN d.ordered = 'entity' THEN p.entity END ORDER BY p.position) > 1
                OR CASE d.ordered
                     WHEN 'entity' THEN EXISTS (SELECT FROM ${this.delivery} o WHERE o.destination_id = d.id
                       AND o.entity = p.entity AND o.status = 'pending' AND o.position < p.position)
                     ELSE EXISTS (SELECT FROM ${this.delivery} o WHERE o.destination_id = d.id
                       AND o.status = 'pending' AND o.position < p.position)
                   END
              THEN 'infinity' ELSE clock_timestamp() END
       FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[]) AS p (destination_id, tenant_id, position, entity)
       JOIN ${this.destination} d ON d.id = p.destination_id AND d.tenant_id = p.tenant_id
       WHERE (SELECT o.position FROM ${this.delivery} o WHERE o.destination_id = d.id AND o.position = p.position) IS NULL
       ON CONFLICT (destination_id, position) DO NOTHING RETURNING 1`,
      [
        pairs.map(({ destinationId }) => destinationId),
        pairs.map(({ message }) => message.tenantId),
        pairs.map(({ message }) => message.position),
        pairs.map(({ message }) => message.entity),
        operationId ?? null,
      ],
    );
    return rows.length;
  }

  /**
   * Writes the messages that are not there, and keeps all of them until the transaction ends: retention
   * passes over those that somebody holds. One that it takes away at this moment is written anew.
   */
  async keepMessages(session: EngineSession, pairs: readonly Pair[]): Promise<void> {
    let left = messagesOf(pairs);
    while (left.length > 0) {
      const written = new Set(await this.addMessages(session, left));
      const there = left.filter(({ position }) => !written.has(position));
      const held = new Set(await this.holdMessages(session, there));
      left = there.filter(({ position }) => !held.has(position));
    }
  }

  /** Returns the positions of those that were not there. */
  private async addMessages(session: EngineSession, messages: readonly Message[]): Promise<number[]> {
    const rows = await session.query<{ position: number }>(
      `INSERT INTO ${this.message} (position, tenant_id, outbox_event_id, event_name, type, data, event_at)
       SELECT * FROM unnest($1::bigint[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
       ON CONFLICT (position) DO NOTHING RETURNING position`,
      [
        messages.map(({ position }) => position),
        messages.map(({ tenantId }) => tenantId),
        messages.map(({ outboxEventId }) => outboxEventId),
        messages.map(({ eventName }) => eventName),
        messages.map(({ type }) => type),
        messages.map(({ data }) => data),
        messages.map(({ eventAt }) => eventAt),
      ],
    );
    return rows.map(({ position }) => position);
  }

  /**
   * Keeps messages from being deleted, and returns the positions of those that are still there. The tenant is
   * not compared. Another release may have written the message for another tenant, and it is there all the
   * same.
   */
  private async holdMessages(session: EngineSession, messages: readonly Message[]): Promise<number[]> {
    if (messages.length === 0) return [];
    const rows = await session.query<{ position: number }>(
      `SELECT position FROM ${this.message} WHERE position = ANY ($1::bigint[]) ORDER BY position FOR KEY SHARE`,
      [messages.map(({ position }) => position)],
    );
    return rows.map(({ position }) => position);
  }

  /**
   * Of these names of events, those that are public by the newest contract that any process has registered.
   */
  async publicNames(session: EngineSession, names: readonly string[]): Promise<string[]> {
    const rows = await session.query<{ name: string }>(
      `SELECT n.name FROM unnest($1::text[]) AS n (name)
       CROSS JOIN LATERAL (SELECT visibility, retired_at FROM ${this.contract} c WHERE c.event_name = n.name ORDER BY version DESC LIMIT 1) c
       WHERE c.visibility = 'public' AND c.retired_at IS NULL`,
      [names],
    );
    return rows.map(({ name }) => name);
  }

  private async lock(
    session: EngineSession,
    candidates: readonly Candidate[],
    strength: 'NO KEY UPDATE' | 'KEY SHARE',
  ): Promise<Candidate[]> {
    if (candidates.length === 0) return [];
    return session.query<Candidate>(
      `SELECT ${CANDIDATE} FROM ${this.destination} d
       JOIN unnest($1::uuid[], $2::text[]) AS c (id, tenant_id) ON c.id = d.id AND c.tenant_id = d.tenant_id
       ORDER BY d.id FOR ${strength} OF d`,
      [candidates.map(({ id }) => id), candidates.map(({ tenantId }) => tenantId)],
    );
  }
}

/** Each message of the pairs once, by position. */
function messagesOf(pairs: readonly Pair[]): Message[] {
  const byPosition = new Map(pairs.map(({ message }) => [message.position, message]));
  return [...byPosition.values()].sort((a, b) => a.position - b.position);
}
