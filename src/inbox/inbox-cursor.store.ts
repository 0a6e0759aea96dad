import { Injectable } from '@nestjs/common';
import type { EngineStatement } from '../database/engine-client.js';
import { EngineDatabase } from '../database/engine-database.js';
import type { SqlClient } from '../database/sql-client.js';
import { UNHURRIED_COMMIT } from '../database/unhurried-commit.store.js';
import type { AggregateKey } from '../events/aggregate-key.js';
import { RUN_ALONE } from './inbox-event.store.js';
import {
  type CursorKey,
  type ExceptionRow,
  type InboxStatus,
  type ResolvedRow,
  unresolved,
} from './inbox-status.js';

/** A cursor as its new owner found it. */
export interface ClaimedCursor extends CursorKey {
  readonly partitions: number;
  readonly eventNames: string[];
  readonly leaseToken: string;
  /** The multirange's text. */
  readonly unread: string;
  readonly readUpto: number | null;
  readonly uncleanTakeovers: number;
  readonly changedByOthers: number;
  /** The former owner is the same process. */
  readonly wasOurs: boolean;
}

/** All that one save changes. Every list may be empty. */
export interface Settlement {
  /** Positions to take out of `unread`, as a multirange's text. */
  readonly positions: string;
  readonly exceptions: readonly ExceptionRow[];
  readonly resolved: readonly ResolvedRow[];
  /** Aggregates whose lowest waiting row gets its turn. */
  readonly release: readonly AggregateKey[];
  /** Events whose `processed` row (of a transactional handler) the cursor covers from now on. */
  readonly covered: readonly string[];
}

/** A row that was there before the save, with the status that stays. */
export interface FoundRow extends AggregateKey {
  readonly position: number;
  readonly status: InboxStatus;
}

export interface SettlementResult {
  /** False: the lease is lost and nothing was written. */
  readonly held: boolean;
  readonly found: FoundRow[];
  /** Ids of the claimed rows that got their new status; the others were changed by somebody else. */
  readonly updated: string[];
  /** Of the aggregates to release, those that still have an unresolved row. */
  readonly stillBlocked: AggregateKey[];
}

const INFINITE_DELAY = `CASE WHEN x.delay = 'Infinity' THEN 'infinity'::timestamptz
  WHEN x.delay IS NOT NULL THEN clock_timestamp() + x.delay * interval '1 millisecond' END`;

/** The cursors: leases, fenced saves, and the token check of transactional handlers. */
@Injectable()
export class InboxCursorStore {
  private readonly cursor: string;
  private readonly inbox: string;
  private readonly settleSql: string;

  constructor(private readonly db: EngineDatabase) {
    this.cursor = `"${db.schema}".inbox_cursor`;
    this.inbox = `"${db.schema}".inbox_event`;
    this.settleSql = this.buildSettle();
  }

  /**
   * Takes the free ones of these cursors, each with a new token. A row that somebody else is claiming or saving at this
   * moment is passed over. The bump commits alone: what the former owner left is marked in a later statement, when its claims
   * are visible or fenced off. What a replay has put back is part of `unread`; while the consumer is being repartitioned, the
   * new owner is given what lies below the cut-over only.
   */
  async claim(
    keys: readonly CursorKey[],
    owner: string,
    leaseMs: number,
    deadOwners: readonly string[],
  ): Promise<ClaimedCursor[]> {
    return this.db.query<ClaimedCursor>(
      `UPDATE ${this.cursor} c
       SET lease_owner = $3, lease_token = gen_random_uuid(), served_at = clock_timestamp(),
           lease_expires_at = clock_timestamp() + $4::float8 * interval '1 millisecond', replayed = '{}',
           unclean_takeovers = c.unclean_takeovers + (c.lease_token IS NOT NULL AND c.lease_owner <> $3)::int
       FROM (
         SELECT f.consumer_name, f.partition, f.lease_owner FROM ${this.cursor} f
         JOIN unnest($1::text[], $2::int[]) AS k (consumer_name, partition)
           ON f.consumer_name = k.consumer_name AND f.partition = k.partition
         WHERE f.paused_at IS NULL AND NOT f.held_back
           AND (f.lease_token IS NULL OR f.lease_owner = $3 OR f.lease_owner = ANY ($5::uuid[])
                OR f.lease_expires_at <= clock_timestamp())
         ORDER BY f.consumer_name, f.partition
         FOR UPDATE OF f SKIP LOCKED
       ) free
       WHERE c.consumer_name = free.consumer_name AND c.partition = free.partition
       RETURNING c.consumer_name AS "consumerName", c.partition, c.partitions, c.event_names AS "eventNames",
                 c.lease_token AS "leaseToken", (c.unread * int8multirange(int8range(NULL, c.cut_over)))::text AS unread, c.read_upto AS "readUpto",
                 c.unclean_takeovers AS "uncleanTakeovers", c.changed_by_others AS "changedByOthers",
                 free.lease_owner IS NOT DISTINCT FROM $3 AS "wasOurs"`,
      [keys.map((key) => key.consumerName), keys.map((key) => key.partition), owner, leaseMs, deadOwners],
    );
  }

