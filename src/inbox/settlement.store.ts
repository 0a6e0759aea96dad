import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import type { AggregateKey } from '../events/aggregate-key.js';
import type { PositionSet } from '../log/position-set.js';
import { RangeLists } from '../log/range-lists.js';
import { withAttempt } from './attempts.store.js';
import { SUSPECT } from './claim-due.store.js';
import {
  type CursorKey,
  type ExceptionRow,
  type InboxStatus,
  type ResolvedRow,
  unresolved,
} from './inbox-status.js';
import { KEEPS_LEASE } from './kept-lease.store.js';

/** Everything that one save changes. Each list may be empty. */
export interface Settlement {
  /** Positions to remove from `unread`, as the text of a multirange. */
  readonly positions: string;
  readonly exceptions: readonly ExceptionRow[];
  readonly resolved: readonly ResolvedRow[];
  /** Aggregates whose lowest waiting row gets its turn. */
  readonly release: readonly AggregateKey[];
  /**
   * Ids of events whose `processed` row (written by a transactional handler) the cursor covers from now on.
   */
  readonly covered: readonly string[];
}

/**
 * The positions that one cursor must remove from `unread`, as the text of a multirange, and how far it has
 * read.
 */
export interface PositionsOfACursor {
  readonly key: CursorKey;
  readonly token: string;
  readonly positions: string;
  readonly readUpto: number;
}

/** A row that existed before the save. It keeps this status. */
export interface FoundRow extends AggregateKey {
  readonly position: number;
  readonly status: InboxStatus;
}

export interface SettlementResult {
  /** False when the lease is lost. Then nothing was written. */
  readonly held: boolean;
  readonly found: FoundRow[];
  /** Ids of the claimed rows that got their new status. Somebody else changed the other rows. */
  readonly updated: string[];
  /** The aggregates to release that still have an unresolved row. */
  readonly stillBlocked: AggregateKey[];
}

/** Number of ranges that are written down in one turn. It takes a few milliseconds. */
const RANGES_A_TURN = 20_000;

const INFINITE_DELAY = `CASE WHEN x.delay = 'Infinity' THEN 'infinity'::timestamptz
  WHEN x.delay IS NOT NULL THEN clock_timestamp() + x.delay * interval '1 millisecond' END`;

/**
 * The row `i`, resolved as `x` says, is a suspect the next time. It has ended something, or its claimed
 * attempt never ran.
 */
const STAYS_SUSPECT = '(x.suspect OR (x.given_back AND x.delay IS NOT NULL AND i.suspicion IS NOT NULL))';

/** Since when the row `i` is put off. An attempt that never ran does not change it. */
const POSTPONED_SINCE = `CASE WHEN x.postponed THEN coalesce(i.postponed_since, clock_timestamp()) WHEN x.given_back THEN i.postponed_since END`;

/** The saves of a cursor: what its handlers have done, fenced by the token of the lease, which they renew. */
@Injectable()
export class SettlementStore {
  private readonly cursor: string;
  private readonly inbox: string;
  private readonly settleSql: string;

  constructor(private readonly db: EngineDatabase) {
    this.cursor = db.tables.inboxCursor;
    this.inbox = db.tables.inboxEvent;
    this.settleSql = this.buildSettle();
  }

  /**
   * The ordinary save: only positions, and how far the cursor has read. False means that the lease is lost.
   */
  async settlePositions(
    key: CursorKey,
    token: string,
    positions: string,
    readUpto: number,
  ): Promise<boolean> {
    const rows = await this.db.queryNamed(
      'integration_settle_positions',
      `UPDATE ${this.cursor}
       SET unread = unread - $4::int8multirange, read_upto = greatest(read_upto, $5), last_progress_at = clock_timestamp(), ${KEEPS_LEASE}
       WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid RETURNING 1`,
      [key.consumerName, key.partition, token, positions, readUpto],
    );
    return rows.length > 0;
  }

  /**
   * Like `settlePositions`, for very many ranges, as after a sweep of old holes. The ranges are written down
   * in parts, with turns of the event loop between them, and sent as lists. One statement removes them all,
   * because each statement writes the rest of the cursor as a whole, and ten statements would cost the server
   * ten times as much.
   */
  async settleMany(key: CursorKey, token: string, positions: PositionSet): Promise<boolean> {
    const lists = new RangeLists(positions.rangeCount);
    for (let first = 0; first < positions.rangeCount; first += RANGES_A_TURN) {
      await new Promise((resolve) => setImmediate(resolve));
      lists.writeRanges(positions, first, RANGES_A_TURN);
    }
    const rows = await this.db.queryNamed(
      'integration_settle_many',
      `UPDATE ${this.cursor}
       SET unread = unread - (SELECT range_agg(int8range(x.low, x.high)) FROM unnest($4::bigint[], $5::bigint[]) AS x (low, high)),
           last_progress_at = clock_timestamp(), ${KEEPS_LEASE}
       WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid RETURNING 1`,
      [key.consumerName, key.partition, token, lists.from, lists.to],
    );
    return rows.length > 0;
  }

