import type { EngineConnection } from '../database/connection/engine-connection.js';
import { sqlIdentifier } from '../database/sql/pasteable-text.js';

/** Creates databases of a server from a template. */
export class TestDatabaseStore {
  constructor(private readonly connection: EngineConnection) {}

  /**
   * Lifts the time limits of statements, because one process at a time builds templates and creating or
   * dropping a database may take long.
   */
  async liftTimeouts(): Promise<void> {
    await this.connection.query(`SET statement_timeout = 0; SET lock_timeout = 0`);
  }

  /** Runs `work` while no other caller runs under this name. */
  async exclusively<R>(name: string, work: () => Promise<R>): Promise<R> {
    await this.connection.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [name]);
    try {
      return await work();
    } finally {
      await this.connection.query('SELECT pg_advisory_unlock(hashtextextended($1, 0))', [name]);
    }
  }

  async exists(database: string): Promise<boolean> {
    const rows = await this.connection.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    return rows.length > 0;
  }

  async beginningWith(prefix: string): Promise<string[]> {
    const rows = await this.connection.query<{ datname: string }>(
      'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
      [prefix],
    );
    return rows.map(({ datname }) => datname);
  }

  async create(database: string, template?: string): Promise<void> {
    await this.connection.query(
      `CREATE DATABASE ${sqlIdentifier(database)}${template === undefined ? '' : ` TEMPLATE ${sqlIdentifier(template)}`}`,
    );
  }

  async rename(database: string, name: string): Promise<void> {
    await this.connection.query(`ALTER DATABASE ${sqlIdentifier(database)} RENAME TO ${sqlIdentifier(name)}`);
  }

  /**
   * Whether anybody else has a session in the database, or in any database if none is named. What kind of a
   * session another role has is known to few roles, so it counts.
   */
  async hasOtherSessions(database?: string): Promise<boolean> {
    const rows = await this.connection.query(
      `SELECT 1 FROM pg_stat_activity
        WHERE coalesce(backend_type, 'client backend') = 'client backend'
          AND pid <> pg_backend_pid() AND datname = coalesce($1, datname)
        LIMIT 1`,
      [database ?? null],
    );
    return rows.length > 0;
  }

  /** Deletes the database and closes all connections to it. */
  async drop(database: string): Promise<void> {
    await this.connection.query(`DROP DATABASE IF EXISTS ${sqlIdentifier(database)} WITH (FORCE)`);
  }
}
