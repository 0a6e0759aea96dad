import { Injectable } from '@nestjs/common';
import type { SqlClient } from '../database/clients/sql-client.js';
import { EngineDatabase } from '../database/engine-database.js';
import { setStatementTimeout } from '../database/sql/statement-timeout.store.js';
import { TRANSACTION_START } from '../database/sql/transaction-start.store.js';
import type { EngineStatement } from '../database/wire/named-statement.js';
import type { AggregateKey } from '../events/aggregate-key.js';
import { isoText, withAttempt } from './attempts.store.js';
import { type Claimable, claimDueSql, SUSPECT, SUSPECT_RUNS } from './claim-due.store.js';
import { INTERRUPTED_KIND, type Resolution } from './failed-attempt.js';
import { type CursorKey, type InboxStatus, unresolved } from './inbox-status.js';

/** A row that the retry loop has claimed. Its attempt is counted, and its status is `processing`. */
export interface ClaimedRow extends AggregateKey {
  readonly inboxEventId: string;
  readonly outboxEventId: string;
  readonly position: number;
  /** The number of the attempt that begins now. */
  readonly attempt: number;
  /** True when the row waited behind the previous row of its aggregate and was claimed with it. */
  readonly follows: boolean;
  /** What an admin has decided about the row last, such as a redrive or a replay, or null. */
  readonly decision: Resolution['action'] | null;
  /** When, as an ISO text. */
  readonly decidedAt: string | null;
}

/** The rows of one claim, and whether other rows may be due. */
export interface Claimed {
  readonly rows: ClaimedRow[];
  readonly more: boolean;
}

/** An event whose handler's transaction begins. */
export type EnteringEvent = AggregateKey & { readonly outboxEventId: string; readonly position: number };

/**
 * The state of a transaction of the host's client. `start` is when it began (see
 * `transaction-start.store.ts`).
 */
export interface Entered {
  readonly isolation: string;
  readonly start: string;
  readonly inserted: boolean;
}

/** The exceptions that the retry loop claims, and the idempotency row of a transactional handler. */
@Injectable()
export class InboxEventStore {
  private readonly cursor: string;
  private readonly inbox: string;
  private readonly processedRowSql: string;
  private readonly enterSql: string;

  constructor(private readonly db: EngineDatabase) {
    this.cursor = db.tables.inboxCursor;
    this.inbox = db.tables.inboxEvent;
    const into = `${this.inbox} (outbox_event_id, position, consumer_name, partition, aggregate_type, aggregate_id,
          status, attempt_count, processed_at)`;
    const row = `$1::uuid, $2::bigint, $3, $4::int, $5, $6, 'processed', 1, clock_timestamp()`;
    const once = 'ON CONFLICT (outbox_event_id, consumer_name) DO NOTHING';
    this.processedRowSql = `INSERT INTO ${into} VALUES (${row}) ${once}`;
    this.enterSql = `
      WITH entered AS MATERIALIZED (
        SELECT ${setStatementTimeout('$7')}, set_config('idle_in_transaction_session_timeout', $7, true),
               set_config('lock_timeout', coalesce(nullif(current_setting('lock_timeout'), '0'), $7), true),
               current_setting('transaction_isolation') AS isolation, ${TRANSACTION_START} AS start
      ), inserted AS (
        INSERT INTO ${into} SELECT ${row} FROM entered WHERE isolation = 'read committed' ${once} RETURNING 1
      )
      SELECT isolation, start, EXISTS (SELECT 1 FROM inserted)::text AS inserted FROM entered`;
  }

  /**
   * Claims at most `limit` due rows and counts each attempt before it runs (see `claim-due.store.ts`). The
   * first `places` rows can run at once.
   */
  async claimDue(
    key: CursorKey,
    token: string,
    limit: number,
    ordered: boolean,
    which: Claimable,
    places = limit,
  ): Promise<Claimed> {
    const rows = await this.db.queryNamed<ClaimedRow & { readonly more: boolean }>(
      `integration_claim_${which}${ordered ? '_ordered' : ''}`,
      claimDueSql(this.db.tables, ordered, which),
      [key.consumerName, key.partition, token, limit, which === 'suspects', places],
    );
    return { rows, more: rows[0]?.more ?? false };
  }

