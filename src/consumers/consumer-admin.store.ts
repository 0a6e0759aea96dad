import { Injectable } from '@nestjs/common';
import { EngineDatabase, type EngineSession } from '../database/engine-database.js';
import { noteRemoval } from '../inbox/cursor-registration.store.js';
import { waitLongerForLocks } from './inbox-admin.store.js';

/** A process that works on a consumer, or would. */
export interface ConsumerUser {
  readonly id: string;
  /** Null for a lease whose process is not listed. */
  readonly host: string | null;
  readonly pid: number | null;
}

/** Rows that one statement deletes. */
const DELETED_AT_ONCE = 5_000;

/** Pausing, changing and removing whole consumers. Rows are locked in key order, as renewals lock theirs. */
@Injectable()
export class ConsumerAdminStore {
  private readonly cursor: string;
  private readonly inbox: string;
  private readonly replay: string;
  private readonly process: string;

  constructor(private readonly db: EngineDatabase) {
    this.cursor = db.tables.inboxCursor;
    this.inbox = db.tables.inboxEvent;
    this.replay = db.tables.inboxReplay;
    this.process = db.tables.integrationProcess;
  }

  /** Notes since when it is paused, or that it is not; false: there is no such consumer. */
  async setPaused(consumerName: string, paused: boolean): Promise<boolean> {
    return this.db.transaction(async (session) => {
      if ((await this.lock(session, consumerName)) === undefined) return false;
      // A statement of its own: it sees the partitions of a change that it has waited for.
      await session.query(
        `UPDATE ${this.cursor} SET paused_at = CASE WHEN $2 THEN coalesce(paused_at, clock_timestamp()) END WHERE consumer_name = $1`,
        [consumerName, paused],
      );
      return true;
    });
  }

  /**
   * Takes names out of what is stored for the consumer, as `choose` says of the stored ones. An owner that
   * goes by the old ones sees the difference with its next beat and hands over.
   */
  async changeEventNames(
    consumerName: string,
    choose: (stored: readonly string[]) => string[],
  ): Promise<string[] | undefined> {
    return this.db.transaction(async (session) => {
      const stored = await this.lock(session, consumerName);
      if (stored === undefined) return undefined;
      const names = choose(stored);
      await session.query(`UPDATE ${this.cursor} SET event_names = $2 WHERE consumer_name = $1`, [
        consumerName,
        names,
      ]);
      return names;
    });
  }

  /**
   * Deletes the cursor and the requests, unless a live process works on the consumer; those that do are the
   * answer then. Undefined: there is no such consumer. With `force` an owner is fenced off: its saves find no
   * cursor any more.
   */
  async removeCursors(
    consumerName: string,
    options: { force: boolean; leaseMs: number },
  ): Promise<{ users: ConsumerUser[]; removedAt: Date } | undefined> {
    return this.db.transaction(async (session) => {
      const stored = await this.lock(session, consumerName);
      const users = options.force ? [] : await this.usersOf(session, consumerName, options.leaseMs);
      const [now] = await session.query<{ time: Date }>(`SELECT clock_timestamp() AS time`);
      if (users.length === 0) {
        await session.query(`DELETE FROM ${this.cursor} WHERE consumer_name = $1`, [consumerName]);
        await session.query(`DELETE FROM ${this.replay} WHERE consumer_name = $1`, [consumerName]);
        // Else a process that has handlers for it would take its tables for emptied, and register it anew.
        if (stored !== undefined) await noteRemoval(session, this.db.schema, consumerName, stored);
      }
      return stored === undefined ? undefined : { users, removedAt: now?.time ?? new Date() };
    });
  }

  /** Deletes some of a consumer's inbox rows that are older than `before`; resolves to how many. */
  async deleteSomeRows(consumerName: string, before: Date): Promise<number> {
    const rows = await this.db.query(
      `DELETE FROM ${this.inbox} WHERE id IN (
         SELECT id FROM ${this.inbox} WHERE consumer_name = $1 AND created_at <= $2 LIMIT ${DELETED_AT_ONCE} FOR UPDATE SKIP LOCKED
       ) RETURNING 1`,
      [consumerName, before],
    );
    return rows.length;
  }

  /** Locks every partition; the stored names, or undefined if there is no such consumer. */
  private async lock(session: EngineSession, consumerName: string): Promise<string[] | undefined> {
    await waitLongerForLocks(session);
    const [first] = await session.query<{ eventNames: string[] }>(
      `SELECT event_names AS "eventNames" FROM ${this.cursor} WHERE consumer_name = $1 ORDER BY partition FOR UPDATE`,
      [consumerName],
    );
    return first?.eventNames;
  }

  /** Live processes that work on the consumer, or have handlers for it. */
  usersOf(session: EngineSession, consumerName: string, leaseMs: number): Promise<ConsumerUser[]> {
    return session.query<ConsumerUser>(
      `SELECT DISTINCT c.lease_owner AS id, p.host, p.pid
       FROM ${this.cursor} c LEFT JOIN ${this.process} p ON p.id = c.lease_owner
       WHERE c.consumer_name = $1 AND c.lease_owner IS NOT NULL AND c.lease_expires_at > clock_timestamp()
       UNION
       SELECT p.id, p.host, p.pid FROM ${this.process} p
       WHERE $1 = ANY (p.consumers || p.handles) AND p.role <> 'publisher' AND p.seen_at > clock_timestamp() - $2::float8 * interval '1 millisecond'`,
      [consumerName, leaseMs],
    );
  }
}
