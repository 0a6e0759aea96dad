import type { EngineConnection } from '../database/connection/engine-connection.js';

/** Databases of a server, made from a template. */
export class TestDatabaseStore {
  constructor(private readonly connection: EngineConnection) {}

  /** One process at a time builds templates; creating and dropping databases may take as long as it takes. */
  async liftTimeouts(): Promise<void> {
    await this.connection.query(`SET statement_timeout = 0; SET lock_timeout = 0`);
  }

  /** Runs `work` alone among all who ask with this name. */
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

  async create(database: string, template?: string): Promise<void> {
    await this.connection.query(
      `CREATE DATABASE ${quote(database)}${template === undefined ? '' : ` TEMPLATE ${quote(template)}`}`,
    );
  }

  async rename(database: string, name: string): Promise<void> {
    await this.connection.query(`ALTER DATABASE ${quote(database)} RENAME TO ${quote(name)}`);
  }

  /** Whoever is still connected is disconnected. */
  async drop(database: string): Promise<void> {
    await this.connection.query(`DROP DATABASE IF EXISTS ${quote(database)} WITH (FORCE)`);
  }
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
