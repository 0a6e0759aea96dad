import { AuditStore } from '../audit/audit.store.js';
import type { Author } from '../audit/change-author.js';
import { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import type { CommandTarget } from '../database/sql/pasteable-text.js';
import { noteRemoval } from '../settings/removal-note.store.js';
import { consumerTarget } from './chosen/audit-targets.js';
import { waitLongerForLocks } from './chosen/inbox-admin.store.js';

/** A process that works on a consumer, or has handlers for it. */
export interface ConsumerUser {
  readonly id: string;
  /** Null for a lease whose process is not listed. */
  readonly host: string | null;
  readonly pid: number | null;
}

/** Number of rows that one statement deletes. */
const DELETED_AT_ONCE = 5_000;

/**
 * Pauses, changes and removes whole consumers. Rows are locked in the order of their keys, as renewals lock
 * theirs.
 */
export class ConsumerAdminStore {
  /** Whose consumers these are, for messages that name a command. */
  readonly target: CommandTarget;

  private readonly cursor: string;
  private readonly inbox: string;
  private readonly replay: string;
  private readonly operation: string;
  private readonly process: string;
  private readonly groups: string;
  private readonly samples: string;
  private readonly work: string;
  private readonly hours: string;
  private readonly audit: AuditStore;

  constructor(private readonly db: EngineDatabase) {
    this.target = db;
    this.cursor = db.tables.inboxCursor;
    this.inbox = db.tables.inboxEvent;
    this.replay = db.tables.inboxReplay;
    this.operation = db.tables.integrationOperation;
    this.process = db.tables.integrationProcess;
    this.groups = db.tables.integrationFailureGroup;
    this.samples = db.tables.integrationSample;
    this.work = db.tables.integrationWork;
    this.hours = db.tables.integrationHour;
    this.audit = new AuditStore(db);
  }

  /**
   * Notes that the consumer is paused, since when, by whom and why. A consumer that is paused already keeps
   * what stands there. False means that there is no such consumer.
   */
  async pause(consumerName: string, author: Author): Promise<boolean> {
    return this.setPaused(consumerName, 'consumers.pause', author, (session) =>
      session.query(
        `UPDATE ${this.cursor} SET paused_at = clock_timestamp(), paused_by = $2, pause_reason = $3
         WHERE consumer_name = $1 AND paused_at IS NULL RETURNING 1`,
        [consumerName, author.actor, author.reason],
      ),
    );
  }

  /** Notes that the consumer is not paused. False means that there is no such consumer. */
  async resume(consumerName: string, author: Author): Promise<boolean> {
    return this.setPaused(consumerName, 'consumers.resume', author, (session) =>
      session.query(
        `UPDATE ${this.cursor} SET paused_at = NULL, paused_by = NULL, pause_reason = NULL
         WHERE consumer_name = $1 AND paused_at IS NOT NULL RETURNING 1`,
        [consumerName],
      ),
    );
  }

  private setPaused(
    consumerName: string,
    action: 'consumers.pause' | 'consumers.resume',
    author: Author,
    update: (session: EngineSession) => Promise<unknown[]>,
  ): Promise<boolean> {
    return this.db.transaction(async (session) => {
      if ((await this.lock(session, consumerName)) === undefined) return false;
      // The update is a statement of its own, so it sees the partitions that a change made while the lock
      // waited for it.
      const affected = (await update(session)).length;
      const paused = action === 'consumers.pause';
      if (affected > 0)
        await this.audit.add(session, author, {
          action,
          target: consumerTarget(consumerName),
          before: { paused: !paused },
          after: { paused },
          affected,
        });
      return true;
    });
  }

  /**
   * Changes the stored event names of the consumer to what `choose` returns for the stored ones. An owner
   * that works with the old names sees the difference with its next beat, and hands over.
   */
  async changeEventNames(
    consumerName: string,
    choose: (stored: readonly string[]) => string[],
    author: Author,
  ): Promise<string[] | undefined> {
    return this.db.transaction(async (session) => {
      const stored = await this.lock(session, consumerName);
      if (stored === undefined) return undefined;
      const names = choose(stored);
      if (names.length === stored.length) return names;
      const changed = await session.query(
        `UPDATE ${this.cursor} SET event_names = $2 WHERE consumer_name = $1 RETURNING 1`,
        [consumerName, names],
      );
      await this.audit.add(session, author, {
        action: 'consumers.remove-names',
        target: consumerTarget(consumerName),
        before: { eventNames: stored },
        after: { eventNames: names },
        affected: changed.length,
      });
      return names;
    });
  }

  /**
   * Deletes the cursor and the requests. If live processes work on the consumer, it deletes nothing and
   * returns those processes. Undefined means that there is no such consumer. With `force`, an owner is fenced
   * off, because its saves find no cursor any more.
   */
  async removeCursors(
    consumerName: string,
    options: { force: boolean; leaseMs: number },
    author: Author,
  ): Promise<{ users: ConsumerUser[]; removedAt: Date } | undefined> {
    return this.db.transaction(async (session) => {
      const stored = await this.lock(session, consumerName);
      const users = options.force ? [] : await this.usersOf(session, consumerName, options.leaseMs);
      const [now] = await session.query<{ time: Date }>(`SELECT clock_timestamp() AS time`);
      if (users.length === 0) {
        const gone = await session.query(`DELETE FROM ${this.cursor} WHERE consumer_name = $1 RETURNING 1`, [
          consumerName,
        ]);
        await session.query(
          `WITH gone AS (DELETE FROM ${this.replay} WHERE consumer_name = $1 RETURNING id)
           UPDATE ${this.operation} o SET state = 'failed', finished_at = clock_timestamp(), error = 'The consumer was removed'
           FROM gone WHERE o.id = gone.id AND o.state IN ('running', 'paused')`,
          [consumerName],
        );
        await session.query(
          `WITH notes AS (DELETE FROM ${this.groups} WHERE consumer_name = $1),
             work AS (DELETE FROM ${this.work} WHERE consumer_name = $1),
             hours AS (DELETE FROM ${this.hours} WHERE consumer_name = $1)
           DELETE FROM ${this.samples} WHERE consumer_name = $1`,
          [consumerName],
        );
        // Without this note, a process that has handlers for the consumer would think that its tables were
        // emptied, and would register it again.
        if (stored !== undefined) await noteRemoval(session, this.db.schema, consumerName, stored);
        if (stored !== undefined || (await this.hasRows(session, consumerName)))
          await this.audit.add(session, author, {
            action: 'consumers.remove',
            target: consumerTarget(consumerName),
            before: { partitions: gone.length, eventNames: stored ?? [] },
            affected: gone.length,
          });
      }
      return stored === undefined ? undefined : { users, removedAt: now?.time ?? new Date() };
    });
  }

  /** Deletes some inbox rows of a consumer that are older than `before`. Resolves to their number. */
  async deleteSomeRows(consumerName: string, before: Date): Promise<number> {
    const rows = await this.db.transaction((session) =>
      session.query(
        `DELETE FROM ${this.inbox} WHERE id IN (
           SELECT id FROM ${this.inbox} WHERE consumer_name = $1 AND created_at <= $2 LIMIT ${DELETED_AT_ONCE} FOR UPDATE SKIP LOCKED
         ) RETURNING 1`,
        [consumerName, before],
      ),
    );
    return rows.length;
  }

  private async hasRows(session: EngineSession, consumerName: string): Promise<boolean> {
    const rows = await session.query(`SELECT 1 FROM ${this.inbox} WHERE consumer_name = $1 LIMIT 1`, [
      consumerName,
    ]);
    return rows.length > 0;
  }

  /** Locks every partition. Returns the stored names, or undefined if there is no such consumer. */
  private async lock(session: EngineSession, consumerName: string): Promise<string[] | undefined> {
    await waitLongerForLocks(session);
    const [first] = await session.query<{ eventNames: string[] }>(
      `SELECT event_names AS "eventNames" FROM ${this.cursor} WHERE consumer_name = $1 ORDER BY partition FOR UPDATE`,
      [consumerName],
    );
    return first?.eventNames;
  }

  /** Returns the live processes that work on the consumer or have handlers for it. */
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
