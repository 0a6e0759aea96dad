import { Injectable } from '@nestjs/common';
import { AuditStore } from '../audit/audit.store.js';
import type { Author } from '../audit/change-author.js';
import { EngineDatabase, type EngineSession } from '../database/engine-database.js';
import type { CommandTarget } from '../database/sql/pasteable-text.js';
import { planForTheseValues } from '../database/sql/plan-for-values.store.js';
import { type Tables } from '../database/sql/tables.js';
import { CursorRegistrationStore } from '../inbox/cursor-registration.store.js';
import { consumerTarget } from './audit-targets.js';
import { waitLongerForLocks } from './inbox-admin.store.js';
import type { ReplayFilter, ReplayRequest } from './replay.js';

/** Number of events that one window sends. */
const SENT_AT_ONCE = 500;
/** The largest number of positions that one window looks at, because it may find few events that match. */
const LOOKED_AT_ONCE = 5_000;
/** While this many rows of the consumer are due, no more are added. */
const DUE_AT_MOST = 1_000;
/** Milliseconds that a writer's clock may be read before or after its position is drawn. */
const CLOCK_SLACK_MS = 5_000;

/** The result of one window. `waiting` means that enough rows are due already. */
export type WindowResult =
  | { readonly state: 'none' | 'waiting' }
  | { readonly state: 'sent'; readonly sent: number };

const COLUMNS = `id, consumer_name AS "consumerName", event_names AS "eventNames", aggregate_type AS "aggregateType",
  aggregate_id AS "aggregateId", since, until, next_position AS "nextPosition", to_position AS "toPosition", sent,
  requested_by AS "requestedBy", created_at AS "createdAt", finished_at AS "finishedAt"`;

/**
 * Filtered replays. If the events that match went back into `unread`, it could have as many pieces as there
 * are events. So the request is kept, and the inbox carries it out. Each window writes rows that are due now,
 * and notes how far it has come. It does both in one transaction that holds the consumer's cursors. So two
 * workers take turns, a crash repeats nothing, and the number of partitions cannot change in between. Two
 * kinds of events are left out, because they are delivered anyway: those that were unread or unresolved when
 * the replay was asked for, and those that are so now. The first kind is kept with the request, by the
 * partitions of that time.
 */
@Injectable()
export class ReplayRequestStore {
  private readonly tables: Tables;
  private readonly replay: string;
  private readonly times: CursorRegistrationStore;
  private readonly audit: AuditStore;

  readonly engine: string;
  /** Whose consumers these are, for messages that name a command. */
  readonly target: CommandTarget;

  constructor(private readonly db: EngineDatabase) {
    this.engine = db.engine;
    this.target = db;
    this.times = new CursorRegistrationStore(db);
    this.tables = db.tables;
    this.audit = new AuditStore(db);
    this.replay = db.tables.inboxReplay;
  }

