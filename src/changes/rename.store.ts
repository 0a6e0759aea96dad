/*
 * Gives a consumer another name when no live process works on it under the old one.
 *
 * Nothing that a stalled owner still does may count twice. Saves name the consumer, so they find no cursor
 * after the change. Two things need more than that:
 *
 * - A lease is renewed by its token alone. So the change removes every token. Otherwise a stalled owner would
 *   keep the lease alive under the new name, and a second renaming would let its saves through again.
 * - The transaction of a handler writes its inbox row first, and then checks whether its lease holds. That
 *   row may be uncommitted under the old name. A row under the new name would not conflict with it, and the
 *   effects of the event would happen twice. So the change has two transactions:
 *
 * 1. take: Lease the consumer, as an owner would, with tokens that nobody knows. After the commit, no
 *    handler's transaction finds its lease. Transactions that found it before have already written to the
 *    inbox. They hold a lock on that table until they end, and the change waits for them.
 * 2. rename: In one transaction, everything gets the new name, if the lease of step 1 is still there.
 *
 * If step 2 does not happen, the lease of step 1 runs out like any other.
 */

import { randomUUID } from 'node:crypto';
import { AuditStore } from '../audit/audit.store.js';
import type { Author } from '../audit/change-author.js';
import { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { noteRemoval } from '../settings/removal-note.store.js';
import { consumerTarget } from './chosen/audit-targets.js';
import { waitLongerForLocks } from './chosen/inbox-admin.store.js';
import { ConsumerAdminStore, type ConsumerUser } from './consumer-admin.store.js';

const WAIT_FOR_WRITERS_MS = 10_000;
const LOOK_MS = 50;

/**
 * `busy` means that transactions are still open that may belong to handlers. `taken` means that the new name
 * already has something of its own. `lost` means that a process took the consumer in the meantime.
 */
export type RenameResult = 'done' | 'unknown' | 'busy' | 'taken' | 'lost' | { users: ConsumerUser[] };

export class RenameStore {
  private readonly cursor: string;
  private readonly inbox: string;
  private readonly replay: string;
  private readonly groups: string;
  private readonly samples: string;
  private readonly work: string;
  private readonly hours: string;
  private readonly audit: AuditStore;

  constructor(
    private readonly db: EngineDatabase,
    private readonly admin: ConsumerAdminStore,
  ) {
    this.cursor = db.tables.inboxCursor;
    this.inbox = db.tables.inboxEvent;
    this.replay = db.tables.inboxReplay;
    this.groups = db.tables.integrationFailureGroup;
    this.samples = db.tables.integrationSample;
    this.work = db.tables.integrationWork;
    this.hours = db.tables.integrationHour;
    this.audit = new AuditStore(db);
  }

  async rename(oldName: string, newName: string, leaseMs: number, author: Author): Promise<RenameResult> {
    const owner = randomUUID();
    const refused = await this.take(oldName, newName, leaseMs, owner);
    if (refused !== undefined) return refused;
    const result = (await this.writersHaveEnded())
      ? await this.change(oldName, newName, owner, author)
      : 'busy';
    if (result !== 'done') await this.giveBack(oldName, owner);
    return result;
  }

  /** Does step 1. */
  private take(oldName: string, newName: string, leaseMs: number, owner: string) {
    return this.db.transaction(async (session): Promise<RenameResult | undefined> => {
      if ((await this.lock(session, oldName)) === undefined) return 'unknown';
      const users = await this.admin.usersOf(session, oldName, leaseMs);
      if (users.length > 0) return { users };
      if (await this.isTaken(session, newName)) return 'taken';
      await session.query(
        `UPDATE ${this.cursor} SET lease_owner = $2, lease_token = gen_random_uuid(),
           lease_expires_at = clock_timestamp() + $3::float8 * interval '1 millisecond' WHERE consumer_name = $1`,
        [oldName, owner, leaseMs + WAIT_FOR_WRITERS_MS],
      );
      return undefined;
    });
  }

  /**
   * Waits for the transactions that write to the inbox at this moment. It does not wait for those that begin
   * later.
   */
  private async writersHaveEnded(): Promise<boolean> {
    const deadline = performance.now() + WAIT_FOR_WRITERS_MS;
    let awaited: string[] | undefined;
    for (;;) {
      const rows: { writer: string }[] = await this.db.query(
        `SELECT DISTINCT virtualtransaction AS writer FROM pg_locks
         WHERE locktype = 'relation' AND relation = '${this.inbox}'::regclass AND mode = 'RowExclusiveLock' AND granted
           AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
           AND ($1::text[] IS NULL OR virtualtransaction = ANY ($1))`,
        [awaited ?? null],
      );
      awaited = rows.map(({ writer }) => writer);
      if (awaited.length === 0) return true;
      if (performance.now() >= deadline) return false;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  /** Does step 2. */
  private change(oldName: string, newName: string, owner: string, author: Author): Promise<RenameResult> {
    return this.db.transaction(async (session) => {
      const stored = await this.lock(session, oldName);
      if (stored === undefined || stored.some(({ leaseOwner }) => leaseOwner !== owner)) return 'lost';
      if (await this.isTaken(session, newName)) return 'taken';
      await session.query(
        `UPDATE ${this.cursor} SET consumer_name = $2, lease_owner = NULL, lease_token = NULL, lease_expires_at = NULL,
           superseded_token = NULL, served_at = clock_timestamp() WHERE consumer_name = $1`,
        [oldName, newName],
      );
      await session.query(
        `WITH renamed AS (UPDATE ${this.replay} SET consumer_name = $2 WHERE consumer_name = $1 RETURNING id)
         UPDATE ${this.db.tables.integrationOperation} o SET filter = jsonb_set(o.filter, '{consumerName}', to_jsonb($2::text))
         FROM renamed WHERE o.id = renamed.id`,
        [oldName, newName],
      );
      await session.query(`UPDATE ${this.inbox} SET consumer_name = $2 WHERE consumer_name = $1`, [
        oldName,
        newName,
      ]);
      for (const table of [this.groups, this.samples, this.work, this.hours]) {
        // What a process may have written of a removed consumer of the new name after its removal.
        await session.query(`DELETE FROM ${table} WHERE consumer_name = $1`, [newName]);
        await session.query(`UPDATE ${table} SET consumer_name = $2 WHERE consumer_name = $1`, [
          oldName,
          newName,
        ]);
      }
      // Without this note, a stalled process of the old name would think that its tables were emptied, and
      // would register the consumer again.
      await noteRemoval(session, this.db.schema, oldName, stored[0]?.eventNames ?? []);
      await this.audit.add(session, author, {
        action: 'consumers.rename',
        target: consumerTarget(oldName),
        before: { name: oldName },
        after: { name: newName },
        affected: stored.length,
      });
      return 'done';
    });
  }

  private async giveBack(consumerName: string, owner: string): Promise<void> {
    await this.db.transaction((session) =>
      session.query(
        `UPDATE ${this.cursor} SET lease_owner = NULL, lease_token = NULL, lease_expires_at = NULL
         WHERE consumer_name = $1 AND lease_owner = $2`,
        [consumerName, owner],
      ),
    );
  }

  /**
   * Locks every partition in the order of their keys, as renewals do. Undefined means that there is no such
   * consumer.
   */
  private async lock(session: EngineSession, consumerName: string) {
    await waitLongerForLocks(session);
    const rows = await session.query<{ leaseOwner: string | null; eventNames: string[] }>(
      `SELECT lease_owner AS "leaseOwner", event_names AS "eventNames" FROM ${this.cursor}
       WHERE consumer_name = $1 ORDER BY partition FOR UPDATE`,
      [consumerName],
    );
    return rows.length === 0 ? undefined : rows;
  }

  private async isTaken(session: EngineSession, consumerName: string): Promise<boolean> {
    const [row] = await session.query<{ taken: boolean }>(
      `SELECT EXISTS (SELECT FROM ${this.cursor} WHERE consumer_name = $1)
         OR EXISTS (SELECT FROM ${this.inbox} WHERE consumer_name = $1)
         OR EXISTS (SELECT FROM ${this.replay} WHERE consumer_name = $1) AS taken`,
      [consumerName],
    );
    return row?.taken === true;
  }
}
