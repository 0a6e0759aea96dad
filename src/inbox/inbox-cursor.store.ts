import { Injectable } from '@nestjs/common';
import type { SqlClient } from '../database/clients/sql-client.js';
import { UNHURRIED_COMMIT } from '../database/clients/unhurried-commit.store.js';
import { EngineDatabase } from '../database/engine-database.js';
import { TRANSACTION_START } from '../database/sql/transaction-start.store.js';
import type { EngineStatement } from '../database/wire/named-statement.js';
import { UnusableConnection } from '../database/wire/unusable-connection.js';
import type { AggregateKey } from '../events/aggregate-key.js';
import { PositionSet } from '../log/position-set.js';
import { readRangeLists } from '../log/range-lists.js';
import { SUSPECT_RUNS } from './claim-due.store.js';
import type { CursorKey } from './inbox-status.js';
import { KEEPS_LEASE } from './kept-lease.store.js';

/** A cursor as its new owner found it. */
export interface ClaimedCursor extends CursorKey {
  readonly partitions: number;
  readonly eventNames: string[];
  readonly leaseToken: string;
  readonly unread: PositionSet;
  readonly readUpto: number | null;
  readonly uncleanTakeovers: number;
  /** Below this position the last group of suspects ends. Null if no group has run. */
  readonly suspectsBelow: number | null;
  readonly changedByOthers: number;
  /** What replays of ranges have put back, the newest replay first. */
  readonly replays: readonly ReplayedRanges[];
  /** When the consumer was registered, in milliseconds since 1970. */
  readonly registeredAt: number;
  /** True when the former owner is the same process. */
  readonly wasOurs: boolean;
}

/** What one replay has put back of a partition. */
export interface ReplayedRanges {
  /** Tells this replay from others of the consumer. */
  readonly id: string;
  readonly positions: PositionSet;
}

/** Reads the column `replays`. */
export function replaysIn(stored: readonly { id: string; positions: string }[]): ReplayedRanges[] {
  return stored.map(({ id, positions }) => ({ id, positions: PositionSet.parse(positions) }));
}

/** The index of each of these columns in a row of a claim. */
const CURSOR = 0;
const FROM = 1;
const TO = 2;

/**
 * The cursors: their leases, the notes that owners write between saves, and the statements inside the
 * transactions of handlers.
 */
@Injectable()
export class InboxCursorStore {
  private readonly cursor: string;
  private readonly inbox: string;
  private readonly claimSql: string;

  constructor(private readonly db: EngineDatabase) {
    this.cursor = db.tables.inboxCursor;
    this.inbox = db.tables.inboxEvent;
    this.claimSql = `
      WITH claimed AS (
        UPDATE ${this.cursor} c
        SET lease_owner = $3::uuid, lease_token = gen_random_uuid(), served_at = clock_timestamp(),
            lease_expires_at = clock_timestamp() + $4::float8 * interval '1 millisecond', lease_ms = $4::float8, replayed = '{}',
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
        RETURNING json_build_object('consumerName', c.consumer_name, 'partition', c.partition, 'partitions', c.partitions,
            'eventNames', c.event_names, 'leaseToken', c.lease_token, 'readUpto', c.read_upto,
            'uncleanTakeovers', c.unclean_takeovers, 'suspectsBelow', c.suspects_below, 'changedByOthers', c.changed_by_others,
            'replays', c.replays, 'registeredAt', floor(extract(epoch FROM c.registered_at) * 1000),
            'wasOurs', free.lease_owner IS NOT DISTINCT FROM $3) AS described,
          CASE WHEN c.cut_over IS NULL THEN c.unread ELSE c.unread * int8multirange(int8range(NULL, c.cut_over)) END AS unread
      )
      SELECT described::text, ranges.starts, ranges.ends
      FROM claimed CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(lower(r)), '{}') AS starts, coalesce(array_agg(upper(r)), '{}') AS ends FROM unnest(claimed.unread) AS r
      ) AS ranges`;
  }