  /**
   * Before handlers of events up to here start: what an unclean end may have been caused by. False: the lease is lost. Not waited for on
   * disk: it is to outlive the process, not the server.
   */
  async saveReadUpto(key: CursorKey, token: string, readUpto: number): Promise<boolean> {
    const rows = await this.db.queryNamed(
      'integration_save_read_upto',
      `UPDATE ${this.cursor} SET read_upto = greatest(read_upto, $4) WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid
       RETURNING ${UNHURRIED_COMMIT}`,
      [key.consumerName, key.partition, token, readUpto],
    );
    return rows.length > 0;
  }

  /** Forgets unclean ends once everything that was being read at the last of them is settled; whether it did. */
  async forgetUncleanTakeovers(key: CursorKey, token: string, below: number): Promise<boolean> {
    const rows = await this.db.query(
      `UPDATE ${this.cursor} SET unclean_takeovers = 0
       WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid
         AND NOT unread && int8multirange(int8range(NULL, $4)) RETURNING 1`,
      [key.consumerName, key.partition, token, below],
    );
    return rows.length > 0;
  }

  /**
   * Moves a suspect from the cursor into the inbox, as `processing` with its attempt counted, before it runs; the row's id, or
   * undefined if there is a row already (then the position is settled, and the row decides). Undefined `held`: lease lost.
   */
  async moveToInbox(
    key: CursorKey,
    token: string,
    event: { outboxEventId: string; position: number } & AggregateKey,
  ): Promise<{ held: boolean; inboxEventId: string | undefined }> {
    const [row] = await this.db.query<{ held: boolean; id: string | null }>(
      `WITH fenced AS (
         UPDATE ${this.cursor} SET unread = unread - int8multirange(int8range($4, $4, '[]')), last_progress_at = clock_timestamp()
         WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid RETURNING 1
       ), moved AS (
         INSERT INTO ${this.inbox} (outbox_event_id, position, consumer_name, partition, aggregate_type, aggregate_id,
           status, attempt_count, error_fingerprint, available_at)
         SELECT $5::uuid, $4, $1, $2, $6, $7, 'processing', 1, '${RUN_ALONE}', clock_timestamp() FROM fenced
         ON CONFLICT (outbox_event_id, consumer_name) DO NOTHING RETURNING id
       )
       SELECT EXISTS (SELECT 1 FROM fenced) AS held, (SELECT id FROM moved) AS id, ${UNHURRIED_COMMIT}`,
      [
        key.consumerName,
        key.partition,
        token,
        event.position,
        event.outboxEventId,
        event.aggregateType,
        event.aggregateId,
      ],
    );
    return { held: row?.held ?? false, inboxEventId: row?.id ?? undefined };
  }

  /** Gives the lease back; false if it was not ours any more. */
  async release(key: CursorKey, token: string): Promise<boolean> {
    const rows = await this.db.query(
      `UPDATE ${this.cursor} SET lease_owner = NULL, lease_token = NULL, lease_expires_at = NULL
       WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid RETURNING 1`,
      [key.consumerName, key.partition, token],
    );
    return rows.length > 0;
  }

  /** The ordinary save: only positions, and how far was read. False: the lease is lost. */
  async settlePositions(
    key: CursorKey,
    token: string,
    positions: string,
    readUpto: number,
  ): Promise<boolean> {
    const rows = await this.db.queryNamed(
      'integration_settle_positions',
      `UPDATE ${this.cursor}
       SET unread = unread - $4::int8multirange, read_upto = greatest(read_upto, $5), last_progress_at = clock_timestamp()
       WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid RETURNING 1`,
      [key.consumerName, key.partition, token, positions, readUpto],
    );
    return rows.length > 0;
  }

  /** The save of a transactional consumer without exceptions: positions, and the `processed` rows that they cover. */
  async settleCovered(
    key: CursorKey,
    token: string,
    positions: string,
    covered: readonly string[],
  ): Promise<boolean> {
    const [row] = await this.db.queryNamed<{ held: boolean }>(
      'integration_settle_covered',
      `WITH fenced AS (
         UPDATE ${this.cursor} SET unread = unread - $4::int8multirange, last_progress_at = clock_timestamp()
         WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid RETURNING 1
       ), ${this.cleaned('$5')}
       SELECT EXISTS (SELECT 1 FROM fenced) AS held`,
      [key.consumerName, key.partition, token, positions, covered],
    );
    return row?.held ?? false;
  }

