import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { endSoonWhenIdle } from '../database/sql/idle-limit.store.js';
import { planForTheseValues } from '../database/sql/plan-for-values.store.js';
import { type Tables } from '../database/sql/tables.js';
import { resolutionOf } from '../inbox/attempts.store.js';
import {
  isNotPaused,
  isResolved,
  matchedBy,
  REPLAY_COLUMNS,
  type ReplayRequest,
  ReplayRequestStore,
} from './chosen/replay-request.store.js';

/** Number of events that one window sends. */
const SENT_AT_ONCE = 500;
/** The largest number of positions that one window looks at, because it may find few events that match. */
const LOOKED_AT_ONCE = 5_000;
/** More events of an operation than this are not looked at for its failures. */
const MOST_JUDGED = 10_000;
/** While this many rows of the consumer are due, no more are added. */
const DUE_AT_MOST = 1_000;

/** What a stored operation allows the next window of its replay. */
interface Allowance {
  readonly rate: number | null;
  /** How many events may still be sent. Null for no limit. */
  readonly left: number | null;
  readonly stopAfter: number | null;
  readonly failures: number | null;
  readonly pending: number | null;
  /** Since its last window. */
  readonly seconds: number;
}

/** The result of one window. `waiting` means that enough rows are due already. */
export type WindowResult =
  | { readonly state: 'none' | 'waiting' }
  | { readonly state: 'sent'; readonly sent: number };

/**
 * Works operations off that are replays. Each window writes rows that are due now, and
 * notes how far it has come. It does both in one transaction that holds the consumer's cursors. So two
 * workers take turns, a crash repeats nothing, and the number of partitions cannot change in between.
 *
 * A window of an operation notes its progress in the same transaction. It locks the cursors, then the
 * request, then the operation, and sends only if the operation runs. A cancellation ends the request first,
 * and then the operation. A pause changes the operation alone. So both wait for the window that is under way,
 * and no other one follows. They do not wait for long: a window waits for nothing once it has the operation,
 * and the server ends it after a second if its process stands still. The rate, and the number of events that
 * may still fail, are judged while the cursors are locked. So they hold for all processes together.
 *
 * A paused replay holds up no later one of its consumer.
 */
@Injectable()
export class ReplayWindowStore {
  private readonly tables: Tables;
  private readonly replay: string;
  private readonly operation: string;
  private readonly requests: ReplayRequestStore;

  readonly engine: string;

  constructor(private readonly db: EngineDatabase) {
    this.engine = db.engine;
    this.tables = db.tables;
    this.replay = db.tables.inboxReplay;
    this.operation = db.tables.integrationOperation;
    this.requests = new ReplayRequestStore(db);
  }

  /** Returns which of these consumers have an unfinished request that nobody has paused. */
  async openRequests(consumerNames: readonly string[]): Promise<string[]> {
    const rows = await this.db.query<{ name: string }>(
      `SELECT DISTINCT consumer_name AS name FROM ${this.replay} r
       WHERE finished_at IS NULL AND ${isNotPaused('r', this.tables)} AND consumer_name = ANY ($1)`,
      [consumerNames],
    );
    return rows.map((row) => row.name);
  }

  /** Sends one window of the consumer's oldest open request that nobody has paused. */
  async sendWindow(consumerName: string): Promise<WindowResult> {
    if (await this.enoughIsDue(consumerName)) return { state: 'waiting' };
    return this.db.transaction(async (session) => {
      await endSoonWhenIdle(session);
      await this.requests.lockConsumer(session, consumerName);
      const [request] = await session.query<ReplayRequest>(
        `SELECT ${REPLAY_COLUMNS} FROM ${this.replay} r
         WHERE consumer_name = $1 AND finished_at IS NULL AND ${isNotPaused('r', this.tables)}
         ORDER BY created_at, id LIMIT 1 FOR UPDATE OF r`,
        [consumerName],
      );
      if (request === undefined) return { state: 'none' };
      const allowance = await this.allowanceOf(session, request.id);
      // Somebody has paused it since it was chosen.
      if (allowance === undefined) return { state: 'waiting' };
      const most = mostOf(allowance);
      if (most === 'too many failures') {
        await this.stop(
          session,
          request.id,
          `It has stopped by itself: ${allowance.failures} of its events have failed`,
        );
        return { state: 'sent', sent: 0 };
      }
      if (most === 0) return { state: 'waiting' };
      const { sent, next } = await this.send(session, request, most);
      const isFull = allowance.left !== null && sent >= allowance.left;
      await session.query(
        `WITH noted AS (
           UPDATE ${this.replay} SET next_position = $2::bigint, sent = sent + $3, progressed_at = clock_timestamp(),
             to_position = CASE WHEN $4 THEN least(to_position, $2::bigint - 1) ELSE to_position END,
             finished_at = CASE WHEN $2::bigint > to_position OR $4 THEN clock_timestamp() END
           WHERE id = $1 RETURNING id, finished_at
         )
         UPDATE ${this.operation} o SET changed = o.changed + $3, next_position = $2, progressed_at = clock_timestamp(),
           finished_at = w.finished_at, state = CASE WHEN w.finished_at IS NULL THEN o.state ELSE 'done' END
         FROM noted w WHERE o.id = w.id`,
        [request.id, next, sent, isFull],
      );
      return { state: 'sent', sent };
    });
  }

