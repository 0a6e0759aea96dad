import type { EngineDatabase } from '../../database/engine-database.js';
import type { ConnectorView } from './connector.js';

/** A connector as a process has declared it, also for people who look while no process runs. */
export interface DeclaredConnector {
  readonly view: ConnectorView;
  /** JSON Schemas of config and actions, and the variables. */
  readonly definition: object;
}

/** What the code of connectors says. */
export class ConnectorDefinitionStore {
  private readonly table: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    this.table = db.tables.connectorDefinition;
  }

  /**
   * Stores what a process declares. Processes of two versions of an application write in turns while one
   * replaces the other, so the row says what was seen last.
   */
  async save(declared: readonly DeclaredConnector[], seenBy: string): Promise<void> {
    if (declared.length === 0) return;
    await this.db.query(
      `INSERT INTO ${this.table} (key, version, definition, seen_by)
       SELECT key, version, definition, $4 FROM unnest($1::text[], $2::text[], $3::jsonb[]) AS d (key, version, definition)
       ORDER BY key
       ON CONFLICT (key) DO UPDATE SET version = EXCLUDED.version, definition = EXCLUDED.definition,
         seen_at = clock_timestamp(), seen_by = EXCLUDED.seen_by`,
      [
        declared.map(({ view }) => view.key),
        declared.map(({ view }) => view.version),
        declared.map(({ definition }) => JSON.stringify(definition)),
        seenBy,
      ],
    );
  }
}
