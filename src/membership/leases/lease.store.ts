import { Injectable } from '@nestjs/common';
import type { SqlClient } from '../../database/clients/sql-client.js';
import { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import { setIdleLimit } from '../../database/sql/idle-limit.store.js';
import { type LeaseName, mayBeTaken } from '../beat/lease-beat.store.js';

/*
 * Why what is saved under a lease is saved by its one owner.
 *
 * A save, in its transaction, asks for the row with the name and the token of the lease, and holds it FOR KEY
 * SHARE until it commits. A taking changes the token of the row, which is a part of a key (the unique index
 * of name and token), and so does a giving back. So there are three cases:
 *
 * 1. The taking has committed before the save looks. The save finds another token and saves nothing. This is
 *    so even if the snapshot of the save is older: where a row has changed since the snapshot, a locking read
 *    looks at the row as it is now (READ COMMITTED), or fails (REPEATABLE READ). A read without the lock
 *    would find the old token in the snapshot.
 * 2. The taking is under way. It holds the row and its key, so the save waits for it, and then it is the
 *    first case.
 * 3. The save has the row. A taking passes over rows that somebody holds, so it comes after the commit.
 *
 * A renewal, and a process that asks for the lease, change no key. So they do not wait for saves, nor saves
 * for them, and an owner whose saves follow each other without a gap is renewed like any other. A FOR SHARE
 * lock would keep renewals out: they pass over a row that somebody holds, because the heartbeat waits for
 * nobody.
 *
 * Who waits for a save that does not end waits for a limited time. A process may stop for ever inside of its
 * transaction. The save therefore sets how long the transaction may be idle: for the length of the lease. The
 * server ends it then, which gives the row back. A transaction that is idle for longer is one of a process
 * that would have lost the lease if it had been idle outside of a transaction.
 *
 * Two takings of one name: both try to lock its row, and one of them passes over it, or finds, after the
 * other has committed, that the row is not free any more. A name without a row is guarded by the primary key.
 *
 * Tokens rise: each is greater than the one before it in the row. Each is also at least the time of its
 * taking, in microseconds. Without that, a server that lost the last takings (a failover to an asynchronous
 * replica), or a row that was deleted and made again, would hand out the token of a former owner once more.
 * No two moments have the same time, unless the clock of the server was set back to the very microsecond.
 *
 * The database's clock alone judges whether a lease has run out. An owner's own clock can only make it stop
 * sooner: see `HeldLease`.
 */

/** The leases of work that is not a consumer. */
@Injectable()
export class LeaseStore {
  private readonly table: string;

  constructor(private readonly db: EngineDatabase) {
    this.table = db.tables.integrationLease;
  }

  /**
   * Takes those of these names that are free, each with a new token. A row that a save, or another process,
   * holds at this moment is passed over. Of two that add a row in the same microsecond, one may meet the
   * other at either of the two unique keys, so DO NOTHING names neither.
   */
  take(
    names: readonly string[],
    owner: string,
    leaseMs: number,
    dead: readonly string[],
  ): Promise<LeaseName[]> {
    const now = 'floor(extract(epoch FROM clock_timestamp()) * 1000000)::bigint';
    const until = `clock_timestamp() + $3::float8 * interval '1 millisecond'`;
    return this.db.query<LeaseName>(
      `WITH free AS (
         SELECT l.name FROM ${this.table} l WHERE l.name = ANY ($1::text[]) AND ${mayBeTaken('$2::uuid', '$4::uuid[]')}
         ORDER BY l.name FOR UPDATE SKIP LOCKED
       ), taken AS (
         UPDATE ${this.table} l SET owner = $2::uuid, token = greatest(l.token + 1, ${now}), expires_at = ${until}, wanted_by = NULL
         FROM free WHERE l.name = free.name RETURNING l.name, l.token
       ), made AS (
         INSERT INTO ${this.table} (name, owner, token, expires_at)
         SELECT n.name, $2::uuid, ${now}, ${until} FROM unnest($1::text[]) AS n (name)
         WHERE NOT EXISTS (SELECT FROM ${this.table} l WHERE l.name = n.name) ORDER BY n.name
         ON CONFLICT DO NOTHING RETURNING name, token
       )
       SELECT name, token FROM taken UNION ALL SELECT name, token FROM made`,
      [names, owner, leaseMs, dead],
    );
  }

  /** Gives leases back. Their tokens are not valid from then on, also before somebody else takes them. */
  async giveBack(leases: readonly LeaseName[]): Promise<void> {
    await this.db.query(
      `UPDATE ${this.table} l SET owner = NULL, token = l.token + 1, expires_at = clock_timestamp()
       FROM unnest($1::text[], $2::bigint[]) AS h (name, token) WHERE l.name = h.name AND l.token = h.token`,
      [leases.map(({ name }) => name), leases.map(({ token }) => token)],
    );
  }

  /** Asks the owner of some of these names for at most `count` of them, also while it saves. */
  async ask(names: readonly string[], self: string, owner: string, count: number): Promise<void> {
    await this.db.query(
      `UPDATE ${this.table} SET wanted_by = $2::uuid WHERE name IN (
         SELECT name FROM ${this.table} WHERE name = ANY ($1::text[]) AND owner = $3::uuid AND wanted_by IS NULL
         ORDER BY name LIMIT $4 FOR NO KEY UPDATE SKIP LOCKED) AND owner = $3::uuid`,
      [names, self, owner, count],
    );
  }

  /** Deletes rows that nobody has had for a week. */
  async forgetUnused(): Promise<void> {
    await this.db.query(`DELETE FROM ${this.table} WHERE expires_at < clock_timestamp() - interval '7 days'`);
  }

  /**
   * What the engine's role lacks to work with the table: its rights, or the table itself. Undefined if that
   * is nothing.
   */
  async lacking(): Promise<{ readonly role: string; readonly rights: string | null } | undefined> {
    const [row] = await this.db.query<{ role: string; there: boolean; rights: string | null }>(
      `SELECT current_user::text AS role, t.id IS NOT NULL AS there,
         (SELECT string_agg(r, ', ') FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS r WHERE NOT has_table_privilege(t.id, r)) AS rights
       FROM (SELECT to_regclass($1)::oid AS id) AS t`,
      [this.table],
    );
    if (row === undefined || (row.there && row.rights === null)) return undefined;
    return { role: row.role, rights: row.there ? row.rights : null };
  }

  /**
   * Holds the lease until the end of the transaction of `tx`, which may not be idle for longer than `idleMs`
   * from now on. False if the lease is not valid any more.
   */
  async fence(tx: SqlClient, { name, token }: LeaseName, idleMs: number): Promise<boolean> {
    const rows = await tx.$queryRawUnsafe<unknown[]>(
      `SELECT ${setIdleLimit('$3')} AS limited FROM (${this.heldRow('$1', '$2')}) AS held`,
      name,
      String(token),
      limitOf(idleMs),
    );
    return rows.length > 0;
  }

  /**
   * The same for a transaction of the engine under several leases. Returns the names and tokens of those that
   * are still valid. Rows are locked in the order of names.
   */
  async fenceAll(
    session: EngineSession,
    leases: readonly LeaseName[],
    idleMs: number,
  ): Promise<ReadonlyMap<string, number>> {
    const rows = await session.query<LeaseName>(
      `SELECT held.name, held.token, ${setIdleLimit('$3')} AS limited FROM (
         SELECT l.name, l.token FROM ${this.table} l
         JOIN unnest($1::text[], $2::bigint[]) AS h (name, token) ON h.name = l.name AND h.token = l.token
         ORDER BY l.name FOR KEY SHARE OF l) AS held`,
      [leases.map(({ name }) => name), leases.map(({ token }) => token), limitOf(idleMs)],
    );
    return new Map(rows.map(({ name, token }) => [name, token]));
  }

  /**
   * The condition of a fenced save, with its two parameters from number `first` on. It limits the idle time
   * as well, because the statement may be one of a longer transaction.
   */
  fenceSql(first: number, idleMs: number): string {
    const limit = setIdleLimit(`'${limitOf(idleMs)}'`);
    return `(SELECT ${limit} FROM (${this.heldRow(`$${first}`, `$${first + 1}`)}) AS held) IS NOT NULL`;
  }

  /** What is computed from this row is computed when it is locked: a subquery with a lock stays by itself. */
  private heldRow(name: string, token: string): string {
    return `SELECT 1 FROM ${this.table} WHERE name = ${name}::text AND token = ${token}::text::bigint FOR KEY SHARE`;
  }
}

/** Milliseconds as the text of a setting of Postgres. 0 would mean that there is no limit. */
function limitOf(idleMs: number): string {
  return String(Math.max(1, Math.ceil(idleMs)));
}
