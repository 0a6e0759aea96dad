import { Injectable } from '@nestjs/common';
import { MOST_PUBLISHED, type UnpublishedEvent } from '../../changes/rehearsals/rehearsal.js';
import type { SqlClient } from '../../database/clients/sql-client.js';
import { EngineDatabase } from '../../database/engine-database.js';
import type { ClaimedRehearsal } from './rehearsal-work.store.js';

/** A longer payload is not shown. */
const LONGEST_PAYLOAD = 65_536;

/** All columns are texts, because every client returns texts in the same way. */
type PublishedRow = Readonly<
  Record<Exclude<keyof UnpublishedEvent, 'payload'>, string> & { payload: string | null }
>;

/** The statements of a rehearsal in the transaction of its handler. */
@Injectable()
export class RehearsalTransactionStore {
  private readonly rehearsals: string;
  private readonly log: string;

  constructor(db: EngineDatabase) {
    this.rehearsals = db.tables.integrationRehearsal;
    this.log = db.tables.outboxEvent;
  }

  /**
   * Puts the fence into the transaction: no COMMIT of it can succeed from now on. Resolves to the highest
   * position of the log. What this transaction publishes later has a higher one.
   */
  async fence(transaction: SqlClient, fence: string, rehearsal: ClaimedRehearsal): Promise<string> {
    const [row] = await transaction.$queryRawUnsafe<{ head: string }[]>(
      `INSERT INTO ${this.rehearsals} (id, state, consumer_name, outbox_event_id, position, requested_by)
       VALUES ($1::text::uuid, 'fence', $2::text, $3::text::uuid, $4::text::bigint, '')
       RETURNING (SELECT coalesce(max(position), 0)::text FROM ${this.log}) AS head`,
      fence,
      rehearsal.consumerName,
      rehearsal.outboxEventId,
      String(rehearsal.position),
    );
    return row?.head ?? '0';
  }

  /**
   * Runs what waits for the COMMIT: deferred constraints and triggers. The text must hold nothing else, or
   * the fence refuses it.
   */
  async runDeferred(transaction: SqlClient): Promise<void> {
    await transaction.$executeRawUnsafe('SET CONSTRAINTS ALL IMMEDIATE');
  }

  /**
   * Resolves to the events that this transaction has published behind a position, by whatever way. A row that
   * is visible was written by a transaction that has committed, or by this one or one of its savepoints,
   * which are in progress. A transaction draws the numbers of its savepoints after its own, so a number that
   * lies behind its own by less than half of the circle is compared, and the others are older.
   */
  async publishedBehind(transaction: SqlClient, position: string): Promise<UnpublishedEvent[]> {
    const rows = await transaction.$queryRawUnsafe<PublishedRow[]>(
      `WITH me AS (SELECT pg_current_xact_id()::text::bigint AS number)
       SELECT e.id::text AS "outboxEventId", e.position::text AS position, e.event_name AS "eventName",
         e.event_version::text AS "eventVersion", e.source_module AS "sourceModule", e.aggregate_type AS "aggregateType",
         e.aggregate_id AS "aggregateId", octet_length(e.payload::text)::text AS "payloadBytes",
         CASE WHEN octet_length(e.payload::text) <= ${LONGEST_PAYLOAD} THEN e.payload::text END AS payload
       FROM me CROSS JOIN ${this.log} e
       CROSS JOIN LATERAL (SELECT (e.xmin::text::bigint - me.number % 4294967296 + 4294967296) % 4294967296 AS later) AS by
       WHERE e.position > $1::text::bigint
         AND CASE WHEN by.later < 2147483648 THEN pg_xact_status((me.number + by.later)::text::xid8) = 'in progress' ELSE false END
       ORDER BY e.position LIMIT ${MOST_PUBLISHED + 1}`,
      position,
    );
    return rows.map((row) => ({
      ...row,
      position: Number(row.position),
      eventVersion: Number(row.eventVersion),
      payloadBytes: Number(row.payloadBytes),
    }));
  }
}