  /**
   * The whole save, as one statement behind the fence: nothing of it happens unless the cursor row matched our token,
   * and the lock that the match took keeps a takeover out until it is committed.
   *
   * An exception never overwrites a row that is there (a transactional handler whose commit went unanswered has
   * written `processed`): the row is locked, kept and reported, and memory adopts it. The released rows are looked up in the
   * statement's snapshot, so the rows that it resolves itself are left out by id, and rows that it inserts are not seen: an
   * aggregate is never both written as waiting and released in one settlement.
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
    ]);
    return {
      held: row?.held ?? false,
      found: row?.found ?? [],
      updated: row?.updated ?? [],
      stillBlocked: row?.blocked ?? [],
    };
  }

  /** Inside a handler's transaction, in a statement of its own after the inbox row: is the lease still ours? A row says yes. */
  leaseHeld(key: CursorKey, token: string): EngineStatement {
    return {
      name: 'integration_lease_held',
      sql: `SELECT 1 FROM ${this.cursor} WHERE consumer_name = $1 AND partition = $2::int AND lease_token = $3::uuid`,
      values: [key.consumerName, key.partition, token],
    };
  }

  /**
   * At the start of a batch's transaction: which of these positions are still unread, as a multirange's text; undefined if
   * the lease is lost. What is missing was settled by an attempt whose commit went unanswered.
   */
  async unreadOf(
    transaction: SqlClient,
    key: CursorKey,
    token: string,
    positions: string,
  ): Promise<string | undefined> {
    const [row] = await transaction.$queryRawUnsafe<{ pending: string }[]>(
      `SELECT (unread * $4::int8multirange)::text AS pending FROM ${this.cursor}
       WHERE consumer_name = $1 AND partition = $2::int AND lease_token = $3::uuid`,
      key.consumerName,
      key.partition,
      token,
      positions,
    );
    return row?.pending;
  }

  /**
   * The last statement of a batch's transaction: effects and progress commit together, fenced by the token. An earlier
   * attempt whose commit is still under way holds the row; once it is through, the positions are not unread any more and
   * this one matches nothing.
   */
  async settleInTransaction(
    transaction: SqlClient,
    key: CursorKey,
    token: string,
    positions: string,
  ): Promise<boolean> {
    const updated = await transaction.$executeRawUnsafe(
      `UPDATE ${this.cursor} SET unread = unread - $4::int8multirange, last_progress_at = clock_timestamp()
       WHERE consumer_name = $1 AND partition = $2::int AND lease_token = $3::uuid AND unread @> $4::int8multirange`,
      key.consumerName,
      key.partition,
      token,
      positions,
    );
    return updated > 0;
  }

  /** Rows of transactional handlers that the saved cursor covers. */
  private cleaned(eventIds: string): string {
    return `cleaned AS (
      DELETE FROM ${this.inbox} i USING fenced
      WHERE i.consumer_name = $1 AND i.outbox_event_id = ANY (${eventIds}::uuid[]) AND i.status = 'processed'
    )`;
  }

  private buildSettle(): string {
    return `
      WITH fenced AS (
        UPDATE ${this.cursor} SET unread = unread - $4::int8multirange, last_progress_at = clock_timestamp()
        WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid
        RETURNING 1
      ), written AS (
        INSERT INTO ${this.inbox} AS i (outbox_event_id, position, consumer_name, partition, aggregate_type, aggregate_id,
          status, attempt_count, last_error, error_fingerprint, available_at)
        SELECT x.id, x.position, $1, $2, x.aggregate_type, x.aggregate_id, x.status, x.attempt, x.error, x.fingerprint, ${INFINITE_DELAY}
        FROM fenced, unnest($5::uuid[], $6::bigint[], $7::text[], $8::text[], $9::text[], $10::int[], $11::text[], $12::text[], $13::float8[])
          AS x (id, position, aggregate_type, aggregate_id, status, attempt, error, fingerprint, delay)
        ORDER BY x.position
        ON CONFLICT (outbox_event_id, consumer_name) DO UPDATE SET status = i.status
        RETURNING i.position, i.status, i.aggregate_type, i.aggregate_id, (xmax <> 0) AS was_there
      ), resolved AS (
        UPDATE ${this.inbox} i
        SET status = x.status, attempt_count = x.attempt - x.given_back::int, last_error = coalesce(x.error, i.last_error),
            error_fingerprint = coalesce(x.fingerprint, nullif(i.error_fingerprint, '${RUN_ALONE}')), available_at = ${INFINITE_DELAY},
            processed_at = CASE WHEN x.status IN ('processed', 'skipped') THEN clock_timestamp() END, updated_at = clock_timestamp()
        FROM fenced, unnest($14::uuid[], $15::int[], $16::text[], $17::text[], $18::text[], $19::float8[], $20::boolean[])
          AS x (id, attempt, status, error, fingerprint, delay, given_back)
        WHERE i.id = x.id AND i.status = 'processing' AND i.attempt_count = x.attempt
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
