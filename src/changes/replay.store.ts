import { Injectable } from '@nestjs/common';
import { AuditStore } from '../audit/audit.store.js';
import type { Author } from '../audit/change-author.js';
import { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { type ReplayedRanges, replaysIn } from '../inbox/inbox-cursor.store.js';
import { PositionSet } from '../log/position-set.js';
import { consumerTarget } from './chosen/audit-targets.js';
import { waitLongerForLocks } from './chosen/inbox-admin.store.js';
import { replaysWith } from './replays-column.store.js';

/** Number of events of the log that one transaction looks at. Each takes a probe of the inbox. */
const EVENTS_AT_ONCE = 20_000;

/** What went back into `unread`. */
export interface PutBack {
  readonly from: number;
  readonly to: number;
  readonly positions: number;
}

/*
 * Replays a whole range (`unread + range`) on a consumer that runs.
 *
 * Only settled positions are put back. A position that is unread at that moment stays as it is, because its
 * event is delivered anyway. Such an event is not read yet, is running, or is finished but not saved. An
 * event with an unresolved row stays too, because the retry loop will run it. Both are decided while the
 * cursor rows are locked. So no save, claim or takeover of this consumer is running then, and every earlier
 * one is visible.
 *
 * A long range is put back in portions. Each portion is one transaction:
 *
 * 1. Lock the cursors in the order of their keys.
 * 2. Delete resolved rows of settled positions in the range. A row that somebody else has locked stays, for
 *    example during a redrive.
 * 3. added := range - unread - positions of the rows that are left. unread := unread + added. replayed :=
 *    replayed + added. `replays` gets `added` under the id of this replay, and loses it under older ones.
 *
 * How a running owner learns of it without reading anything twice. Everything that the owner has in hand is
 * in `unread` until its save commits. So `added` has nothing in common with what the owner has in hand or has
 * still to read. The owner takes `added` up once, by emptying `replayed` under its token, and then reads it
 * like the rest. It does so between two pages. A page that is being read did not ask for these positions, so
 * its sweep would take their absence for a rollback. A new claim reads the whole of `unread`, and empties
 * `replayed` in the same statement. Two cases are left. A transactional batch settles its positions itself,
 * and its owner may not know yet that it has (see ConsumerWorker). A discarded event that its owner still has
 * in hand may be put back, fail, and be saved before `added` is taken up. So the owner takes up only what is
 * unread.
 *
 * How an owner knows which events are replayed. It gets `replays` when it claims the cursor, and whenever it
 * takes something up. So it has the entry of a position before it reads the position, and a row that such an
 * event leaves is claimed with the entry known. Only a repartition may blur this: what one partition had not
 * read yet may count as replayed if another one had put it back.
 *
 * A position may be put back whose writer has not ended yet, if the consumer started later than the position.
 * That position was drawn before anything that the owner has seen. So the proof of the sweep in
 * cursor-reader.ts holds for it too.
 */
@Injectable()
export class ReplayStore {
  private readonly cursor: string;
  private readonly inbox: string;
  private readonly log: string;
  private readonly partitionOf: string;
  private readonly audit: AuditStore;

  constructor(private readonly db: EngineDatabase) {
    this.cursor = db.tables.inboxCursor;
    this.inbox = db.tables.inboxEvent;
    this.log = db.tables.outboxEvent;
    this.partitionOf = db.tables.integrationPartition;
    this.audit = new AuditStore(db);
  }

  /** The part of a range that the log has. Undefined means that there is no such consumer. */
  async boundsOf(
    consumerName: string,
    from: number,
    to: number | undefined,
  ): Promise<{ from: number; to: number } | undefined> {
    const [row] = await this.db.query<{ first: number | null; last: number | null }>(
      `SELECT (SELECT min(position) FROM ${this.log}) AS first, (SELECT max(position) FROM ${this.log}) AS last
       FROM ${this.cursor} WHERE consumer_name = $1 LIMIT 1`,
      [consumerName],
    );
    if (row === undefined) return undefined;
    return {
      from: Math.max(from, row.first ?? 1),
      to: Math.min(to ?? Number.MAX_SAFE_INTEGER, row.last ?? 0),
    };
  }

  /**
   * Puts positions of `[begin, to]` back. It starts at `from`, and goes to the end or as far as a small
   * transaction goes.
   *
   * @param replayId the id of the replay, which is the same for all of its portions
   */
  async putBack(
    consumerName: string,
    begin: number,
    from: number,
    to: number,
    author: Author,
    replayId: string,
  ): Promise<PutBack> {
    return this.db.transaction(async (session) => {
      await waitLongerForLocks(session);
      const end = await this.endOfPortion(session, from, to);
      await session.query(
        `SELECT 1 FROM ${this.cursor} WHERE consumer_name = $1 ORDER BY partition FOR UPDATE`,
        [consumerName],
      );
      await session.query(this.deleteResolvedSql, [consumerName, from, end]);
      const [added] = await session.query<{ positions: number }>(this.addSql, [
        consumerName,
        from,
        end,
        begin,
        replayId,
      ]);
      const positions = added?.positions ?? 0;
      if (positions > 0)
        await this.audit.add(session, author, {
          action: 'consumers.replay',
          target: consumerTarget(consumerName),
          after: { from, to: end },
          affected: positions,
        });
      return { from, to: end, positions };
    });
  }

  /**
   * A portion has only as many events as can be looked at quickly, because a renewal of the lease waits while
   * the cursor is locked.
   */
  private async endOfPortion(session: EngineSession, from: number, to: number): Promise<number> {
    const [row] = await session.query<{ end: number | null }>(
      `SELECT position AS end FROM ${this.log} WHERE position BETWEEN $1 AND $2
       ORDER BY position OFFSET ${EVENTS_AT_ONCE - 1} LIMIT 1`,
      [from, to],
    );
    return row?.end ?? to;
  }

  /**
   * Gives the owner what was put back since it last asked, and all replays. Undefined means that the lease is
   * lost.
   */
  async takeUp(
    key: { consumerName: string; partition: number },
    token: string,
  ): Promise<{ positions: PositionSet; replays: ReplayedRanges[] } | undefined> {
    const [row] = await this.db.query<{ replayed: string; replays: string }>(
      `UPDATE ${this.cursor} c SET replayed = '{}'
       FROM (
         SELECT replayed FROM ${this.cursor}
         WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid FOR UPDATE
       ) before
       WHERE c.consumer_name = $1 AND c.partition = $2 AND c.lease_token = $3::uuid
       RETURNING (before.replayed * c.unread)::text AS replayed, c.replays::text AS replays`,
      [key.consumerName, key.partition, token],
    );
    return row && { positions: PositionSet.parse(row.replayed), replays: replaysIn(JSON.parse(row.replays)) };
  }

  // Rows are looked up by their events, because no index leads from a position to a row. The array keeps each
  // access a probe. A row whose event is gone needs no care, because there is nothing to deliver at its
  // position.
  private get rowsInRange(): string {
    return `outbox_event_id = ANY (ARRAY(SELECT e.id FROM ${this.log} e WHERE e.position BETWEEN $2 AND $3)) AND consumer_name = $1`;
  }

  // The `processed` row of an unread position stays, because it keeps a transactional handler from running
  // twice.
  private get deleteResolvedSql(): string {
    return `
      DELETE FROM ${this.inbox} WHERE id IN (
        SELECT i.id FROM (SELECT * FROM ${this.inbox} WHERE ${this.rowsInRange}) AS i
        JOIN ${this.cursor} c ON c.consumer_name = i.consumer_name AND (c.partitions = 1
          OR c.partition = ${this.partitionOf}(i.aggregate_type, i.aggregate_id, c.partitions))
        WHERE (i.status IN ('processed', 'skipped', 'dead_letter') OR (i.status = 'failed' AND i.available_at IS NULL))
          AND NOT i.position <@ c.unread
        FOR UPDATE OF i SKIP LOCKED
      )`;
  }

  // A consumer that now reads everything up to its starting position has in effect started earlier. From now
  // on it is asked for those events too.
  private get addSql(): string {
    return `
      WITH held AS (
        SELECT coalesce(range_agg(int8range(position, position, '[]')), '{}') AS positions
        FROM ${this.inbox} WHERE ${this.rowsInRange}
      ), added AS (
        SELECT c.partition, int8multirange(int8range($2, $3, '[]')) - c.unread - held.positions AS positions
        FROM ${this.cursor} c, held WHERE c.consumer_name = $1
      ), put AS (
        UPDATE ${this.cursor} c
        SET unread = c.unread + a.positions, replayed = c.replayed + a.positions, replays = ${replaysWith('$5::text', 'a.positions')},
            starts_at = CASE WHEN $3 >= c.starts_at - 1 THEN least(c.starts_at, $4) ELSE c.starts_at END
        FROM added a WHERE c.consumer_name = $1 AND c.partition = a.partition
        RETURNING a.positions
      )
      SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint AS positions
      FROM (SELECT unnest(range_agg(each)) AS r FROM put, unnest(put.positions) each) AS pieces`;
  }
}
