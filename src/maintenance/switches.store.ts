import type { EngineDatabase } from '../database/engine-database.js';

/** What is known of a setting that switches something off. */
export interface SwitchState {
  readonly key: string;
  /** The stored value. Null if there is none. */
  readonly stored: unknown;
  /** When it was stored, and by whom. */
  readonly storedAt: Date | null;
  readonly storedBy: string | null;
  /** Live processes in which it is on. */
  readonly on: number;
  /** Live processes in which it is off. */
  readonly off: number;
}

/** Reads where settings are off: in the table of settings, and in live processes. */
export class SwitchesStore {
  private readonly sql: string;

  constructor(private readonly db: EngineDatabase) {
    const { integrationSetting, integrationProcess } = db.tables;
    this.sql = `
      SELECT w.key, s.value AS stored, s.updated_at AS "storedAt", s.updated_by AS "storedBy",
        (count(*) FILTER (WHERE p.settings ->> w.key = 'true'))::int AS "on",
        (count(*) FILTER (WHERE p.settings ->> w.key = 'false'))::int AS "off"
      FROM unnest($1::text[], $2::boolean[]) AS w (key, of_consumers)
        LEFT JOIN ${integrationSetting} s ON s.key = w.key
        LEFT JOIN ${integrationProcess} p ON p.seen_at > clock_timestamp() - $3::float8 * interval '1 millisecond'
          AND (NOT w.of_consumers OR p.role <> 'publisher')
      GROUP BY w.key, s.value, s.updated_at, s.updated_by`;
  }

  /**
   * @param switches full keys, and whether the setting matters to processes that run consumers only
   * @param leaseMs a process that was not seen for so long is not alive
   */
  states(
    switches: readonly { readonly key: string; readonly ofConsumers: boolean }[],
    leaseMs: number,
  ): Promise<SwitchState[]> {
    return this.db.query<SwitchState>(this.sql, [
      switches.map(({ key }) => key),
      switches.map(({ ofConsumers }) => ofConsumers),
      leaseMs,
    ]);
  }
}
