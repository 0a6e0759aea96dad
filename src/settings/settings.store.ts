import type { EngineSession } from '../database/sql/engine-session.js';
import { tablesOf } from '../database/sql/tables.js';

/** One change of a stored setting. */
export interface SettingHistoryEntry {
  /** Later changes have higher ids. */
  id: number;
  /** The full key. */
  key: string;
  /** The stored value before. Null if there was none, so that another source held. */
  from: unknown;
  /** The stored value since then. Null if it was removed. */
  to: unknown;
  at: Date;
  by: string | null;
  /** Why. Null if it was not said, or if the change was made by plain SQL. */
  reason: string | null;
}

/** How many of the last changes are looked at for those of some time, which has no index. */
const LOOKED_BACK = 500;

/** The stored settings. The table's triggers write their history and notify other processes. */
export class SettingsStore {
  private readonly table: string;
  private readonly readSql: string;
  private readonly writeSql: string;
  private readonly removeSql: string;
  private readonly changes: string;
  private readonly audit: string;

  constructor(
    private readonly db: EngineSession,
    schema: string,
  ) {
    const tables = tablesOf(schema);
    const table = tables.integrationSetting;
    this.table = table;
    this.changes = tables.integrationSettingChange;
    this.audit = tables.integrationAudit;
    // The triggers see the author's name until the transaction of this statement ends.
    const who = `WITH who AS (SELECT set_config('integration.changed_by', $1, true))`;
    this.readSql = `SELECT coalesce(jsonb_object_agg("key", "value"), '{}') AS stored FROM ${table}`;
    this.writeSql = `${who} INSERT INTO ${table} ("key", "value") SELECT $2, $3::jsonb FROM who
      ON CONFLICT ("key") DO UPDATE SET "value" = EXCLUDED."value"`;
    this.removeSql = `${who} DELETE FROM ${table} USING who WHERE "key" = $2`;
  }

  /** Every stored value, by its full key. */
  async readAll(session: EngineSession = this.db): Promise<Record<string, unknown>> {
    const rows = await session.query<{ stored: Record<string, unknown> }>(this.readSql);
    return rows[0]?.stored ?? {};
  }

  /** Nobody else changes a setting until the transaction ends. Everybody can read them. */
  async lock(session: EngineSession): Promise<void> {
    await session.query(`LOCK TABLE ${this.table} IN SHARE ROW EXCLUSIVE MODE`);
  }

  /** Sets one value, whether it is stored already or not. */
  async writeValue(session: EngineSession, key: string, value: unknown, changedBy: string): Promise<void> {
    await session.query(this.writeSql, [changedBy, key, JSON.stringify(value)]);
  }

  /** Removes one value. Nothing happens if there is none. */
  async deleteValue(session: EngineSession, key: string, changedBy: string): Promise<void> {
    await session.query(this.removeSql, [changedBy, key]);
  }

  /**
   * Some changes of these settings, the latest first. The reason is that of the entry in the audit which the
   * transaction of the change wrote: after it, of the same author, from and to the same value. A change by
   * plain SQL has none.
   */
  history(
    session: EngineSession,
    keys: readonly string[],
    behind: number | undefined,
    limit: number,
  ): Promise<SettingHistoryEntry[]> {
    const chosen = `SELECT * FROM ${this.changes} WHERE key = ANY ($1::text[]) AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`;
    return session.query<SettingHistoryEntry>(this.withReasons(chosen), [keys, behind ?? null, limit]);
  }

  /** Changes of any setting from one time to another, the latest first, with their reasons. */
  changedBetween(session: EngineSession, from: Date, to: Date): Promise<SettingHistoryEntry[]> {
    const latest = `SELECT * FROM ${this.changes} ORDER BY id DESC LIMIT ${LOOKED_BACK}`;
    const chosen = `SELECT * FROM (${latest}) AS latest WHERE changed_at >= $1 AND changed_at <= $2`;
    return session.query<SettingHistoryEntry>(this.withReasons(chosen), [from, to]);
  }

  private withReasons(chosen: string): string {
    return `SELECT c.id, c.key, c.old_value AS "from", c.new_value AS "to", c.changed_at AS at, c.changed_by AS by, noted.reason
       FROM (${chosen}) c LEFT JOIN LATERAL (
         SELECT a.reason FROM ${this.audit} a
         WHERE a.action = 'settings.change' AND a.at >= c.changed_at AND a.at < c.changed_at + interval '1 minute'
           AND a.actor = c.changed_by AND a.before -> c.key IS NOT DISTINCT FROM coalesce(c.old_value, 'null')
           AND a.after -> c.key IS NOT DISTINCT FROM coalesce(c.new_value, 'null')
         ORDER BY a.at, a.id LIMIT 1
       ) noted ON true ORDER BY c.id DESC`;
  }

  /** One change of a setting, or undefined. */
  async changeOf(session: EngineSession, id: number): Promise<{ key: string; to: unknown } | undefined> {
    const rows = await session.query<{ key: string; to: unknown }>(
      `SELECT key, new_value AS "to" FROM ${this.changes} WHERE id = $1`,
      [id],
    );
    return rows[0];
  }
}