  /** Milliseconds until the next row is due. 0 or less means now. Undefined if no row will be due. */
  async nextDueInMs(key: CursorKey): Promise<number | undefined> {
    const [row] = await this.db.query<{ ms: number | null }>(
      `SELECT CASE WHEN min(available_at) = '-infinity' THEN 0
                   ELSE (extract(epoch FROM min(available_at) - clock_timestamp()) * 1000)::float8 END AS ms
       FROM ${this.inbox} i
       WHERE consumer_name = $1 AND partition = $2 AND status IN ('received', 'failed') AND available_at < 'infinity'`,
      [key.consumerName, key.partition],
    );
    return row?.ms ?? undefined;
  }

  /**
   * Cleans up after a takeover. Rows that a former owner was processing become failed and are due at once. If
   * the event ran exclusively, its attempt stays counted, because this event ended the process. If
   * several events ran together, at most one of them ended the process. So they get the attempt back, and
   * each is a suspect the next time. If the process is known not to have ended (`blameless`), all get the
   * attempt back and none becomes a suspect. Attempts that are known to have `ended` the connection are the
   * exception, because they ran exclusively. Rows that this owner claimed (`mine`) and rows that a stalled
   * owner's transaction has locked are left. The statement is fenced like a claim. Otherwise an owner that
   * does not know of its lost lease would take the present owner's runs for leftovers.
   */
  async interruptLeftovers(
    key: CursorKey,
    token: string,
    mine: readonly string[],
    blameless: boolean,
    ended: readonly { readonly inboxEventId: string; readonly attempt: number }[] = [],
  ): Promise<number> {
    // The claim wrote updated_at when the attempt began. Nobody knows how long it ran, or where.
    const interrupted = `jsonb_build_object('attempt', i.attempt_count, 'at', ${isoText('i.updated_at')}, 'ms', NULL, 'process', NULL,
      'host', NULL, 'pid', NULL, 'error', left_over.error, 'stack', NULL, 'fingerprint', '${INTERRUPTED_KIND}')`;
    const rows = await this.db.query(
      `WITH owner AS MATERIALIZED (
         SELECT 1 FROM ${this.cursor} WHERE consumer_name = $1 AND partition = $2 AND lease_token = $4::uuid FOR SHARE
       )
       UPDATE ${this.inbox} i
       SET status = 'failed', available_at = clock_timestamp(), updated_at = clock_timestamp(),
           attempt_count = i.attempt_count - (($5 AND NOT left_over.ended) OR i.suspicion IS DISTINCT FROM '${SUSPECT_RUNS}')::int,
           last_error = coalesce(left_over.error, i.last_error),
           attempts = CASE WHEN left_over.error IS NULL THEN i.attempts ELSE ${withAttempt('i.attempts', interrupted)} END,
           error_fingerprint = CASE WHEN left_over.error IS NULL THEN i.error_fingerprint ELSE '${INTERRUPTED_KIND}' END,
           suspicion = CASE WHEN $5 AND i.suspicion IS DISTINCT FROM '${SUSPECT_RUNS}' THEN i.suspicion ELSE '${SUSPECT}' END
       FROM owner, (
         SELECT l.id, x.ended, CASE
             WHEN x.ended THEN 'Interrupted: the connection to the database was lost while this attempt ran alone'
             WHEN NOT $5 THEN 'Interrupted: the process that ran this attempt is gone' END AS error
         FROM ${this.inbox} l
         CROSS JOIN LATERAL (SELECT (l.id, l.attempt_count) IN (SELECT * FROM unnest($6::uuid[], $7::int[])) AS ended) x
         WHERE l.consumer_name = $1 AND l.partition = $2 AND l.status = 'processing' AND l.id <> ALL ($3::uuid[])
           AND EXISTS (SELECT 1 FROM owner)
         FOR UPDATE OF l SKIP LOCKED
       ) left_over
       WHERE i.id = left_over.id RETURNING 1`,
      [
        key.consumerName,
        key.partition,
        mine,
        token,
        blameless,
        ended.map(({ inboxEventId }) => inboxEventId),
        ended.map(({ attempt }) => attempt),
      ],
    );
    return rows.length;
  }

  /** Whether a suspect still waits for its next attempt. That attempt must run exclusively. */
  async hasSuspects(key: CursorKey): Promise<boolean> {
    const rows = await this.db.query(
      `SELECT 1 FROM ${this.inbox} i WHERE i.consumer_name = $1 AND i.partition = $2 AND i.status = 'failed'
         AND i.available_at IS NOT NULL AND i.suspicion = '${SUSPECT}' LIMIT 1`,
      [key.consumerName, key.partition],
    );
    return rows.length > 0;
  }

