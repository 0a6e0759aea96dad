import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import type { CommandTarget } from '../database/sql/pasteable-text.js';

/** A consumer that no live process has been able to work on for a long time. */
export interface Orphan {
  readonly consumerName: string;
  readonly servedAt: Date;
  /** Whether it has been orphaned for so long that it no longer holds retention back. */
  readonly givenUp: boolean;
}

/** Stores which consumers have a live process, and removes processes that are long gone. */
@Injectable()
export class ConsumerPresenceStore {
  private readonly cursor: string;
  private readonly process: string;

  /** Whose consumers they are. */
  readonly target: CommandTarget;

  constructor(db: EngineDatabase) {
    this.target = db;
    this.cursor = db.tables.inboxCursor;
    this.process = db.tables.integrationProcess;
  }

  /**
   * Records on the cursors, once an hour, that a live process knows them. A claim and a release record it
   * too, with the exact time. This statement records a time a few minutes ago, so that it does not hide that
   * none of these processes may work on them (`unserved.store.ts`). It skips rows that are being claimed or
   * renewed at this moment. So nobody waits for this statement, and no deadlock can arise.
   */
  async noteServed(session: EngineSession, leaseMs: number): Promise<void> {
    await session.query(
      `UPDATE ${this.cursor} c SET served_at = clock_timestamp() - interval '5 minutes'
       FROM (
         SELECT consumer_name, partition FROM ${this.cursor}
         WHERE served_at < clock_timestamp() - interval '1 hour' AND (
           lease_expires_at > clock_timestamp()
           OR consumer_name IN (SELECT unnest(p.consumers || p.handles) FROM ${this.process} p
                                WHERE p.role <> 'publisher' AND p.seen_at > clock_timestamp() - $1::float8 * interval '1 millisecond'))
         FOR UPDATE SKIP LOCKED
       ) served
       WHERE c.consumer_name = served.consumer_name AND c.partition = served.partition`,
      [leaseMs],
    );
  }

  /** Removes processes that have not been seen for a day, whatever their cursors say. */
  async forgetGoneConsumers(session: EngineSession): Promise<void> {
    await session.query(`DELETE FROM ${this.process} WHERE seen_at < clock_timestamp() - interval '1 day'`);
  }

  /** Consumers that have had no live process for this many days. */
  async orphans(session: EngineSession, orphanAfterDays: number, retentionDays: number): Promise<Orphan[]> {
    return session.query<Orphan>(
      `SELECT consumer_name AS "consumerName", max(served_at) AS "servedAt",
         max(served_at) < clock_timestamp() - 2 * $2::float8 * interval '1 day' AS "givenUp"
       FROM ${this.cursor} GROUP BY consumer_name
       HAVING max(served_at) < clock_timestamp() - $1::float8 * interval '1 day' ORDER BY consumer_name`,
      [orphanAfterDays, retentionDays],
    );
  }
}
