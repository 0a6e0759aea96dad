import pg from 'pg';
import { runMigrations } from '../../src/database/migrations/migration-runner.js';
import { startEmbeddedPostgres } from '../../src/testing/index.js';

/** A server of a test file's own, with the integration tables in its maintenance database. */
export interface MigratedServer {
  readonly url: string;
  /** A pool for looking at the tables, which outlives the end of its sessions. */
  readonly pool: pg.Pool;
  stop(): Promise<void>;
}

export async function startMigratedServer(): Promise<MigratedServer> {
  const server = await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
  await runMigrations({ connectionString: server.url });
  const pool = new pg.Pool({ connectionString: server.url });
  pool.on('error', () => {});
  return {
    url: server.url,
    pool,
    stop: async () => {
      await pool.end();
      await server.stop();
    },
  };
}