  /**
   * Claims those of these cursors that are free, each with a new token. A row that somebody else is claiming
   * or saving at this moment is skipped. The new token commits alone. A later statement marks what the former
   * owner left, because by then the former owner's claims are visible or fenced off. `unread` includes what a
   * replay has put back. While the consumer is being repartitioned, the new owner gets only what is below the
   * cut-over.
   *
   * The ranges of `unread` come as two lists, because a text of very many ranges takes the server much
   * longer.
   */
  async claim(
    keys: readonly CursorKey[],
    owner: string,
    leaseMs: number,
    deadOwners: readonly string[],
  ): Promise<ClaimedCursor[]> {
    const claimed: { described: string; from: Buffer; to: Buffer }[] = [];
    const values = [
      keys.map((key) => key.consumerName),
      keys.map((key) => key.partition),
      owner,
      leaseMs,
      deadOwners,
    ];
    const statement = { name: 'integration_claim', sql: this.claimSql, values };
    await this.db.forEachRowOfMany(statement, (row) => {
      claimed.push({ described: row.text(CURSOR), from: row.bytesOf(FROM), to: row.bytesOf(TO) });
    });
    const cursors: ClaimedCursor[] = [];
    for (const { described, from, to } of claimed) {
      const cursor = JSON.parse(described);
      const replays = replaysIn(cursor.replays);
      cursors.push({ ...cursor, replays, unread: await readRangeLists(from, to) });
    }
    return cursors;
  }

  /**
   * Notes a position before handlers of events up to it start. After an unclean end, the new owner learns
   * from it which events may have been the cause. False means that the lease is lost. The commit does not
   * wait for the disk, because the note must survive the end of the process, not of the server.
   */
  async saveReadUpto(key: CursorKey, token: string, readUpto: number): Promise<boolean> {
    const rows = await this.db.queryNamed(
      'integration_save_read_upto',
      `UPDATE ${this.cursor} SET read_upto = greatest(read_upto, $4), ${KEEPS_LEASE} WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid
       RETURNING ${UNHURRIED_COMMIT}`,
      [key.consumerName, key.partition, token, readUpto],
    );
    return rows.length > 0;
  }

  /**
   * Notes where the group of suspects ends that is about to run. False means that the lease is lost. The
   * commit does not wait for the disk, as that of `saveReadUpto`.
   */
  async saveSuspectsBelow(key: CursorKey, token: string, below: number): Promise<boolean> {
    const rows = await this.db.queryNamed(
      'integration_save_suspects_below',
      `UPDATE ${this.cursor} SET suspects_below = $4, ${KEEPS_LEASE} WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid
       RETURNING ${UNHURRIED_COMMIT}`,
      [key.consumerName, key.partition, token, below],
    );
    return rows.length > 0;
  }

  /**
   * Forgets unclean ends once everything that was being read at the last of them is settled. Returns whether
   * it did.
   */
  async forgetUncleanTakeovers(key: CursorKey, token: string, below: number): Promise<boolean> {
    const rows = await this.db.query(
      `UPDATE ${this.cursor} SET unclean_takeovers = 0, suspects_below = NULL
       WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid
         AND NOT unread && int8multirange(int8range(NULL, $4)) RETURNING 1`,
      [key.consumerName, key.partition, token, below],
    );
    return rows.length > 0;
  }

