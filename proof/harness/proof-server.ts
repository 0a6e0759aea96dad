import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type EmbeddedPostgres, startEmbeddedPostgres } from 'nestjs-integration/testing';
import pg from 'pg';
import { MIGRATE_COMMAND } from './package-paths.js';
import { HOST_TABLES } from './proof-database.store.js';

/**
 * A durable server: nothing that a commit promises is switched off. (synchronous_commit is on by default; said here, no scenario
 * could switch it off for a while.)
 */
export const SERVER_SETTINGS = {
  fsync: 'on',
  full_page_writes: 'on',
  shared_buffers: '256MB',
  max_wal_size: '4GB',
} as const;

/** One scenario's database; its pool is the observer's. */
export interface ProofDatabase {
  readonly name: string;
  readonly url: string;
  query<Row>(sql: string, params?: unknown[]): Promise<Row[]>;
  drop(): Promise<void>;
}

/** The embedded Postgres of a run. */
export class ProofServer {
  private constructor(private readonly server: EmbeddedPostgres) {}

  static async start(more: Readonly<Record<string, string>> = {}): Promise<ProofServer> {
    const flags = Object.entries({ ...SERVER_SETTINGS, ...more }).flatMap(([key, value]) => [
      '-c',
      `${key}=${value}`,
    ]);
    return new ProofServer(await startEmbeddedPostgres({ flags }));
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  restart(mode: 'fast' | 'immediate'): Promise<void> {
    return this.server.restart({ mode });
  }

  async version(): Promise<string> {
    const [row] = await this.admin<{ server_version: string }>('SHOW server_version');
    return row?.server_version ?? 'unknown';
  }

  /** On a connection of its own to the maintenance database. */
  async admin<Row>(sql: string): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.server.url });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(sql)).rows as Row[];
    } finally {
      await client.end();
    }
  }

  /** A migrated database with the host's tables. */
  async createDatabase(scenario: string): Promise<ProofDatabase> {
    const name = `proof_${scenario.replaceAll('-', '_')}`;
    await this.admin(`CREATE DATABASE ${name}`);
    const url = this.server.urlOf(name);
    await promisify(execFile)(process.execPath, [MIGRATE_COMMAND, 'migrate'], {
      env: { ...process.env, DATABASE_URL: url },
    });
    // A connection per question: the observer loses none when backends are ended and the server restarts.
    const pool = new pg.Pool({ connectionString: url, max: 2, application_name: 'proof observer' });
    pool.on('error', () => {});
    pool.on('connect', (client) => client.on('error', () => {}));
    await pool.query(HOST_TABLES);
    return {
      name,
      url,
      query: async <Row>(sql: string, params: unknown[] = []) =>
        (await pool.query(sql, params)).rows as Row[],
      drop: async () => {
        await pool.end();
        await this.admin(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      },
    };
  }
}
