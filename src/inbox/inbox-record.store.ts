import { Injectable } from '@nestjs/common';
import type { SqlClient } from '../database/clients/sql-client.js';
import { EngineDatabase, type EngineSession } from '../database/engine-database.js';
import { epochText } from '../database/sql/epoch-text.store.js';
import { planForTheseValues } from '../database/sql/plan-for-values.store.js';
import { timeOf, timeOrNullOf } from '../database/wire/plain-values.js';
import { filterValues, MATCHES_FILTER, ROW_MATCHES_FILTER } from './inbox-filter.store.js';
import type { DeadLetter, EventHistory, InboxFilter, InboxRecord } from './inbox-record.js';
import { consumersNamed, type InboxStatus } from './inbox-status.js';

type Times = 'availableAt' | 'processedAt' | 'createdAt' | 'updatedAt';

/** A row as any client returns it: times and numbers are texts. */
type InboxRow = Omit<InboxRecord, Times | 'position' | 'attemptCount' | 'resolution'> &
  Readonly<Record<'position' | 'attemptCount' | 'createdAt' | 'updatedAt', string>> &
  Readonly<Record<'availableAt' | 'processedAt' | 'resolution', string | null>>;

/** So many positions are looked at first for dead letters that no index finds. */
const FIRST_STRETCH = 100_000;

/** Whether a filter is by what no index of dead letters has, and leaves more than one event. */
function isScattered(filter: InboxFilter): boolean {
  const { eventName, aggregateType, aggregateId, outboxEventId, outboxEventIds, position } = filter;
  const isOfOne = [outboxEventId, outboxEventIds, position].some((value) => value !== undefined);
  return !isOfOne && [eventName, aggregateType, aggregateId].some((value) => value !== undefined);
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
   * No index has their event names and aggregates. With such a filter, every consumer would be read until it
   * has a page of its own, although the page needs few of them. So the positions are looked at in stretches,
   * each twice as long as the one before, until the page is full.
   */
  async findDeadLetters(filter: InboxFilter, limit: number, after: number): Promise<DeadLetter[]> {
    return this.db.read(async (session) => {
      await planForTheseValues(session);
      if (!isScattered(filter)) return this.deadLettersIn(session, filter, limit, after, null);
      const found: DeadLetter[] = [];
      let length = FIRST_STRETCH;
      let first = await this.firstDeadBehind(session, filter, after);
      while (first !== null && found.length < limit) {
        const end = first + length - 1;
        found.push(...(await this.deadLettersIn(session, filter, limit - found.length, first - 1, end)));
        length *= 2;
        if (found.length < limit) first = await this.firstDeadBehind(session, filter, end);
      }
      return found;
    });
  }

  private async firstDeadBehind(
    session: EngineSession,
    { consumerName }: InboxFilter,
    position: number,
  ): Promise<number | null> {
    const [row] = await session.query<{ first: number | null }>(
      `SELECT min(next.position) AS first FROM (${consumersNamed(this.inbox)}) AS consumer
       CROSS JOIN LATERAL (
         SELECT i.position FROM ${this.inbox} i
         WHERE i.consumer_name = consumer.name AND i.status = 'dead_letter' AND i.position > $2::bigint ORDER BY i.position LIMIT 1
       ) AS next`,
      [consumerName ?? null, position],
    );
    return row?.first ?? null;
  }

  /**
   * Returns the first dead letters behind `after`, up to the position `end` if there is one. It reads the
   * places of the first ones of each consumer in the order of the index, sorts them together, and then reads
   * the rows of the page.
   */
  private async deadLettersIn(
    session: EngineSession,
    filter: InboxFilter,
    limit: number,
    after: number,
    end: number | null,
  ): Promise<DeadLetter[]> {
    // Only a filter by the name of the event needs the events of those that are not on the page.
    const [join, matches] =
      filter.eventName === undefined
        ? ['', `$2::text IS NULL AND ${ROW_MATCHES_FILTER}`]
        : [`JOIN ${this.log} e ON e.position = i.position`, MATCHES_FILTER];
    const rows = await session.query<InboxRow & { eventName: string }>(
      `SELECT ${this.columns}, coalesce(e.event_name, '') AS "eventName" FROM (
       SELECT DISTINCT consumer_name, position FROM (
         SELECT found.* FROM (${consumersNamed(this.inbox)}) AS consumer
       CROSS JOIN LATERAL (
         SELECT i.consumer_name, i.position FROM ${this.inbox} i ${join}
         WHERE i.consumer_name = consumer.name AND i.status = 'dead_letter' AND ${matches} AND i.position > $9::bigint
           AND ($10::bigint IS NULL OR i.position <= $10)
         ORDER BY i.position LIMIT $8
       ) AS found
       ORDER BY found.position FETCH FIRST ($8) ROWS WITH TIES
       ) AS first) AS page
       JOIN ${this.inbox} i ON i.consumer_name = page.consumer_name AND i.status = 'dead_letter' AND i.position = page.position
         AND ${ROW_MATCHES_FILTER}
       LEFT JOIN ${this.log} e ON e.position = page.position
       ORDER BY page.position, page.consumer_name`,
      [...filterValues(filter), limit, after, end],
    );
    return rows.map(({ eventName, ...row }) => ({ ...recordOf(row), eventName }));
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
  ): Promise<(InboxRecord & { eventName: string | null })[]> {
    const ofKind =
      fingerprint === null ? 'i.error_fingerprint IS NULL AND $2::text IS NULL' : 'i.error_fingerprint = $2';
    const rows = await this.db.query<InboxRow & { eventName: string | null }>(
      `SELECT ${this.columns}, e.event_name AS "eventName" FROM (
         SELECT * FROM ${this.inbox} i WHERE i.consumer_name = $1 AND ${ofKind} AND i.status = 'dead_letter'
           AND ($4::bigint IS NULL OR (i.position, i.id) > ($4, $5::uuid))
         ORDER BY i.position, i.id LIMIT $3
       ) AS i
       LEFT JOIN ${this.log} e ON e.position = i.position AND e.id = i.outbox_event_id
       ORDER BY i.position, i.id`,
      [consumerName, fingerprint, limit, after?.position ?? null, after?.id ?? null],
    );
    return rows.map(({ eventName, ...row }) => ({ ...recordOf(row), eventName }));
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
        attempts: JSON.parse(row.attempts ?? '[]'),
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
