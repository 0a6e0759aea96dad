import { Injectable } from '@nestjs/common';
import {
  type RehearsalResult,
  type RehearsedEvent,
  TAKEN_WITHIN_S,
} from '../../changes/rehearsals/rehearsal.js';
import type { ProcessIdentity } from '../../database/connection/process-identity.js';
import { EngineDatabase } from '../../database/engine-database.js';

/** A rehearsal that no process has taken yet. */
export interface AskedRehearsal extends RehearsedEvent {
  readonly id: string;
  readonly position: number;
  /** The name of its event. Null if the log has it no more. */
  readonly eventName: string | null;
}

/** A rehearsal that this process has taken. */
export interface ClaimedRehearsal extends AskedRehearsal {
  /** The row of the dead letter. Null if it is none any more. */
  readonly inboxEventId: string | null;
}

/** How many rehearsals one look finds. */
const AT_ONCE = 20;

/** The rehearsals as the processes with handlers see them. */
@Injectable()
export class RehearsalWorkStore {
  private readonly table: string;
  private readonly log: string;
  private readonly inbox: string;

  constructor(private readonly db: EngineDatabase) {
    this.table = db.tables.integrationRehearsal;
    this.log = db.tables.outboxEvent;
    this.inbox = db.tables.inboxEvent;
  }

  /**
   * The rehearsals of these consumers that wait for a process, the oldest first. An index is only searched
   * for a time that is the same for every row, hence the sub-select.
   */
  asked(consumerNames: readonly string[]): Promise<AskedRehearsal[]> {
    return this.db.query<AskedRehearsal>(
      `SELECT r.id, r.outbox_event_id AS "outboxEventId", r.consumer_name AS "consumerName", r.position,
         (SELECT e.event_name FROM ${this.log} e WHERE e.position = r.position AND e.id = r.outbox_event_id) AS "eventName"
       FROM ${this.table} r
       WHERE r.asked_at > (SELECT clock_timestamp() - interval '${TAKEN_WITHIN_S} seconds') AND r.state = 'asked'
         AND r.consumer_name = ANY ($1::text[])
       ORDER BY r.asked_at, r.id LIMIT ${AT_ONCE}`,
      [consumerNames],
    );
  }

  /**
   * Takes a rehearsal. Undefined if another process has it, or if it has waited for too long. It is taken
   * once only: of a process that dies with it, nobody knows how far the handler has come.
   */
  async claim(
    asked: AskedRehearsal,
    { id, host, pid }: ProcessIdentity,
    withinMs: number,
  ): Promise<ClaimedRehearsal | undefined> {
    const [row] = await this.db.query<{ inboxEventId: string | null }>(
      `UPDATE ${this.table} r SET state = 'running', process_id = $2::uuid, host = $3, pid = $4, started_at = clock_timestamp(),
         ends_by = clock_timestamp() + $5::float8 * interval '1 millisecond'
       WHERE r.id = $1::uuid AND r.state = 'asked' AND r.asked_at > clock_timestamp() - interval '${TAKEN_WITHIN_S} seconds'
       RETURNING (SELECT i.id FROM ${this.inbox} i WHERE i.outbox_event_id = r.outbox_event_id AND i.consumer_name = r.consumer_name
         AND (i.status = 'dead_letter' OR (i.status = 'failed' AND i.available_at IS NULL))) AS "inboxEventId"`,
      [asked.id, id, host, pid, withinMs],
    );
    return row && { ...asked, ...row };
  }

  /**
   * Keeps what came of a rehearsal. One that was given up for lost meanwhile gets its result all the same.
   */
  async end(id: string, result: RehearsalResult): Promise<void> {
    await this.db.query(
      `UPDATE ${this.table} SET state = 'ended', ended_at = clock_timestamp(), result = $2::jsonb
       WHERE id = $1::uuid AND state = 'running'`,
      [id, JSON.stringify(result)],
    );
  }
}
