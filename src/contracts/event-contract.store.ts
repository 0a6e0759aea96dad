import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import type { Visibility } from './event-definition.js';
import type { JsonSchema } from './schemas/event-schema.js';

/** A contract as it is kept, in the table or in a file. */
export interface KeptContract {
  readonly name: string;
  readonly version: number;
  /** Null if the library of the schema has no JSON Schema. */
  readonly schema: JsonSchema | null;
  readonly hash: string | null;
  readonly visibility: Visibility;
  readonly description: string | null;
  readonly retired: boolean;
}

/** A contract in the table. */
export interface RegisteredContract extends KeptContract {
  readonly registeredAt: Date;
  readonly retiredAt: Date | null;
}

/** The table of contracts. */
export class EventContractStore {
  private readonly table: string;

  constructor(private readonly db: EngineDatabase) {
    this.table = db.tables.eventContract;
  }

  /** All versions of these names, or of all names, by name and version. */
  async find(
    names: readonly string[] | undefined,
    session: EngineSession = this.db,
  ): Promise<RegisteredContract[]> {
    return session.query<RegisteredContract>(
      `SELECT event_name AS name, version, schema, schema_hash AS hash, visibility, description,
         retired_at IS NOT NULL AS retired, registered_at AS "registeredAt", retired_at AS "retiredAt"
       FROM ${this.table} WHERE $1::text[] IS NULL OR event_name = ANY ($1::text[])
       ORDER BY event_name COLLATE "C", version`,
      [names ?? null],
    );
  }

  /** The names behind this one that have contracts, in the order of `find`. */
  async names(limit: number, after = ''): Promise<string[]> {
    const rows = await this.db.query<{ name: string }>(
      `SELECT name FROM (SELECT DISTINCT event_name COLLATE "C" AS name FROM ${this.table}) AS named
       WHERE name > $1 ORDER BY name LIMIT $2`,
      [after, limit],
    );
    return rows.map(({ name }) => name);
  }

  /**
   * Runs `work` while no other process registers anything. The lock ends with the transaction, and does not
   * hold up those who read.
   */
  async alone<R>(work: (session: EngineSession) => Promise<R>): Promise<R> {
    return this.db.transaction(async (session) => {
      await session.query(`LOCK TABLE ${this.table} IN SHARE ROW EXCLUSIVE MODE`);
      return work(session);
    });
  }

  /** Writes these contracts, and changes the rows that say something else. */
  async write(contracts: readonly KeptContract[], session: EngineSession): Promise<void> {
    await session.query(
      `INSERT INTO ${this.table} AS kept (event_name, version, schema, schema_hash, visibility, description, retired_at)
       SELECT c->>'name', (c->>'version')::int, nullif(c->'schema', 'null'), c->>'hash', c->>'visibility', c->>'description',
         CASE WHEN (c->>'retired')::boolean THEN clock_timestamp() END
       FROM jsonb_array_elements($1::text::jsonb) AS c
       ON CONFLICT (event_name, version) DO UPDATE SET schema = EXCLUDED.schema, schema_hash = EXCLUDED.schema_hash,
         visibility = EXCLUDED.visibility, description = EXCLUDED.description,
         retired_at = CASE WHEN EXCLUDED.retired_at IS NOT NULL THEN coalesce(kept.retired_at, EXCLUDED.retired_at) END`,
      [JSON.stringify(contracts)],
    );
  }
}
