import type { EngineSession } from '../database/engine-database.js';
import { tablesOf } from '../database/sql/tables.js';

/** The stored settings. The table's triggers write the audit and notify other processes. */
export class SettingsStore {
  private readonly readSql: string;
  private readonly writeSql: string;
  private readonly removeSql: string;

  constructor(
    private readonly db: EngineSession,
    schema: string,
  ) {
    const table = tablesOf(schema).integrationSetting;
    // The triggers see the author's name until the transaction of this statement ends.
    const who = `WITH who AS (SELECT set_config('integration.changed_by', $1, true))`;
    this.readSql = `SELECT coalesce(jsonb_object_agg("key", "value"), '{}') AS stored FROM ${table}`;
    this.writeSql = `${who} INSERT INTO ${table} ("key", "value") SELECT $2, $3::jsonb FROM who
      ON CONFLICT ("key") DO UPDATE SET "value" = EXCLUDED."value"`;
    this.removeSql = `${who} DELETE FROM ${table} USING who WHERE "key" = $2`;
  }

  /** Every stored value, by its full key. */
  async readAll(): Promise<Record<string, unknown>> {
    const rows = await this.db.query<{ stored: Record<string, unknown> }>(this.readSql);
    return rows[0]?.stored ?? {};
  }

  /**
   * Sets one value, whether it is stored already or not. If `changedBy` is empty, the session's role is
   * recorded as the author.
   */
  async writeValue(key: string, value: unknown, changedBy: string): Promise<void> {
    await this.db.query(this.writeSql, [changedBy, key, JSON.stringify(value)]);
  }

  /** Removes one value. Nothing happens if there is none. */
  async deleteValue(key: string, changedBy: string): Promise<void> {
    await this.db.query(this.removeSql, [changedBy, key]);
  }
}
