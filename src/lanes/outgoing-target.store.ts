import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';

/** The kinds of work that leave the application. Calls have one for each type: `call.<type>`. */
export type LaneKind = 'webhook' | 'sync' | 'connection' | `call.${string}`;

/** How many lanes a kind has that an application has once. */
export const LANES = 64;
/** An application may have many types of calls, and each process says of each lane that it has it. */
const LANES_OF_TYPE = 8;
/** What is due for connections is little, and seldom. */
const LANES_OF_CONNECTIONS = 8;

/** How many lanes a kind has. It never changes: the lane of a target is stored with it. */
export function lanesOf(kind: LaneKind): number {
  if (kind === 'connection') return LANES_OF_CONNECTIONS;
  return kind.startsWith('call.') ? LANES_OF_TYPE : LANES;
}

/** The lane of a target, as `add` computes it. */
export function laneOf(kind: LaneKind, id: string): number {
  return Number.parseInt(id.slice(-2), 16) % lanesOf(kind);
}

/*
 * Whoever adds an item makes its target ready, in the transaction that adds it. The owner of the lane sets
 * ready_at to what is due next when it saves. Why no wake-up is lost between the two:
 *
 * Both lock the row of the target before they write ready_at, and hold it until they commit. The save also
 * locks it before it looks at the items. So one of them comes first:
 *
 * 1. The save has the row. makeReady waits for it, and then lowers the value that the save has left.
 * 2. makeReady has the row. The save waits for its commit. A statement of its own computes what is due next.
 *    It begins after the lock was given, so its snapshot has the new item.
 *
 * Two things would break this. A makeReady that passes over rows that are ready already locks nothing: a save
 * that is under way then sets null, and no look reads the row again. And a save that computes what is due in
 * the statement that waits for the lock reads the snapshot from before it waited, without the new item.
 *
 * not_before is the end of a pause of the whole target: it asked for one, or it fails and is probed. ready_at
 * is never before it, so new items do not end the pause, and a look does not read the target meanwhile.
 */

/** Targets of work that leaves the application. Every function works in the transaction of its caller. */
export class OutgoingTargetStore {
  private readonly table: string;

  constructor(db: Pick<EngineDatabase, 'tables'>) {
    this.table = db.tables.outgoingTarget;
  }

  /** Adds a target without work. A target that is there already stays as it is. */
  add(
    session: EngineSession,
    kind: LaneKind,
    id: string,
    { tenantId = '', held = false } = {},
  ): Promise<void> {
    return this.addAll(session, kind, [{ id, tenantId }], held);
  }

  /**
   * Adds targets without work, in the order of ids, as all locks are taken. Two that add the same one come
   * one after the other. Call it before a target is locked: who waits here must hold none that is there
   * already. Nobody must take these targets away meanwhile.
   */
  async addAll(
    session: EngineSession,
    kind: LaneKind,
    targets: readonly { readonly id: string; readonly tenantId: string }[],
    held = false,
  ): Promise<void> {
    await session.query(
      `INSERT INTO ${this.table} (kind, id, tenant_id, lane, held)
       SELECT $1, t.id, t.tenant_id, get_byte(uuid_send(t.id), 15) % ${lanesOf(kind)}, $4
       FROM unnest($2::uuid[], $3::text[]) AS t (id, tenant_id) ORDER BY t.id
       ON CONFLICT (kind, id) DO NOTHING`,
      [kind, targets.map(({ id }) => id), targets.map(({ tenantId }) => tenantId), held],
    );
  }

  /**
   * Takes a target away. What is in flight to it ends, and its outcome is dropped. The caller takes away the
   * items.
   */
  async remove(session: EngineSession, kind: LaneKind, id: string): Promise<void> {
    await session.query(`DELETE FROM ${this.table} WHERE kind = $1 AND id = $2::uuid`, [kind, id]);
  }

  /**
   * Says that each of these targets has an item that may run at `at`, or now. Call it after the items are
   * written. It locks every row, in the order of ids, and also rows that are ready already. A target that is
   * held stays so.
   */
  async makeReady(session: EngineSession, kind: LaneKind, ids: readonly string[], at?: Date): Promise<void> {
    if (ids.length === 0) return;
    // A statement of its own: one that locks in a subquery locks only rows that the rest of it asks for.
    await this.lock(session, kind, ids);
    const time = 'greatest(coalesce($3::timestamptz, clock_timestamp()), not_before)';
    await session.query(
      `UPDATE ${this.table} SET ready_at = ${time}
       WHERE kind = $1 AND id = ANY ($2::uuid[]) AND NOT held AND (ready_at IS NULL OR ready_at > ${time})`,
      [kind, [...ids], at ?? null],
    );
  }

  /**
   * Locks targets until the transaction ends, in the order of ids. Who decides by the items that are there,
   * as ordered deliveries do, calls it before the statement that looks.
   */
  async lock(session: EngineSession, kind: LaneKind, ids: readonly string[]): Promise<void> {
    await session.query(
      `SELECT id FROM ${this.table} WHERE kind = $1 AND id = ANY ($2::uuid[]) ORDER BY id FOR NO KEY UPDATE`,
      [kind, [...ids]],
    );
  }

  /** Begins nothing more for this target until `release`. What is in flight ends and is saved. */
  async hold(session: EngineSession, kind: LaneKind, id: string): Promise<void> {
    await session.query(
      `UPDATE ${this.table} SET held = true, ready_at = NULL WHERE kind = $1 AND id = $2::uuid`,
      [kind, id],
    );
  }

  /**
   * Ends a hold, and has the owner of the lane look what is due. The target begins without failures: it is
   * released because somebody thinks that it works again.
   */
  async release(session: EngineSession, kind: LaneKind, id: string): Promise<void> {
    await session.query(
      `UPDATE ${this.table} SET held = false, ready_at = clock_timestamp(), failures = 0, failing_since = NULL, not_before = NULL
       WHERE kind = $1 AND id = $2::uuid AND held`,
      [kind, id],
    );
  }

  /**
   * The target is another one from now on, so how the one before has failed says nothing of it, and a pause
   * that this one had asked for ends. What is in flight to it ends, and still counts.
   */
  async beginAnew(session: EngineSession, kind: LaneKind, id: string): Promise<void> {
    await session.query(
      `UPDATE ${this.table} SET failures = 0, failing_since = NULL, not_before = NULL, ready_at = CASE WHEN NOT held THEN clock_timestamp() END
       WHERE kind = $1 AND id = $2::uuid`,
      [kind, id],
    );
  }
}
