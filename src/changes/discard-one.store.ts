import { type AuditedChange, AuditStore } from '../audit/audit.store.js';
import type { Author } from '../audit/change-author.js';
import { sqlStateOf } from '../database/connection/connection-loss.js';
import { LOCK_NOT_AVAILABLE } from '../database/connection/sql-states.js';
import { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { planForTheseValues } from '../database/sql/plan-for-values.store.js';
import { resolutionOf } from '../inbox/attempts.store.js';
import { filterValues, MATCHES_FILTER } from '../inbox/inbox-filter.store.js';
import { eventsTarget } from './chosen/audit-targets.js';
import {
  conditionOf,
  type DiscardableState,
  type OneEventFilter,
  statusesOf,
  waitLongerForLocks,
} from './chosen/inbox-admin.store.js';

/*
 * Sets one event of one consumer aside, whatever happens to it at this moment. This works even where the
 * inbox has no row of the event. Then the event is still in `unread`, and perhaps it runs again and again
 * with no attempt counted. All of it is one transaction:
 *
 * 1. Lock the consumer's cursors in the order of their keys. From then on, no save, claim, takeover or replay
 *    of this consumer is running. Step 2 is a statement of its own, so it sees every one that ran before.
 * 2. An unresolved row of the event becomes `skipped`. If there is no row and the position is unread, a
 *    `skipped` row is inserted, and the same statement removes the position from `unread` and `replayed`.
 * 3. Raise `changed_by_others`. Then the owner removes the event from its memory within a beat
 *    (DiscardedEvents).
 *
 * Why nothing brings the event back. What the owner has in hand can end in five ways. What step 2 wrote
 * fences each of them:
 *
 * - A save of positions removes from `unread` what is no longer in it. Nothing happens.
 * - A save of an exception finds the row. It never overwrites a row, and the memory takes over what it finds.
 * - A claimed row that runs gets a new id here. Neither its outcome nor its transaction finds the old id.
 * - The transaction of an event from the log inserts its row first. Either it finds the `skipped` row, or it
 *   came first and this insert waits for it. If it commits, the event is processed and nothing is discarded.
 * - The transaction of a batch removes its positions from `unread` only if all of them are still there. It
 *   fails, and the next attempt leaves the event out.
 *
 * A running transaction may hold the row for as long as its handler takes. A wait for it would keep the
 * cursors locked, and their renewals would wait too. So step 2 waits only for a moment, and then everything
 * is tried again.
 */
export class DiscardOneStore {
  private readonly inbox: string;
  private readonly log: string;
  private readonly cursor: string;
  private readonly partitionOf: string;
  private readonly audit: AuditStore;

  constructor(private readonly db: EngineDatabase) {
    this.inbox = db.tables.inboxEvent;
    this.log = db.tables.outboxEvent;
    this.cursor = db.tables.inboxCursor;
    this.partitionOf = db.tables.integrationPartition;
    this.audit = new AuditStore(db);
  }

  /**
   * Returns the number of events it set aside: none or one. Undefined means that a transaction holds the
   * event at this moment. If an event was set aside, `alongWith` runs in the same transaction, and says what
   * the audit has in the place of a discard.
   */
  async discard(
    filter: OneEventFilter,
    states: readonly DiscardableState[],
    author: Author,
    alongWith?: (session: EngineSession) => Promise<Omit<AuditedChange, 'target'>>,
  ): Promise<number | undefined> {
    try {
      return await this.db.transaction(async (session) => {
        const discarded = await this.discardIn(session, filter, states, author);
        if (discarded === 0) return 0;
        const change = (await alongWith?.(session)) ?? { action: 'events.discard', after: { filter } };
        await this.audit.add(session, author, {
          ...change,
          target: eventsTarget(filter),
          affected: discarded,
        });
        return discarded;
      });
    } catch (error) {
      if (sqlStateOf(error) === LOCK_NOT_AVAILABLE) return undefined;
      throw error;
    }
  }

  private async discardIn(
    session: EngineSession,
    filter: OneEventFilter,
    states: readonly DiscardableState[],
    author: Author,
  ): Promise<number> {
    await waitLongerForLocks(session);
    await session.query(
      `SELECT 1 FROM ${this.cursor} WHERE consumer_name = $1 ORDER BY partition FOR UPDATE`,
      [filter.consumerName],
    );
    await session.query(`SET LOCAL lock_timeout = '100ms'`);
    await planForTheseValues(session);
    const rows = await session.query(this.discardSql(states), [
      ...filterValues(filter),
      author.reason,
      statusesOf(states),
      states.includes('unread'),
      author.actor,
    ]);
    return rows.length;
  }

  // The event is looked up once in the log, where its id and its position have an index each. Rows are found
  // through the event. If the log no longer has it, they are found through the filter.
  private discardSql(states: readonly DiscardableState[]): string {
    return `
      WITH e AS MATERIALIZED (
        SELECT id, position, event_name, aggregate_type, aggregate_id FROM ${this.log}
        WHERE ($5::uuid[] IS NULL OR id = ANY ($5)) AND ($7::bigint IS NULL OR position = $7)
      ), changed AS (
        UPDATE ${this.inbox} i
        SET status = 'skipped', available_at = NULL, processed_at = clock_timestamp(), updated_at = clock_timestamp(),
            resolution = ${resolutionOf('discard', '$11', '$8')}, suspicion = NULL,
            id = CASE WHEN i.status = 'processing' THEN gen_random_uuid() ELSE i.id END
        FROM (
          SELECT i.id FROM ${this.inbox} i LEFT JOIN e ON e.id = i.outbox_event_id
          WHERE i.consumer_name = $1 AND i.status = ANY ($9::text[]) AND i.status <> 'processed' AND ${conditionOf(states)}
            AND ${MATCHES_FILTER}
        ) chosen
        WHERE i.id = chosen.id AND ${conditionOf(states)}
        RETURNING i.partition, '{}'::int8multirange AS taken_out
      ), inserted AS (
        INSERT INTO ${this.inbox} (outbox_event_id, position, consumer_name, partition, aggregate_type, aggregate_id, status,
          resolution, processed_at)
        SELECT i.id, i.position, $1, c.partition, i.aggregate_type, i.aggregate_id, 'skipped', ${resolutionOf('discard', '$11', '$8')}, clock_timestamp()
        FROM (SELECT *, id AS outbox_event_id, NULL AS error_fingerprint, 0 AS attempt_count, NULL::jsonb AS resolution FROM e) i CROSS JOIN e
        JOIN ${this.cursor} c ON c.consumer_name = $1 AND i.position <@ c.unread AND (c.partitions = 1
          OR c.partition = ${this.partitionOf}(i.aggregate_type, i.aggregate_id, c.partitions))
        WHERE $10 AND ${MATCHES_FILTER} AND EXISTS (SELECT 1 FROM unnest(c.event_names) AS n (name)
          WHERE n.name = i.event_name OR (right(n.name, 1) = '*' AND i.event_name ^@ left(n.name, -1)))
        ON CONFLICT (outbox_event_id, consumer_name) DO NOTHING
        RETURNING partition, int8multirange(int8range(position, position, '[]')) AS taken_out
      )
      UPDATE ${this.cursor} c
      SET changed_by_others = c.changed_by_others + 1, unread = c.unread - aside.taken_out, replayed = c.replayed - aside.taken_out
      FROM (SELECT * FROM changed UNION ALL SELECT * FROM inserted) aside
      WHERE c.consumer_name = $1 AND c.partition = aside.partition
      RETURNING 1`;
  }
}