  /**
   * The ordinary save of several cursors. Each cursor has its own fence and appears only once. Resolves to
   * the tokens of the cursors that were saved. A row that somebody holds is skipped, so the statement does
   * not wait for it. The tokens are compared after the rows are locked.
   */
  async settleTogether(saves: readonly PositionsOfACursor[]): Promise<string[]> {
    const saved = await this.db.queryNamed<{ token: string }>(
      'integration_settle_together',
      `UPDATE ${this.cursor} c
       SET unread = c.unread - ours.positions::int8multirange, read_upto = greatest(c.read_upto, ours.read_upto), last_progress_at = clock_timestamp(), ${KEEPS_LEASE}
       FROM (
         SELECT k.consumer_name, k.partition, x.positions, x.read_upto
         FROM unnest($1::text[], $2::int[], $3::uuid[], $4::text[], $5::bigint[]) AS x (consumer_name, partition, token, positions, read_upto)
         JOIN ${this.cursor} k ON k.consumer_name = x.consumer_name AND k.partition = x.partition AND k.lease_token = x.token
         FOR NO KEY UPDATE OF k SKIP LOCKED
       ) ours
       WHERE c.consumer_name = ours.consumer_name AND c.partition = ours.partition
       RETURNING c.lease_token AS token`,
      [
        saves.map(({ key }) => key.consumerName),
        saves.map(({ key }) => key.partition),
        saves.map(({ token }) => token),
        saves.map(({ positions }) => positions),
        saves.map(({ readUpto }) => readUpto),
      ],
    );
    return saved.map(({ token }) => token);
  }

  /**
   * The save of a transactional consumer without exceptions: positions, and the `processed` rows that they
   * cover.
   */
  async settleCovered(
    key: CursorKey,
    token: string,
    positions: string,
    covered: readonly string[],
  ): Promise<boolean> {
    const [row] = await this.db.queryNamed<{ held: boolean }>(
      'integration_settle_covered',
      `WITH ${this.fenced}, ${this.cleaned('$5')}
       SELECT EXISTS (SELECT 1 FROM fenced) AS held`,
      [key.consumerName, key.partition, token, positions, covered],
    );
    return row?.held ?? false;
  }

  /**
   * The whole save, as one statement behind the fence. Nothing is written unless the cursor row matched our
   * token. The match locks the row, which keeps a takeover out until the save is committed.
   *
   * An exception never overwrites a row that exists, such as the `processed` row of a transactional handler
   * whose commit got no answer. The row is locked, kept and reported, and the memory takes over its status.
   * The rows to release are looked up in the snapshot of the statement. So the statement leaves out by id the
   * rows that it resolves itself, and it does not see rows that it inserts. Therefore one settlement never
   * writes a row of an aggregate as waiting and also releases that aggregate.
   * The CASE makes the planner find claimed rows by id. It expects that no row is `processing`.
   */
  async settle(key: CursorKey, token: string, settlement: Settlement): Promise<SettlementResult> {
    const { exceptions, resolved, release } = settlement;
    const [row] = await this.db.queryNamed<{
      held: boolean;
      found: FoundRow[] | null;
      blocked: AggregateKey[] | null;
      updated: string[] | null;
    }>('integration_settle', this.settleSql, [
      key.consumerName,
      key.partition,
      token,
      settlement.positions,
      exceptions.map((row) => row.outboxEventId),
      exceptions.map((row) => row.position),
      exceptions.map((row) => row.aggregateType),
      exceptions.map((row) => row.aggregateId),
      exceptions.map((row) => row.status),
      exceptions.map((row) => row.attempt),
      exceptions.map((row) => row.error ?? null),
      exceptions.map((row) => row.fingerprint ?? null),
      exceptions.map((row) => row.availableInMs ?? null),
      resolved.map((row) => row.inboxEventId),
      resolved.map((row) => row.attempt),
      resolved.map((row) => row.status),
      resolved.map((row) => row.error ?? null),
      resolved.map((row) => row.fingerprint ?? null),
      resolved.map((row) => row.availableInMs ?? null),
      resolved.map((row) => row.attemptGivenBack ?? false),
      release.map((aggregate) => aggregate.aggregateType),
      release.map((aggregate) => aggregate.aggregateId),
      settlement.covered,
      exceptions.map((row) => row.isSuspect),
      exceptions.map((row) => row.failedAttempt ?? null),
      resolved.map((row) => row.isSuspect),
      resolved.map((row) => row.failedAttempt ?? null),
      exceptions.map((row) => row.isPostponed),
      resolved.map((row) => row.isPostponed),
    ]);
    return {
      held: row?.held ?? false,
      found: row?.found ?? [],
      updated: row?.updated ?? [],
      stillBlocked: row?.blocked ?? [],
    };
  }

