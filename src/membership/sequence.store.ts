import { Injectable } from '@nestjs/common';
import { EngineDatabase, type EngineSession } from '../database/engine-database.js';

/** A cursor has left positions behind that the sequence has still to hand out. */
export interface SequenceBehind {
  readonly consumerName: string;
  /** Everything below it was left behind. */
  readonly tail: number;
  readonly nextPosition: number;
  /** The highest position in the log; 0 for an empty one. */
  readonly head: number;
}

/** Where the sequence stands, beside the cursors. */
@Injectable()
export class SequenceStore {
  private readonly log: string;
  private readonly cursor: string;
  /** The sequence's quoted name; null where there is none, or no right to read it. */
  private sequence: string | null | undefined;

  constructor(private readonly db: EngineDatabase) {
    this.log = db.tables.outboxEvent;
    this.cursor = db.tables.inboxCursor;
  }

  /**
   * Whether events that were announced to handlers have positions that are still to be handed out. Asks for a
   * column of the cursors alone: what is unread may be large. Sequences are read as they are, rows as they
   * were when the statement began, so the sequence is the later one.
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
   * The cursor that is furthest ahead of the sequence; undefined if none is, or if the role may not read the
   * sequence.
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
   * Lets cursors that are ahead of the sequence begin anew, where the log has no event beyond it. Everything
   * is unread then but events that are still in the log and were there an hour before the cursor last got on.
   * Positions without an event are holes: what is being written at this moment appears there, and what was
   * never committed is swept. The lease goes: what its owner has in memory is of the old log. Resolves to the
   * consumers. A cursor that is being repartitioned is left as it is.
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