  /** Ends the request, and the operation that it belongs to, without sending more. */
  private async stop(session: EngineSession, id: string, error: string): Promise<void> {
    await session.query(
      `WITH ended AS (UPDATE ${this.replay} SET finished_at = clock_timestamp() WHERE id = $1 RETURNING id)
       UPDATE ${this.operation} o SET state = 'failed', error = $2, finished_at = clock_timestamp()
       FROM ended WHERE o.id = ended.id AND o.state = 'running'`,
      [id, error],
    );
  }

  /** Locks the operation. Undefined if it does not run. */
  private async allowanceOf(session: EngineSession, id: string): Promise<Allowance | undefined> {
    const count = (statuses: string) =>
      `CASE WHEN stop_after IS NOT NULL THEN (SELECT count(*) FROM (
         SELECT FROM ${this.tables.inboxEvent} i WHERE i.operation_id = o.id AND i.status IN (${statuses}) LIMIT ${MOST_JUDGED}) AS looked) END`;
    const [row] = await session.query<Allowance>(
      `SELECT rate, max_events - changed AS left, stop_after AS "stopAfter", ${count(`'dead_letter', 'failed'`)} AS failures,
         ${count(`'received', 'processing'`)} AS pending,
         extract(epoch FROM clock_timestamp() - coalesce(progressed_at, started_at))::float8 AS seconds
       FROM ${this.operation} o WHERE id = $1 AND kind = 'replay' AND state = 'running' FOR UPDATE`,
      [id],
    );
    return row;
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
    most: number,
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
      most,
      request.requestedBy ?? 'unknown',
    ]);
    const full = (row?.matched ?? 0) >= most && typeof row?.last === 'number';
    return { sent: row?.sent ?? 0, next: full ? Number(row?.last) + 1 : end + 1 };
  }

  // If there is a row, it is resolved, because an unresolved one is left out. The row starts again.
  private get sendSql(): string {
    return `
      WITH pending AS MATERIALIZED (
        SELECT p.number - 1 AS partition, cardinality(r.pending) AS partitions, p.positions::int8multirange AS positions
        FROM ${this.replay} r, unnest(r.pending) WITH ORDINALITY AS p (positions, number) WHERE r.id = $9::uuid
      ), matched AS MATERIALIZED (
        SELECT e.id, e.position, e.aggregate_type, e.aggregate_id, c.partition,
          e.position <@ c.unread OR EXISTS (
            SELECT 1 FROM pending p WHERE e.position <@ p.positions
              AND p.partition = ${this.tables.integrationPartition}(e.aggregate_type, e.aggregate_id, p.partitions)) AS pending ${matchedBy(this.tables)}
        ORDER BY e.position LIMIT $10::int
      ), sent AS (
        INSERT INTO ${this.tables.inboxEvent} AS i (outbox_event_id, position, consumer_name, partition, aggregate_type, aggregate_id,
          status, available_at, operation_id, resolution)
        SELECT m.id, m.position, $1, m.partition, m.aggregate_type, m.aggregate_id, 'received', clock_timestamp(), $9::uuid,
          ${resolutionOf('replay', '$11', 'NULL')}
        FROM matched m CROSS JOIN (SELECT NULL AS error_fingerprint, 0 AS attempt_count, NULL::jsonb AS resolution) i
        WHERE NOT m.pending AND NOT EXISTS (
          SELECT 1 FROM ${this.tables.inboxEvent} u WHERE u.outbox_event_id = m.id AND u.consumer_name = $1
            AND NOT ${isResolved('u')})
        ORDER BY m.position
        ON CONFLICT (outbox_event_id, consumer_name) DO UPDATE
        SET status = 'received', attempt_count = 0, available_at = excluded.available_at, partition = excluded.partition,
            processed_at = NULL, updated_at = clock_timestamp(), operation_id = excluded.operation_id,
            resolution = ${resolutionOf('replay', '$11', 'NULL')}
        WHERE ${isResolved('i')}
        RETURNING 1
      )
      SELECT (SELECT count(*) FROM sent) AS sent, count(*) AS matched, max(position) AS last FROM matched`;
  }
}

/** How many events the next window may send. 0 means that it has to wait. */
function mostOf({
  rate,
  left,
  stopAfter,
  failures,
  pending,
  seconds,
}: Allowance): number | 'too many failures' {
  if (stopAfter !== null && (failures ?? 0) >= stopAfter) return 'too many failures';
  const limits = [
    SENT_AT_ONCE,
    left ?? SENT_AT_ONCE,
    // What was not used within a second is not made up for.
    rate === null ? SENT_AT_ONCE : Math.floor(rate * Math.min(1, seconds)),
    // No more events are under way than may still fail.
    stopAfter === null ? SENT_AT_ONCE : stopAfter - (failures ?? 0) - (pending ?? 0),
  ];
  return Math.max(0, Math.min(...limits));
}