  /** Returns which of these rows, claimed by this owner, are still as the claim left them. */
  async stillProcessing(claimed: readonly string[]): Promise<string[]> {
    const rows = await this.db.query<{ id: string }>(
      `SELECT id FROM ${this.inbox} WHERE id = ANY ($1::uuid[]) AND status = 'processing'`,
      [claimed],
    );
    return rows.map(({ id }) => id);
  }

  /**
   * Counts the `processing` rows that are not ours, because a stalled owner's transaction still holds them.
   */
  async countForeignProcessing(key: CursorKey, mine: readonly string[]): Promise<number> {
    const [row] = await this.db.query<{ count: number }>(
      `SELECT count(*) AS count FROM ${this.inbox}
       WHERE consumer_name = $1 AND partition = $2 AND status = 'processing' AND id <> ALL ($3::uuid[])`,
      [key.consumerName, key.partition, mine],
    );
    return row?.count ?? 0;
  }

  /** Returns the aggregates that have an unresolved row, with the position of the highest one. */
  async unresolvedAggregates(key: CursorKey): Promise<(AggregateKey & { readonly highest: number })[]> {
    return this.db.query<AggregateKey & { readonly highest: number }>(
      `SELECT aggregate_type AS "aggregateType", aggregate_id AS "aggregateId", max(position) AS highest
       FROM ${this.inbox} i WHERE consumer_name = $1 AND partition = $2 AND ${unresolved('i')}
       GROUP BY aggregate_type, aggregate_id`,
      [key.consumerName, key.partition],
    );
  }

  /**
   * Inserts the row of an event from the log, in its handler's transaction. Inserts nothing if there is a
   * row.
   */
  processedRow(key: CursorKey, event: EnteringEvent): EngineStatement {
    return { name: 'integration_processed_row', sql: this.processedRowSql, values: rowValues(key, event) };
  }

  /**
   * Does the same as the first statement of a transaction of the host's client. It sets the timeouts of the
   * transaction before it inserts the row. `lock_timeout` is one of them because of this statement itself: it
   * may wait for a transaction that holds the row uncommitted, and its own `statement_timeout` was fixed when
   * it began. It inserts nothing unless the transaction is READ COMMITTED.
   */
  async insertRow(
    transaction: SqlClient,
    key: CursorKey,
    event: EnteringEvent,
    timeoutMs: number,
  ): Promise<Entered> {
    const [row] = await transaction.$queryRawUnsafe<{ isolation: string; start: string; inserted: string }[]>(
      this.enterSql,
      ...rowValues(key, event),
      String(timeoutMs),
    );
    return {
      isolation: row?.isolation ?? 'unknown',
      start: row?.start ?? '',
      inserted: row?.inserted === 'true',
    };
  }

  /**
   * Returns the status of the row that was found, and whether its position is settled already because an
   * admin has discarded it. Undefined if the row is gone meanwhile because an owner's save deleted it.
   */
  async rowStatusOf(
    transaction: SqlClient,
    key: CursorKey,
    { outboxEventId, position }: Pick<EnteringEvent, 'outboxEventId' | 'position'>,
  ): Promise<{ status: InboxStatus; settled: boolean } | undefined> {
    const [row] = await transaction.$queryRawUnsafe<{ status: InboxStatus; settled: boolean }[]>(
      `SELECT status, NOT EXISTS (
         SELECT 1 FROM ${this.cursor} WHERE consumer_name = $2 AND partition = $3::int AND $4::bigint <@ unread
       ) AS settled
       FROM ${this.inbox} WHERE outbox_event_id = $1::uuid AND consumer_name = $2`,
      outboxEventId,
      key.consumerName,
      key.partition,
      position,
    );
    return row;
  }

  /**
   * Does the same in the retry loop. The claimed row becomes `processed` together with the handler's effects,
   * or nothing happens.
   */
  async completeClaimed(transaction: SqlClient, inboxEventId: string, attempt: number): Promise<boolean> {
    const updated = await transaction.$executeRawUnsafe(
      `UPDATE ${this.inbox} SET status = 'processed', processed_at = clock_timestamp(), available_at = NULL, updated_at = clock_timestamp()
       WHERE id = $1::uuid AND status = 'processing' AND attempt_count = $2::int`,
      inboxEventId,
      attempt,
    );
    return Number(updated) > 0;
  }
}

function rowValues(key: CursorKey, event: EnteringEvent): (string | number)[] {
  const { outboxEventId, position, aggregateType, aggregateId } = event;
  return [outboxEventId, position, key.consumerName, key.partition, aggregateType, aggregateId];
}
