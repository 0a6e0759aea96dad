import type { EngineDatabase } from '../database/engine-database.js';

export interface IndexState {
  readonly name: string;
  readonly table: string;
  readonly primary: boolean;
  readonly valid: boolean;
}

/** How the log's positions are generated. */
export interface PositionSource {
  /** The sequence's name, or null if the column has none. */
  readonly sequence: string | null;
  readonly always: boolean;
  readonly cache: number | null;
  readonly increment: number | null;
  readonly cycle: boolean | null;
  /** The last position that it gives. */
  readonly last: number | null;
}

/** Reads the tables' definitions from the catalogue. */
export class SchemaHealthStore {
  constructor(private readonly db: EngineDatabase) {}

  tables(): Promise<{ name: string }[]> {
    return this.db.query(
      `SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')`,
      [this.db.schema],
    );
  }

  indexes(): Promise<IndexState[]> {
    return this.db.query<IndexState>(
      `SELECT c.relname AS name, t.relname AS "table", i.indisprimary AS "primary", i.indisvalid AND i.indisready AS valid
       FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
       JOIN pg_namespace n ON n.oid = t.relnamespace WHERE n.nspname = $1`,
      [this.db.schema],
    );
  }

  triggers(): Promise<{ name: string; enabled: boolean }[]> {
    return this.db.query(
      `SELECT g.tgname AS name, g.tgenabled <> 'D' AS enabled
       FROM pg_trigger g JOIN pg_class t ON t.oid = g.tgrelid JOIN pg_namespace n ON n.oid = t.relnamespace
       WHERE n.nspname = $1 AND NOT g.tgisinternal`,
      [this.db.schema],
    );
  }

  async positionSource(): Promise<PositionSource> {
    const log = this.db.tables.outboxEvent;
    const [source] = await this.db.query<PositionSource>(
      `SELECT s.name AS sequence, a.attidentity = 'a' AS always, q.seqcache AS cache, q.seqincrement AS increment, q.seqcycle AS cycle,
         q.seqmax AS last
       FROM pg_attribute a
       CROSS JOIN LATERAL (SELECT pg_get_serial_sequence($1, 'position') AS name) s
       LEFT JOIN pg_sequence q ON q.seqrelid = s.name::regclass
       WHERE a.attrelid = $1::regclass AND a.attname = 'position'`,
      [log],
    );
    return source ?? { sequence: null, always: false, cache: null, increment: null, cycle: null, last: null };
  }
}
