import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';

/** What changes by hand need besides `CallStore`. */
export class CallRetryStore {
  private readonly table: string;

  constructor({ tables }: Pick<EngineDatabase, 'tables'>) {
    this.table = tables.externalCall;
  }

  /** The target of a call, which never changes. */
  async targetOf(session: EngineSession, id: string): Promise<{ id: string; type: string } | undefined> {
    const [row] = await session.query<{ id: string; type: string }>(
      `SELECT target::text AS id, type FROM ${this.table} WHERE id = $1::uuid`,
      [id],
    );
    return row;
  }

  /** Writes a call that repeats another one, with as much time as that had. */
  async repeat(session: EngineSession, id: string, newId: string): Promise<void> {
    await session.query(
      `INSERT INTO ${this.table} (id, tenant_id, type, group_key, target, subject_type, subject_id, request, caller, metadata, retry_of,
         deadline_at, due_at)
       SELECT $2::uuid, tenant_id, type, group_key, target, subject_type, subject_id, request, caller, metadata, id,
         clock_timestamp() + (deadline_at - created_at), clock_timestamp()
       FROM ${this.table} WHERE id = $1::uuid`,
      [id, newId],
    );
  }
}
