/*
 * How a consumer gains event names while a process works on it that does not know them.
 *
 * Two things must hold. An event of a new name is delivered if it is published after the process that adds
 * the name has booted. What the owner's handlers run does not run a second time beside them. So order holds
 * across the change.
 *
 * 1. added: One transaction holds the cursor rows. It stores the names and sets `superseded_token` to the
 *    owner's token. The owner keeps its lease. A process that claims the cursor after this gets all names,
 *    and lets go of the cursor if its code lacks one of them.
 * 2. closed: The owner sees this with its next beat, which a NOTIFY triggers at once. From then on it starts
 *    nothing, and it drops what it reads, including a page that is being read. Only then it empties
 *    `superseded_token`.
 * 3. boots: The process that registers has waited for step 2, and goes on booting.
 * 4. released: The owner's handlers end, and the owner saves and releases. A process that handles all names
 *    claims the cursor.
 *
 * The proof. Let e be an event of a new name that is published after step 3. What an owner settles without a
 * handler was in a page that it took in before step 2. The snapshot of that page is older than e. So e is
 * unread when the next owner claims. The token stays valid until step 4. So the owner's outcomes are saved,
 * and nobody else runs what it runs.
 *
 * Failures.
 *
 * - An owner that does not close in time loses its token. It loses its unsaved outcomes too, as if it had
 *   stalled past its lease.
 * - An owner whose backend is gone is not asked either.
 * - If the registering process dies after step 1, the owner closes by itself. Whoever registers before that
 *   finds the token superseded and waits as well.
 * - `superseded_token` counts only while it is the token of the lease. So nothing needs cleaning up when the
 *   lease passes on in any other way.
 * - A claim during step 1 comes either before it or after it, because both hold the cursor row. If the claim
 *   is before, its token is the one that is superseded. If it is after, it gets all names.
 */
import { EngineDatabase } from '../database/engine-database.js';
import { backendGone } from '../database/sql/backend-gone.store.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { IS_SUPERSEDED } from '../inbox/cursor-registration.store.js';
import { tellConsumers } from '../wakeups/wakeup.store.js';

/** The result of adding names. */
export interface AddedNames {
  /** How far the owner has read. Events of the new names below this position were passed over. */
  readonly tail: number;
  /** True when the owner was asked to hand over. It may still be reading. */
  readonly isAsked: boolean;
}

/** The owner from whom a lease was taken. */
export interface FormerOwner {
  readonly consumerName: string;
  readonly partition: number;
  readonly host: string | null;
  readonly pid: number | null;
}

export class HandOverStore {
  private readonly cursor: string;
  private readonly process: string;

  constructor(private readonly db: EngineDatabase) {
    this.cursor = db.tables.inboxCursor;
    this.process = db.tables.integrationProcess;
  }

  /** Does step 1. The cursor rows must be locked. An owner whose backend is gone is fenced off. */
  async addEventNames(
    session: EngineSession,
    consumerName: string,
    eventNames: readonly string[],
  ): Promise<AddedNames> {
    const rows = await session.query<{ tail: number; isAsked: boolean }>(
      `UPDATE ${this.cursor} c
       SET event_names = ARRAY(SELECT DISTINCT name FROM unnest(c.event_names || $2::text[]) name ORDER BY name),
           superseded_token = asked.token, lease_token = asked.token,
           lease_owner = CASE WHEN asked.token IS NOT NULL THEN c.lease_owner END,
           lease_expires_at = CASE WHEN asked.token IS NOT NULL THEN c.lease_expires_at END
       FROM (
         SELECT k.partition, (
           SELECT k.lease_token FROM ${this.process} p
           WHERE p.id = k.lease_owner AND k.lease_expires_at > clock_timestamp() AND (${backendGone('p')}) IS NOT TRUE
         ) AS token
         FROM ${this.cursor} k WHERE k.consumer_name = $1
       ) asked
       WHERE c.consumer_name = $1 AND c.partition = asked.partition
       RETURNING (SELECT max(lower(r)) FROM unnest(c.unread) r WHERE upper_inf(r)) AS tail, asked.token IS NOT NULL AS "isAsked"`,
      [consumerName, eventNames],
    );
    const isAsked = rows.some((row) => row.isAsked);
    if (isAsked) await tellConsumers(session, this.db.schema);
    return { tail: Math.max(1, ...rows.map(({ tail }) => tail)), isAsked };
  }

  /** Whether an owner of one of these consumers may still be reading with fewer names than are stored. */
  async isStillRead(consumerNames: readonly string[]): Promise<boolean> {
    const rows = await this.db.query(
      `SELECT 1 FROM ${this.cursor} WHERE consumer_name = ANY ($1) AND ${IS_SUPERSEDED} LIMIT 1`,
      [consumerNames],
    );
    return rows.length > 0;
  }

  /** Takes these consumers from the owners that may still be reading. Resolves to those owners. */
  takeFromReaders(consumerNames: readonly string[]): Promise<FormerOwner[]> {
    return this.db.query<FormerOwner>(
      `WITH held AS (
         SELECT consumer_name, partition, lease_owner FROM ${this.cursor}
         WHERE consumer_name = ANY ($1) AND ${IS_SUPERSEDED} ORDER BY consumer_name, partition FOR UPDATE
       ), taken AS (
         UPDATE ${this.cursor} c
         SET lease_token = NULL, lease_owner = NULL, lease_expires_at = NULL, superseded_token = NULL, served_at = clock_timestamp()
         FROM held WHERE c.consumer_name = held.consumer_name AND c.partition = held.partition
         RETURNING c.consumer_name, c.partition, held.lease_owner
       )
       SELECT taken.consumer_name AS "consumerName", taken.partition, p.host, p.pid
       FROM taken LEFT JOIN ${this.process} p ON p.id = taken.lease_owner`,
      [consumerNames],
    );
  }
}
