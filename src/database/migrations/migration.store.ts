import type { EngineSession } from '../sql/engine-session.js';
import { inSchema } from '../sql/tables.js';

/** A line of the history. `checksum` is null for a migration that only Prisma Migrate knows. */
export interface AppliedMigration {
  name: string;
  checksum: string | null;
  appliedAt: Date;
}

/** The history of migrations of one schema. */
export class MigrationStore {
  private readonly historyTable: string;

  constructor(
    private readonly session: EngineSession,
    private readonly schema: string,
  ) {
    this.historyTable = inSchema(schema, 'integration_migration');
  }

  /**
   * Takes the lock that lets one process migrate at a time. The lock belongs to the session, so it ends with
   * the connection at the latest. With `wait: false` it does not wait. Returns whether the lock was taken.
   */
  async lockMigrations(options: { wait: boolean }): Promise<boolean> {
    const call = options.wait ? 'pg_advisory_lock' : 'pg_try_advisory_lock';
    const rows = await this.session.query<{ locked: boolean | string }>(
      `SELECT ${call}(hashtextextended('nestjs-integration migrations of ' || $1, 0)) AS locked`,
      [this.schema],
    );
    return options.wait || rows[0]?.locked === true;
  }

  /**
   * Removes the time limits of the session. Migrations may take any time and may wait for locks. Only the
   * other statements of the engine have limits.
   */
  async liftTimeouts(): Promise<void> {
    await this.session.query(
      'SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0',
    );
  }

  /**
   * Creates the table of the history. Creates the schema only if it is missing, because many roles lack the
   * right to create schemas.
   */
  async createHistory(): Promise<void> {
    if (!(await this.schemaExists())) await this.session.query(`CREATE SCHEMA "${this.schema}"`);
    await this.session.query(`
      CREATE TABLE IF NOT EXISTS ${this.historyTable} (
        "name"       varchar(255) NOT NULL PRIMARY KEY,
        "checksum"   varchar(64)  NOT NULL,
        "applied_at" timestamptz  NOT NULL DEFAULT clock_timestamp()
      )`);
  }

  /** Runs one migration and notes it in the history, in one transaction. */
  async apply(migration: { name: string; checksum: string; sql: string }): Promise<void> {
    await this.session.query('BEGIN');
    try {
      await this.session.query(migration.sql);
      await this.record(migration);
      await this.session.query('COMMIT');
    } catch (error) {
      await this.session.query('ROLLBACK').catch(() => {});
      throw error;
    }
  }

  /** Notes a migration as applied. */
  async record(migration: { name: string; checksum: string }): Promise<void> {
    await this.session.query(`INSERT INTO ${this.historyTable} ("name", "checksum") VALUES ($1, $2)`, [
      migration.name,
      migration.checksum,
    ]);
  }

  /** The migrations that the runner applied, by name. Empty if the runner never ran. */
  async history(): Promise<AppliedMigration[]> {
    if (!(await this.tableExists('integration_migration'))) return [];
    return this.session.query<AppliedMigration>(
      `SELECT "name", "checksum", "applied_at" AS "appliedAt" FROM ${this.historyTable} ORDER BY "name"`,
    );
  }

  /**
   * The migrations among `names` that Prisma Migrate finished in this database, whichever schema holds its
   * table. They count only if the tables are in this schema, because Prisma may have migrated another schema
   * of the same database.
   */
  async appliedByPrisma(names: readonly string[]): Promise<AppliedMigration[]> {
    if (!(await this.tableExists('outbox_event'))) return [];
    const schemas = await this.session.query<{ schema: string }>(
      `SELECT quote_ident(n.nspname) AS schema FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.relname = '_prisma_migrations' AND c.relkind = 'r' AND has_table_privilege(c.oid, 'SELECT')
         AND has_schema_privilege(n.oid, 'USAGE')`,
    );
    const lists = await Promise.all(
      schemas.map(({ schema }) =>
        this.session.query<AppliedMigration>(
          `SELECT migration_name AS "name", NULL AS "checksum", max(finished_at) AS "appliedAt" FROM ${schema}._prisma_migrations
           WHERE migration_name = ANY($1) AND finished_at IS NOT NULL AND rolled_back_at IS NULL
           GROUP BY migration_name ORDER BY migration_name`,
          [names],
        ),
      ),
    );
    return lists.flat();
  }

  private async schemaExists(): Promise<boolean> {
    const rows = await this.session.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [this.schema]);
    return rows.length > 0;
  }

  private async tableExists(table: string): Promise<boolean> {
    const rows = await this.session.query(
      `SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2`,
      [this.schema, table],
    );
    return rows.length > 0;
  }
}
