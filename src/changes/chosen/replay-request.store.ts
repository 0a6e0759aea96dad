import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import { type Tables } from '../../database/sql/tables.js';
import { CursorRegistrationStore } from '../../inbox/cursor-registration.store.js';
import { waitLongerForLocks } from './inbox-admin.store.js';
import { namesOf, type OperationFilter, type StoredFilter } from './operation-filter.js';
import { isNamed } from './operation-filter.store.js';

/** Milliseconds that a writer's clock may be read before or after its position is drawn. */
const CLOCK_SLACK_MS = 5_000;

/** The positions at which a replay begins and ends. */
export interface ReplayBounds {
  readonly from: number;
  readonly to: number;
}

/** A replay that runs, or has ended, as its windows need it. It has the id of its operation. */
export interface ReplayRequest {
  readonly id: string;
  readonly consumerName: string;
  /** Empty means every name. */
  readonly eventNames: readonly string[];
  readonly aggregateType: string | null;
  readonly aggregateId: string | null;
  readonly since: Date | null;
  readonly until: Date | null;
  /** The next position to look at. Everything was sent when it is above `toPosition`. */
  readonly nextPosition: number;
  readonly toPosition: number;
  readonly requestedBy: string | null;
}

export const REPLAY_COLUMNS = `r.id, r.consumer_name AS "consumerName", r.event_names AS "eventNames", r.aggregate_type AS "aggregateType",
  r.aggregate_id AS "aggregateId", r.since, r.until, r.next_position AS "nextPosition", r.to_position AS "toPosition",
  r.requested_by AS "requestedBy"`;

/**
 * Replays that are operations. If the events that match went back into `unread`, it could have as many
 * pieces as there are events. So the request is kept, and the inbox carries it out, window by window
 * (ReplayWindowStore). Two kinds of events are left out, because they are delivered anyway: those that
 * were unread or unresolved when the replay was asked for, and those that are so now. The first kind is
 * kept with the request, by the partitions of that time.
 */
@Injectable()
export class ReplayRequestStore {
  private readonly tables: Tables;
  private readonly replay: string;
  private readonly times: CursorRegistrationStore;

  constructor(private readonly db: EngineDatabase) {
    this.times = new CursorRegistrationStore(db);
    this.tables = db.tables;
    this.replay = db.tables.inboxReplay;
  }

  /** Lets nobody save or claim the consumer until the transaction ends. */
  async lockConsumer(session: EngineSession, consumerName: string): Promise<void> {
    await waitLongerForLocks(session);
    await this.lockCursors(session, consumerName);
  }

  /**
   * Keeps a request while the consumer is locked. It has the id of its operation.
   */
  async insert(
    session: EngineSession,
    consumerName: string,
    filter: StoredFilter,
    { from, to }: ReplayBounds,
    actor: string,
    operationId: string,
  ): Promise<ReplayRequest | undefined> {
    const [row] = await session.query<ReplayRequest>(
      `WITH log AS (
         SELECT greatest($8::bigint, coalesce(min(position), 1)) AS first, least($9::bigint, coalesce(max(position), 0)) AS last
         FROM ${this.tables.outboxEvent}
       ), unresolved AS (
         SELECT i.partition, range_agg(int8range(i.position, i.position, '[]')) AS positions
         FROM ${this.tables.inboxEvent} i WHERE i.consumer_name = $1::text AND NOT ${isResolved('i')} GROUP BY 1
       ), pending AS (
         SELECT array_agg(((c.unread + coalesce(u.positions, '{}'))
           * int8multirange(int8range(log.first, greatest(log.first, log.last), '[]')))::text ORDER BY c.partition) AS positions
         FROM log CROSS JOIN ${this.tables.inboxCursor} c LEFT JOIN unresolved u ON u.partition = c.partition
         WHERE c.consumer_name = $1::text
       )
       INSERT INTO ${this.replay} AS r (id, consumer_name, event_names, aggregate_type, aggregate_id, since, until, requested_by,
         next_position, to_position, pending)
       SELECT coalesce($10::uuid, gen_random_uuid()), $1::text, $2::text[], $3::text, $4::text, $5::timestamptz, $6::timestamptz,
         left($7::text, 255), log.first, log.last, pending.positions
       FROM log, pending WHERE pending.positions IS NOT NULL
       RETURNING ${REPLAY_COLUMNS}`,
      [
        consumerName,
        namesOf(filter) ?? [],
        filter.aggregateType ?? null,
        filter.aggregateId ?? null,
        filter.since ?? null,
        filter.until ?? null,
        actor,
        from,
        to,
        operationId,
      ],
    );
    return row;
  }

  /** Sends nothing more of a request. It waits for the window that is under way. */
  async end(session: EngineSession, id: string): Promise<void> {
    await session.query(
      `UPDATE ${this.replay} SET finished_at = clock_timestamp() WHERE id = $1::uuid AND finished_at IS NULL`,
      [id],
    );
  }

  private async lockCursors(session: EngineSession, consumerName: string): Promise<void> {
    await session.query(
      `SELECT 1 FROM ${this.tables.inboxCursor} WHERE consumer_name = $1 ORDER BY partition FOR UPDATE`,
      [consumerName],
    );
  }

  /** The positions between which events of the filter can lie. The times of the rows decide in the end. */
  async boundsOf({
    from = 1,
    to = Number.MAX_SAFE_INTEGER,
    since,
    until,
  }: OperationFilter): Promise<ReplayBounds> {
    const positionAt = (time: Date, slackMs: number) =>
      this.times.positionAt(this.db, new Date(time.getTime() + slackMs));
    return {
      from: Math.max(from, since === undefined ? 1 : await positionAt(since, -CLOCK_SLACK_MS)),
      to: Math.min(to, until === undefined ? to : (await positionAt(until, CLOCK_SLACK_MS)) - 1),
    };
  }
}

/** SQL condition: nobody has paused the operation of the request. */
export const isNotPaused = (request: string, { integrationOperation }: Tables) =>
  `NOT EXISTS (SELECT FROM ${integrationOperation} held WHERE held.id = ${request}.id AND held.state = 'paused')`;

/** SQL condition: the row of the inbox is at rest, so the consumer is done with its event. */
export const isResolved = (alias: string) =>
  `(${alias}.status IN ('processed', 'skipped', 'dead_letter') OR (${alias}.status = 'failed' AND ${alias}.available_at IS NULL))`;

/**
 * The events `e` of the log that a replay takes, each with its cursor `c`. Parameters: $1 the consumer, $4
 * names, $5 and $6 the aggregate, $7 and $8 the times.
 */
export const matchedBy = (
  { outboxEvent, inboxCursor, integrationPartition }: Tables,
  first = '$2',
  last = '$3',
) => `
        FROM ${outboxEvent} e
        JOIN ${inboxCursor} c ON c.consumer_name = $1 AND (c.partitions = 1
          OR c.partition = ${integrationPartition}(e.aggregate_type, e.aggregate_id, c.partitions))
        WHERE e.position BETWEEN ${first} AND ${last}
          AND EXISTS (SELECT 1 FROM unnest(c.event_names) AS n (name) WHERE ${isNamed})
          AND ($4::text[] = '{}' OR EXISTS (SELECT 1 FROM unnest($4::text[]) AS n (name) WHERE ${isNamed}))
          AND ($5::text IS NULL OR e.aggregate_type = $5) AND ($6::text IS NULL OR e.aggregate_id = $6)
          AND ($7::timestamptz IS NULL OR e.created_at >= $7) AND ($8::timestamptz IS NULL OR e.created_at < $8)`;