  /**
   * Keeps a request. It reaches at most to the present end of the log. Undefined means that there is no such
   * consumer.
   */
  async request(
    consumerName: string,
    filter: ReplayFilter,
    author: Author,
  ): Promise<ReplayRequest | undefined> {
    const { from, to } = await this.boundsOf(filter);
    return this.db.transaction(async (session) => {
      await waitLongerForLocks(session);
      await this.lockCursors(session, consumerName);
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
       INSERT INTO ${this.replay} (consumer_name, event_names, aggregate_type, aggregate_id, since, until, requested_by,
         next_position, to_position, pending)
       SELECT $1::text, $2::text[], $3::text, $4::text, $5::timestamptz, $6::timestamptz, left($7::text, 255), log.first, log.last, pending.positions
       FROM log, pending WHERE pending.positions IS NOT NULL
       RETURNING ${COLUMNS}`,
        [
          consumerName,
          filter.eventNames ?? [],
          filter.aggregateType ?? null,
          filter.aggregateId ?? null,
          filter.since ?? null,
          filter.until ?? null,
          author.actor,
          from,
          to,
        ],
      );
      if (row !== undefined)
        await this.audit.add(session, author, {
          action: 'consumers.replay',
          target: consumerTarget(consumerName),
          after: { ...filter, request: row.id, from: row.nextPosition, to: row.toPosition },
        });
      return row;
    });
  }

  private async lockCursors(session: EngineSession, consumerName: string): Promise<void> {
    await session.query(
      `SELECT 1 FROM ${this.tables.inboxCursor} WHERE consumer_name = $1 ORDER BY partition FOR UPDATE`,
      [consumerName],
    );
  }

  /** The positions between which events of the filter can lie. The times of the rows decide in the end. */
  private async boundsOf({ from = 1, to = Number.MAX_SAFE_INTEGER, since, until }: ReplayFilter) {
    const positionAt = (time: Date, slackMs: number) =>
      this.times.positionAt(this.db, new Date(time.getTime() + slackMs));
    return {
      from: Math.max(from, since === undefined ? 1 : await positionAt(since, -CLOCK_SLACK_MS)),
      to: Math.min(to, until === undefined ? to : (await positionAt(until, CLOCK_SLACK_MS)) - 1),
    };
  }

  /**
   * Returns the requests of one consumer, or of all, the newest first. It returns `limit` of them, and in
   * addition all unfinished ones of any age.
   */
  async listRequests(consumerName: string | undefined, limit: number): Promise<ReplayRequest[]> {
    return this.db.query<ReplayRequest>(
      `SELECT ${COLUMNS} FROM ${this.replay}
       WHERE ($1::text IS NULL OR consumer_name = $1) AND (finished_at IS NULL OR id IN (
         SELECT id FROM ${this.replay} WHERE $1::text IS NULL OR consumer_name = $1 ORDER BY created_at DESC, id LIMIT $2))
       ORDER BY created_at DESC, id`,
      [consumerName ?? null, limit],
    );
  }

  /** Returns which of these consumers have an unfinished request. */
  async openRequests(consumerNames: readonly string[]): Promise<string[]> {
    const rows = await this.db.query<{ name: string }>(
      `SELECT DISTINCT consumer_name AS name FROM ${this.replay} WHERE finished_at IS NULL AND consumer_name = ANY ($1)`,
      [consumerNames],
    );
    return rows.map((row) => row.name);
  }

  /** Sends one window of the consumer's oldest open request. */
  async sendWindow(consumerName: string): Promise<WindowResult> {
    if (await this.enoughIsDue(consumerName)) return { state: 'waiting' };
    return this.db.transaction(async (session) => {
      await waitLongerForLocks(session);
      await this.lockCursors(session, consumerName);
      const [request] = await session.query<ReplayRequest>(
        `SELECT ${COLUMNS} FROM ${this.replay} WHERE consumer_name = $1 AND finished_at IS NULL
         ORDER BY created_at, id LIMIT 1 FOR UPDATE`,
        [consumerName],
      );
      if (request === undefined) return { state: 'none' };
      const { sent, next } = await this.send(session, request);
      await session.query(
        `UPDATE ${this.replay} SET next_position = $2, sent = sent + $3, progressed_at = clock_timestamp(),
           finished_at = CASE WHEN $2 > to_position THEN clock_timestamp() END
         WHERE id = $1`,
        [request.id, next, sent],
      );
      return { state: 'sent', sent };
    });
  }

  private async enoughIsDue(consumerName: string): Promise<boolean> {
    const rows = await this.db.query(
      `SELECT 1 FROM ${this.tables.inboxCursor} c CROSS JOIN LATERAL (
         SELECT 1 FROM ${this.tables.inboxEvent} i WHERE i.consumer_name = c.consumer_name AND i.partition = c.partition
           AND i.status IN ('received', 'failed') AND i.available_at < 'infinity' AND i.available_at <= statement_timestamp()
         LIMIT ${DUE_AT_MOST}
       ) due
       WHERE c.consumer_name = $1 LIMIT ${DUE_AT_MOST}`,
      [consumerName],
    );
    return rows.length >= DUE_AT_MOST;
  }

  private async send(
    session: EngineSession,
    request: ReplayRequest,
  ): Promise<{ sent: number; next: number }> {
    const { nextPosition, toPosition, aggregateType, aggregateId } = request;
    await planForTheseValues(session);
    // An aggregate's events have an index. So the window is limited by what it finds, not by what it looks
    // at.
    const end = aggregateId === null ? Math.min(toPosition, nextPosition + LOOKED_AT_ONCE - 1) : toPosition;
    const [row] = await session.query<{ sent: number; matched: number; last: number | null }>(this.sendSql, [
      request.consumerName,
      nextPosition,
      end,
      request.eventNames,
      aggregateType,
      aggregateId,
      request.since,
      request.until,
      request.id,
    ]);
    const full = (row?.matched ?? 0) >= SENT_AT_ONCE && typeof row?.last === 'number';
    return { sent: row?.sent ?? 0, next: full ? Number(row?.last) + 1 : end + 1 };
  }

  // If there is a row, it is resolved, because an unresolved one is left out. The row starts anew.
  private get sendSql(): string {
    return `
      WITH pending AS MATERIALIZED (
        SELECT p.number - 1 AS partition, cardinality(r.pending) AS partitions, p.positions::int8multirange AS positions
        FROM ${this.replay} r, unnest(r.pending) WITH ORDINALITY AS p (positions, number) WHERE r.id = $9
      ), matched AS MATERIALIZED (
        SELECT e.id, e.position, e.aggregate_type, e.aggregate_id, c.partition,
          e.position <@ c.unread OR EXISTS (
            SELECT 1 FROM pending p WHERE e.position <@ p.positions
              AND p.partition = ${this.tables.integrationPartition}(e.aggregate_type, e.aggregate_id, p.partitions)) AS pending
        FROM ${this.tables.outboxEvent} e
        JOIN ${this.tables.inboxCursor} c ON c.consumer_name = $1 AND (c.partitions = 1
          OR c.partition = ${this.tables.integrationPartition}(e.aggregate_type, e.aggregate_id, c.partitions))
        WHERE e.position BETWEEN $2 AND $3
          AND EXISTS (SELECT 1 FROM unnest(c.event_names) AS n (name) WHERE ${isNamed})
          AND ($4::text[] = '{}' OR EXISTS (SELECT 1 FROM unnest($4::text[]) AS n (name) WHERE ${isNamed}))
          AND ($5::text IS NULL OR e.aggregate_type = $5) AND ($6::text IS NULL OR e.aggregate_id = $6)
          AND ($7::timestamptz IS NULL OR e.created_at >= $7) AND ($8::timestamptz IS NULL OR e.created_at < $8)
        ORDER BY e.position LIMIT ${SENT_AT_ONCE}
      ), sent AS (
        INSERT INTO ${this.tables.inboxEvent} AS i (outbox_event_id, position, consumer_name, partition, aggregate_type, aggregate_id,
          status, available_at)
        SELECT m.id, m.position, $1, m.partition, m.aggregate_type, m.aggregate_id, 'received', clock_timestamp()
        FROM matched m
        WHERE NOT m.pending AND NOT EXISTS (
          SELECT 1 FROM ${this.tables.inboxEvent} u WHERE u.outbox_event_id = m.id AND u.consumer_name = $1
            AND NOT ${isResolved('u')})
        ORDER BY m.position
        ON CONFLICT (outbox_event_id, consumer_name) DO UPDATE
        SET status = 'received', attempt_count = 0, available_at = excluded.available_at, partition = excluded.partition,
            processed_at = NULL, updated_at = clock_timestamp()
        WHERE ${isResolved('i')}
        RETURNING 1
      )
      SELECT (SELECT count(*) FROM sent) AS sent, count(*) AS matched, max(position) AS last FROM matched`;
  }
}

const isNamed = `e.event_name = n.name OR (right(n.name, 1) = '*' AND e.event_name ^@ left(n.name, -1))`;
const isResolved = (alias: string) =>
  `(${alias}.status IN ('processed', 'skipped', 'dead_letter') OR (${alias}.status = 'failed' AND ${alias}.available_at IS NULL))`;