  /**
   * Moves a suspect event from the cursor into the inbox before it runs. The row is `processing`, and its
   * attempt is counted. Returns the id of the row. The id is undefined if there is a row already: then the
   * position is settled, and that row decides. `held` is undefined when the lease is lost.
   */
  async moveToInbox(
    key: CursorKey,
    token: string,
    event: { outboxEventId: string; position: number } & AggregateKey,
  ): Promise<{ held: boolean; inboxEventId: string | undefined }> {
    const [row] = await this.db.query<{ held: boolean; id: string | null }>(
      `WITH fenced AS (
         UPDATE ${this.cursor} SET unread = unread - int8multirange(int8range($4, $4, '[]')), last_progress_at = clock_timestamp(), ${KEEPS_LEASE}
         WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid RETURNING 1
       ), moved AS (
         INSERT INTO ${this.inbox} (outbox_event_id, position, consumer_name, partition, aggregate_type, aggregate_id,
           status, attempt_count, suspicion, available_at)
         SELECT $5::uuid, $4, $1, $2, $6, $7, 'processing', 1, '${SUSPECT_RUNS}', clock_timestamp() FROM fenced
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

  /**
   * Returns which of these positions are no longer unread, as the text of a multirange. Undefined means that
   * the lease is lost.
   */
  async settledOf(key: CursorKey, token: string, positions: string): Promise<string | undefined> {
    const [row] = await this.db.query<{ settled: string }>(
      `SELECT ($4::int8multirange - unread)::text AS settled FROM ${this.cursor}
       WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid`,
      [key.consumerName, key.partition, token, positions],
    );
    return row?.settled;
  }

  /**
   * Notes that nothing more is read under this lease, because names were added that its owner does not know.
   */
  async readsNoMore(key: CursorKey, token: string): Promise<void> {
    await this.db.query(
      `UPDATE ${this.cursor} SET superseded_token = NULL WHERE consumer_name = $1 AND partition = $2 AND superseded_token = $3::uuid`,
      [key.consumerName, key.partition, token],
    );
  }

  /** Gives the lease back. False means that the lease was not ours any more. */
  async release(key: CursorKey, token: string): Promise<boolean> {
    const rows = await this.db.query(
      `UPDATE ${this.cursor} SET lease_owner = NULL, lease_token = NULL, lease_expires_at = NULL, served_at = clock_timestamp()
       WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid RETURNING 1`,
      [key.consumerName, key.partition, token],
    );
    return rows.length > 0;
  }

  /**
   * Checks inside a handler's transaction whether the lease is still ours. It is a statement of its own after
   * the inbox row. It returns a row if the lease is ours.
   */
  leaseHeld(key: CursorKey, token: string): EngineStatement {
    return {
      name: 'integration_lease_held',
      sql: `SELECT 1 FROM ${this.cursor} WHERE consumer_name = $1 AND partition = $2::int AND lease_token = $3::uuid`,
      values: [key.consumerName, key.partition, token],
    };
  }

  /**
   * Runs at the start of a batch's transaction. Returns which of these positions are still unread, as the
   * text of a multirange. Undefined means that the lease is lost. A missing position was settled by an
   * attempt whose commit got no answer.
   *
   * After a failover, the host's connections may reach the new server before the engine's connections do. The
   * new server may have the same token, but other events at these positions. The batch must not settle those.
   * So the batch fails until both are connected to one server.
   */
  async unreadOf(
    transaction: SqlClient,
    key: CursorKey,
    token: string,
    positions: string,
  ): Promise<string | undefined> {
    const [row] = await transaction.$queryRawUnsafe<{ pending: string; elsewhere: boolean | null }[]>(
      `SELECT (unread * $4::int8multirange)::text AS pending, pg_postmaster_start_time() <> $5::text::timestamptz AS elsewhere
       FROM ${this.cursor} WHERE consumer_name = $1 AND partition = $2::int AND lease_token = $3::uuid`,
      key.consumerName,
      key.partition,
      token,
      positions,
      this.db.serverStarted,
    );
    if (row?.elsewhere === true)
      throw new UnusableConnection(
        "connection error: the host's client is connected to another server than the engine",
      );
    return row?.pending;
  }

  /**
   * The last statement of a batch's transaction. Effects and progress commit together, and the token fences
   * them. The lease is renewed with them. If an earlier attempt is still committing, it holds the row. When
   * that commit is done, the positions are no longer unread, and this statement matches nothing. If the
   * handler has ended the transaction that began at `start`, this statement runs in another one and matches
   * nothing either.
   */
  async settleInTransaction(
    transaction: SqlClient,
    key: CursorKey,
    token: string,
    positions: string,
    start: string,
  ): Promise<boolean> {
    const updated = await transaction.$executeRawUnsafe(
      `UPDATE ${this.cursor} SET unread = unread - $4::int8multirange, last_progress_at = clock_timestamp(), ${KEEPS_LEASE}
       WHERE consumer_name = $1 AND partition = $2::int AND lease_token = $3::uuid AND unread @> $4::int8multirange
         AND ${TRANSACTION_START} = $5::text`,
      key.consumerName,
      key.partition,
      token,
      positions,
      start,
    );
    return Number(updated) > 0;
  }
}