  /** The fence of a save. It returns a row if the lease is ours, and settles the positions then. */
  private get fenced(): string {
    return `fenced AS (
      UPDATE ${this.cursor} SET unread = unread - $4::int8multirange, last_progress_at = clock_timestamp(), ${KEEPS_LEASE}
      WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid
      RETURNING 1
    )`;
  }

  /** Deletes the rows of transactional handlers that the saved cursor covers. */
  private cleaned(eventIds: string): string {
    return `cleaned AS (
      DELETE FROM ${this.inbox} i USING fenced
      WHERE i.consumer_name = $1 AND i.outbox_event_id = ANY (${eventIds}::uuid[]) AND i.status = 'processed'
    )`;
  }

  private buildSettle(): string {
    return `
      WITH ${this.fenced}, written AS (
        INSERT INTO ${this.inbox} AS i (outbox_event_id, position, consumer_name, partition, aggregate_type, aggregate_id,
          status, attempt_count, last_error, error_fingerprint, available_at, suspicion, attempts, postponed_since)
        SELECT x.id, x.position, $1, $2, x.aggregate_type, x.aggregate_id, x.status, x.attempt, x.error, x.fingerprint, ${INFINITE_DELAY},
          CASE WHEN x.suspect THEN '${SUSPECT}' END, CASE WHEN x.failed IS NOT NULL THEN jsonb_build_array(x.failed::jsonb) END,
          CASE WHEN x.postponed THEN clock_timestamp() END
        FROM fenced, unnest($5::uuid[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::int[], $11::text[], $12::text[], $13::float8[],
            $24::boolean[], $25::text[], $28::boolean[])
          AS x (id, position, aggregate_type, aggregate_id, status, attempt, error, fingerprint, delay, suspect, failed, postponed)
        ORDER BY x.position
        ON CONFLICT (outbox_event_id, consumer_name) DO UPDATE SET status = i.status
        RETURNING i.position, i.status, i.aggregate_type, i.aggregate_id, (xmax <> 0) AS was_there
      ), resolved AS (
        UPDATE ${this.inbox} i
        SET status = x.status, attempt_count = x.attempt - x.given_back::int, last_error = coalesce(x.error, i.last_error),
            error_fingerprint = coalesce(x.fingerprint, i.error_fingerprint),
            suspicion = CASE WHEN ${STAYS_SUSPECT} THEN '${SUSPECT}' END,
            attempts = CASE WHEN x.failed IS NULL THEN i.attempts ELSE ${withAttempt('i.attempts', 'x.failed::jsonb')} END,
            available_at = ${INFINITE_DELAY}, postponed_since = ${POSTPONED_SINCE},
            processed_at = CASE WHEN x.status IN ('processed', 'skipped') THEN clock_timestamp() END, updated_at = clock_timestamp()
        FROM fenced, unnest($14::uuid[], $15::int[], $16::text[], $17::text[], $18::text[], $19::float8[], $20::boolean[],
            $26::boolean[], $27::text[], $29::boolean[])
          AS x (id, attempt, status, error, fingerprint, delay, given_back, suspect, failed, postponed)
        WHERE i.id = x.id AND CASE WHEN i.status = 'processing' AND i.attempt_count = x.attempt THEN true ELSE false END
        RETURNING i.id
      ), released AS (
        UPDATE ${this.inbox} i
        SET available_at = CASE WHEN next.status = 'received' THEN '-infinity' ELSE i.available_at END, updated_at = clock_timestamp()
        FROM fenced, unnest($21::text[], $22::text[]) AS x (aggregate_type, aggregate_id)
        CROSS JOIN LATERAL (
          SELECT n.id, n.status FROM ${this.inbox} n
          WHERE n.consumer_name = $1 AND n.partition = $2 AND n.aggregate_type = x.aggregate_type AND n.aggregate_id = x.aggregate_id
            AND ${unresolved('n')} AND n.id <> ALL ($14::uuid[])
          ORDER BY n.position LIMIT 1
        ) next
        WHERE i.id = next.id
        RETURNING i.aggregate_type, i.aggregate_id
      ), ${this.cleaned('$23')}
      SELECT EXISTS (SELECT 1 FROM fenced) AS held,
             (SELECT json_agg(json_build_object('position', position, 'status', status,
                'aggregateType', aggregate_type, 'aggregateId', aggregate_id)) FROM written WHERE was_there) AS found,
             (SELECT json_agg(json_build_object('aggregateType', aggregate_type, 'aggregateId', aggregate_id)) FROM released) AS blocked,
             (SELECT json_agg(id) FROM resolved) AS updated`;
  }
}
