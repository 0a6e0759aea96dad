import { Injectable } from '@nestjs/common';
import type { SqlClient } from '../database/clients/sql-client.js';
import { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { epochText } from '../database/sql/epoch-text.store.js';
import { planForTheseValues } from '../database/sql/plan-for-values.store.js';
import { planInOrderOfIndex } from '../database/sql/plan-in-order-of-index.store.js';
import { timeOf, timeOrNullOf } from '../database/wire/plain-values.js';
import type { FailedAttempt, StoredAttempt } from './failed-attempt.js';
import { filterValues, MATCHES_FILTER, ROW_MATCHES_FILTER } from './inbox-filter.store.js';
import type { DeadLetterSearch, EventHistory, InboxFilter, InboxRecord } from './inbox-record.js';
import { consumersNamed, type InboxStatus } from './inbox-status.js';

type Times = 'availableAt' | 'processedAt' | 'createdAt' | 'updatedAt';

/** A row as any client returns it: times and numbers are texts. */
type InboxRow = Omit<InboxRecord, Times | 'position' | 'attemptCount' | 'resolution'> &
  Readonly<Record<'position' | 'attemptCount' | 'createdAt' | 'updatedAt', string>> &
  Readonly<Record<'availableAt' | 'processedAt' | 'resolution', string | null>>;

type DeadRow = InboxRow & { readonly status: 'dead_letter' };

/** A dead letter as any client returns it, and the last one that was looked at, if there may be more. */
type DeadLetterRow = DeadRow & { readonly eventName: string; readonly lastLookedAt: number | null };
/** The only row if nothing matches. */
type NoDeadLetter = { readonly id: null; readonly lastLookedAt: number | null };

/** How many dead letters are looked at to find those that a filter without an index asks for. */
const LOOKED_AT_ONCE = 100_000;

/** Whether an index of the inbox has what a filter asks for. */
function hasIndex({ outboxEventId, outboxEventIds, position, errorFingerprint }: InboxFilter): boolean {
  return [outboxEventId, outboxEventIds, position, errorFingerprint].some((value) => value !== undefined);
}

/** The inbox as users read it, and as consumers written by hand use it. */
@Injectable()
export class InboxRecordStore {
  private readonly inbox: string;
  private readonly log: string;
  private readonly cursor: string;
  private readonly columns: string;

  constructor(private readonly db: EngineDatabase) {
    this.inbox = db.tables.inboxEvent;
    this.log = db.tables.outboxEvent;
    this.cursor = db.tables.inboxCursor;
    this.columns = `i.id::text AS id, i.outbox_event_id::text AS "outboxEventId", i.position::text AS position, i.consumer_name AS "consumerName",
      i.aggregate_type AS "aggregateType", i.aggregate_id AS "aggregateId", i.status, i.attempt_count::text AS "attemptCount",
      i.last_error AS "lastError", i.error_fingerprint AS "errorFingerprint", i.resolution::text AS resolution,
      CASE WHEN isfinite(i.available_at) THEN ${epochText('i.available_at')} END AS "availableAt",
      ${epochText('i.processed_at')} AS "processedAt", ${epochText('i.created_at')} AS "createdAt",
      ${epochText('i.updated_at')} AS "updatedAt"`;
  }

  /**
   * Returns dead letters by position, the oldest first. The next page begins after a position. So all
   * consumers that have dead letters of one event are on the same page.
   *
   * A filter without an index looks at 100,000 dead letters, so a page that is not full may have one behind
   * it.
   */
  async findDeadLetters(filter: InboxFilter, limit: number, after: number): Promise<DeadLetterSearch> {
    const rows = await this.db.read(async (session) => {
      if (hasIndex(filter)) {
        await planForTheseValues(session);
        return this.deadLettersOf(session, filter, limit, after);
      }
      await planInOrderOfIndex(session);
      return this.deadLettersBehind(session, filter, limit, after);
    });
    const items = rows
      .filter((row): row is DeadLetterRow => row.id !== null)
      .map(({ eventName, lastLookedAt: _, ...row }) => ({ ...recordOf(row), status: row.status, eventName }));
    const last = items.length < limit ? rows[0]?.lastLookedAt : items.at(-1)?.position;
    return { items, scannedTo: last ?? null };
  }

  /**
   * Reads dead letters in the order of the index until those that match fill the page. One statement says
   * both what it found and how far it looked, so that nothing can get in between.
   */
  private async deadLettersBehind(
    session: EngineSession,
    { consumerName, eventName, aggregateType, aggregateId }: InboxFilter,
    limit: number,
    after: number,
  ): Promise<(DeadLetterRow | NoDeadLetter)[]> {
    const dead = `FROM ${this.inbox} WHERE status = 'dead_letter' AND position > $2::bigint
      ${consumerName === undefined ? 'AND $3::text IS NULL' : 'AND consumer_name = $3'}`;
    return session.query(
      `WITH page AS MATERIALIZED (
         SELECT i.*, e.event_name FROM (
           SELECT * ${dead} ORDER BY position FETCH FIRST ${LOOKED_AT_ONCE} ROWS WITH TIES
         ) AS i
         LEFT JOIN ${this.log} e ON e.position = i.position
         WHERE ($4::text IS NULL OR e.event_name = $4) AND ($5::text IS NULL OR i.aggregate_type = $5)
           AND ($6::text IS NULL OR i.aggregate_id = $6)
         ORDER BY i.position FETCH FIRST ($1::int) ROWS WITH TIES
       )
       SELECT ${this.columns}, coalesce(i.event_name, '') AS "eventName", looked."lastLookedAt" FROM (
         SELECT CASE WHEN (SELECT count(*) FROM page) < $1 THEN
           (SELECT position ${dead} ORDER BY position OFFSET ${LOOKED_AT_ONCE - 1} LIMIT 1) END AS "lastLookedAt"
       ) AS looked
       LEFT JOIN page AS i ON true
       ORDER BY i.position, i.consumer_name`,
      [limit, after, consumerName ?? null, eventName ?? null, aggregateType ?? null, aggregateId ?? null],
    );
  }

  /**
   * Returns the dead letters that an index finds, of each consumer by itself. It reads the places of the
   * first ones of each consumer, sorts them together, and then reads the rows of the page.
   */
  private async deadLettersOf(
    session: EngineSession,
    filter: InboxFilter,
    limit: number,
    after: number,
  ): Promise<DeadLetterRow[]> {
    // Only a filter by the name of the event needs the events of those that are not on the page.
    const [join, matches] =
      filter.eventName === undefined
        ? ['', `$2::text IS NULL AND ${ROW_MATCHES_FILTER}`]
        : [`JOIN ${this.log} e ON e.position = i.position`, MATCHES_FILTER];
    return session.query<DeadLetterRow>(
      `SELECT ${this.columns}, coalesce(e.event_name, '') AS "eventName", NULL::bigint AS "lastLookedAt" FROM (
       SELECT DISTINCT consumer_name, position FROM (
         SELECT found.* FROM (${consumersNamed(this.inbox)}) AS consumer
       CROSS JOIN LATERAL (
         SELECT i.consumer_name, i.position FROM ${this.inbox} i ${join}
         WHERE i.consumer_name = consumer.name AND i.status = 'dead_letter' AND ${matches} AND i.position > $9::bigint
         ORDER BY i.position LIMIT $8
       ) AS found
       ORDER BY found.position FETCH FIRST ($8) ROWS WITH TIES
       ) AS first) AS page
       JOIN ${this.inbox} i ON i.consumer_name = page.consumer_name AND i.status = 'dead_letter' AND i.position = page.position
         AND ${ROW_MATCHES_FILTER}
       LEFT JOIN ${this.log} e ON e.position = page.position
       ORDER BY page.position, page.consumer_name`,
      [...filterValues(filter), limit, after],
    );
  }

  /**
   * Returns whether a consumer has processed an event. The row decides. If there is no row, the cursor
   * decides.
   */
  async isProcessed(outboxEventId: string, consumerName: string): Promise<boolean> {
    const [row] = await this.db.query<{ processed: boolean | null }>(
      `SELECT CASE
         WHEN i.status IS NOT NULL THEN i.status = 'processed'
         ELSE EXISTS (
           SELECT 1 FROM ${this.cursor} c
           WHERE c.consumer_name = $2 AND e.position >= c.starts_at AND NOT e.position <@ c.unread
             AND c.partition = CASE WHEN c.partitions = 1 THEN 0
               ELSE ${this.db.tables.integrationPartition}(e.aggregate_type, e.aggregate_id, c.partitions) END
             AND EXISTS (SELECT 1 FROM unnest(c.event_names) AS n (name)
                         WHERE e.event_name = n.name OR (right(n.name, 1) = '*' AND e.event_name ^@ left(n.name, -1))))
         END AS processed
       FROM ${this.log} e
       LEFT JOIN ${this.inbox} i ON i.outbox_event_id = e.id AND i.consumer_name = $2
       WHERE e.id = $1::uuid`,
      [outboxEventId, consumerName],
    );
    return row?.processed ?? false;
  }

  /**
   * Returns dead letters of one kind at one consumer by position, and by id where positions tie. A null kind
   * has a query of its own, because an index cannot be searched by IS NOT DISTINCT FROM.
   */
  async findOfKind(
    consumerName: string,
    fingerprint: string | null,
    limit: number,
    after: { readonly position: number; readonly id: string } | undefined,
  ): Promise<(InboxRecord & { status: 'dead_letter'; eventName: string | null })[]> {
    const ofKind =
      fingerprint === null ? 'i.error_fingerprint IS NULL AND $2::text IS NULL' : 'i.error_fingerprint = $2';
    const rows = await this.db.query<DeadRow & { eventName: string | null }>(
      `SELECT ${this.columns}, e.event_name AS "eventName" FROM (
         SELECT * FROM ${this.inbox} i WHERE i.consumer_name = $1 AND ${ofKind} AND i.status = 'dead_letter'
           AND ($4::bigint IS NULL OR (i.position, i.id) > ($4, $5::uuid))
         ORDER BY i.error_fingerprint, i.position, i.id LIMIT $3
       ) AS i
       LEFT JOIN ${this.log} e ON e.position = i.position AND e.id = i.outbox_event_id
       ORDER BY i.position, i.id`,
      [consumerName, fingerprint, limit, after?.position ?? null, after?.id ?? null],
    );
    return rows.map(({ eventName, ...row }) => ({ ...recordOf(row), status: row.status, eventName }));
  }

  async historyOf(outboxEventId: string, consumerName: string): Promise<EventHistory | undefined> {
    const [row] = await this.db.query<{
      attempts: string | null;
      resolution: string | null;
      operationId: string | null;
    }>(
      `SELECT attempts::text AS attempts, resolution::text AS resolution, operation_id::text AS "operationId"
       FROM ${this.inbox} WHERE outbox_event_id = $1::uuid AND consumer_name = $2`,
      [outboxEventId, consumerName],
    );
    return (
      row && {
        attempts: JSON.parse(row.attempts ?? '[]').map(attemptOf),
        resolution: JSON.parse(row.resolution ?? 'null'),
        operationId: row.operationId,
      }
    );
  }

  /** Whether the engine runs a consumer of this name. */
  async isManaged(consumerName: string): Promise<boolean> {
    const rows = await this.db.query(`SELECT 1 FROM ${this.cursor} WHERE consumer_name = $1 LIMIT 1`, [
      consumerName,
    ]);
    return rows.length > 0;
  }

  /**
   * Inserts a row for an event of the log, unless there is one already. Inserts nothing if the log has no
   * such event.
   */
  async create(client: SqlClient, outboxEventId: string, consumerName: string): Promise<void> {
    await client.$executeRawUnsafe(
      `INSERT INTO ${this.inbox} (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
       SELECT e.id, e.position, $2, e.aggregate_type, e.aggregate_id, 'received' FROM ${this.log} e WHERE e.id = $1::uuid
       ON CONFLICT (outbox_event_id, consumer_name) DO NOTHING`,
      outboxEventId,
      consumerName,
    );
  }

  async findByEvent(
    client: SqlClient,
    outboxEventId: string,
    consumerName: string,
  ): Promise<InboxRecord | undefined> {
    const [row] = await client.$queryRawUnsafe<InboxRow[]>(
      `SELECT ${this.columns} FROM ${this.inbox} i WHERE i.outbox_event_id = $1::uuid AND i.consumer_name = $2`,
      outboxEventId,
      consumerName,
    );
    return row && recordOf(row);
  }

  async consumerOf(client: SqlClient, id: string): Promise<string | undefined> {
    const [row] = await client.$queryRawUnsafe<{ consumerName: string }[]>(
      `SELECT consumer_name AS "consumerName" FROM ${this.inbox} WHERE id = $1::uuid`,
      id,
    );
    return row?.consumerName;
  }

  /**
   * Sets the next status of a row that belongs to a consumer written by hand. `processing` counts an attempt.
   */
  async mark(
    client: SqlClient,
    id: string,
    status: InboxStatus,
    error: string | undefined,
  ): Promise<InboxRecord | undefined> {
    const [row] = await client.$queryRawUnsafe<InboxRow[]>(
      `UPDATE ${this.inbox} i
       SET status = $2::text, last_error = coalesce($3::text, i.last_error),
           attempt_count = i.attempt_count + ($2::text = 'processing')::int,
           processed_at = CASE WHEN $2::text IN ('processed', 'skipped') THEN clock_timestamp() END, updated_at = clock_timestamp()
       WHERE i.id = $1::uuid RETURNING ${this.columns}`,
      id,
      status,
      (error === undefined ? undefined : this.db.narrowText?.replaceIn(error)) ?? error ?? null,
    );
    return row && recordOf(row);
  }
}

function attemptOf(stored: StoredAttempt): FailedAttempt {
  return { ...stored, lines: stored.lines ?? [], linesLeftOut: stored.linesLeftOut ?? 0 };
}

function recordOf({
  position,
  attemptCount,
  availableAt,
  processedAt,
  resolution,
  createdAt,
  updatedAt,
  ...row
}: InboxRow): InboxRecord {
  return {
    ...row,
    position: Number(position),
    attemptCount: Number(attemptCount),
    availableAt: timeOrNullOf(availableAt),
    processedAt: timeOrNullOf(processedAt),
    resolution: JSON.parse(resolution ?? 'null'),
    createdAt: timeOf(createdAt),
    updatedAt: timeOf(updatedAt),
  };
}
