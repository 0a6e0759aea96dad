import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';

/** A cursor has passed positions that the sequence has not handed out yet. */
export interface SequenceBehind {
  readonly consumerName: string;
  /** The cursor has passed everything below this position. */
  readonly tail: number;
  readonly nextPosition: number;
  /** The highest position in the log, or 0 for an empty log. */
  readonly head: number;
}

/** Compares the sequence with the cursors. */
@Injectable()
export class SequenceStore {
  private readonly log: string;
  private readonly cursor: string;
  /**
   * The quoted name of the sequence. Null when there is no sequence, or no right to read it. Undefined when
   * it was not looked up yet.
   */
  private sequence: string | null | undefined;

  constructor(private readonly db: EngineDatabase) {
    this.log = db.tables.outboxEvent;
    this.cursor = db.tables.inboxCursor;
  }

  /**
   * Whether handlers were told of events whose positions are still to be handed out. It reads only one small
   * column of the cursors, because what is unread may be large. The sequence is read as it is now, and rows
   * as they were when the statement began. So the value of the sequence is the later one.
   */
  async seemsBehind(): Promise<boolean> {
    const sequence = await this.name(this.db);
    if (sequence === null) return false;
    const [row] = await this.db.query<{ behind: boolean | null }>(
      `SELECT (SELECT max(read_upto) FROM ${this.cursor}) >= last_value + is_called::int AS behind FROM ${sequence}`,
    );
    return row?.behind === true;
  }

  /**
   * Returns the cursor that is furthest ahead of the sequence. Undefined if there is none, or if the role may
   * not read the sequence.
   */
  async behind(session: EngineSession = this.db): Promise<SequenceBehind | undefined> {
    const sequence = await this.name(session);
    if (sequence === null) return undefined;
    const [row] = await session.query<SequenceBehind>(
      `SELECT c.consumer_name AS "consumerName", c.tail, s.next AS "nextPosition",
         coalesce((SELECT position FROM ${this.log} ORDER BY position DESC LIMIT 1), 0) AS head
       FROM (SELECT consumer_name, (SELECT max(lower(r)) FROM unnest(unread) r WHERE upper_inf(r)) AS tail FROM ${this.cursor}) c,
            (SELECT last_value + is_called::int AS next FROM ${sequence}) s
       WHERE c.tail > s.next ORDER BY c.tail DESC LIMIT 1`,
    );
    return row;
  }

  /**
   * Lets cursors that are ahead of the sequence begin again, where the log has no event beyond the sequence.
   * Everything becomes unread, except events that are still in the log and were there an hour before the
   * cursor's last progress. Positions without an event are holes. An event that is being written at this
   * moment appears in its hole, and a hole that was never committed is swept. The lease ends, because what
   * its owner has in memory is of the old log. Resolves to the names of the consumers. A cursor that is being
   * repartitioned is left unchanged.
   */
  async beginAnew(session: EngineSession, { nextPosition }: SequenceBehind): Promise<string[]> {
    await session.query(`SELECT 1 FROM ${this.cursor} ORDER BY consumer_name, partition FOR UPDATE`);
    const rows = await session.query<{ name: string }>(
      `UPDATE ${this.cursor} c
       SET unread = c.unread + (int8multirange(int8range(1, NULL)) - coalesce((
             SELECT range_agg(int8range(o.position, o.position + 1)) FROM ${this.log} o
             WHERE o.position < $1 AND o.created_at < coalesce(c.last_progress_at, c.registered_at) - interval '1 hour'), '{}')),
           starts_at = 1, read_upto = NULL, lease_owner = NULL, lease_token = NULL, lease_expires_at = NULL
       WHERE NOT c.unread @> int8range($1, NULL) AND c.cut_over IS NULL AND NOT c.held_back
       RETURNING c.consumer_name AS name`,
      [nextPosition],
    );
    return [...new Set(rows.map(({ name }) => name))].sort();
  }

  /** The position of the next event. Undefined if there is no sequence, or no right to read it. */
  async next(): Promise<number | undefined> {
    const sequence = await this.name(this.db);
    if (sequence === null) return undefined;
    const [row] = await this.db.query<{ next: number }>(
      `SELECT last_value + is_called::int AS next FROM ${sequence}`,
    );
    return row?.next;
  }

  private async name(session: EngineSession): Promise<string | null> {
    if (this.sequence === undefined) {
      const [row] = await session.query<{ name: string | null }>(
        `SELECT CASE WHEN has_sequence_privilege(name, 'SELECT') THEN name END AS name
         FROM (SELECT pg_get_serial_sequence($1, 'position') AS name) s`,
        [this.log],
      );
      this.sequence = row?.name ?? null;
    }
    return this.sequence;
  }
}
