import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import type { CursorKey } from './inbox-status.js';

/** Cleans up after an attempt whose handler has ended its transaction itself. */
@Injectable()
export class BrokenAttemptStore {
  private readonly cursor: string;
  private readonly inbox: string;

  constructor(private readonly db: EngineDatabase) {
    this.cursor = db.tables.inboxCursor;
    this.inbox = db.tables.inboxEvent;
  }

  /**
   * Takes back what the attempt's transaction wrote about its event, because the handler committed it before
   * the handler was done. The row of an event from the log is deleted. A claimed row becomes `processing`
   * again. Returns whether there was such a row. The lease token fences the statement.
   */
  async takeBack(
    key: CursorKey,
    token: string,
    outboxEventId: string,
    claimedAttempt: number | undefined,
  ): Promise<boolean> {
    const isOurs = `i.outbox_event_id = $4::uuid AND i.consumer_name = $1 AND i.status = 'processed'
      AND EXISTS (SELECT 1 FROM ${this.cursor} WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid)`;
    const values = [key.consumerName, key.partition, token, outboxEventId];
    const rows =
      claimedAttempt === undefined
        ? await this.db.query(`DELETE FROM ${this.inbox} i WHERE ${isOurs} RETURNING 1`, values)
        : await this.db.query(
            `UPDATE ${this.inbox} i SET status = 'processing', processed_at = NULL, updated_at = clock_timestamp()
             WHERE ${isOurs} AND i.attempt_count = $5 RETURNING 1`,
            [...values, claimedAttempt],
          );
    return rows.length > 0;
  }
}
