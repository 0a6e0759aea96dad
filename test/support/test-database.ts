import { randomBytes } from 'node:crypto';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { EngineDatabase } from '../../src/database/engine-database.js';
import type { WaitingLimits } from '../../src/database/engine-database-options.js';
import { runMigrations } from '../../src/database/migrations/migration-runner.js';
import { PrismaClient } from '../generated/prisma/client.js';

const TEMPLATE = 'integration_template';
const TEMPLATE_LOCK = 7_310_001;
const HOST_TABLES = `
  CREATE TABLE invoice (id text PRIMARY KEY, total int NOT NULL DEFAULT 0, version int NOT NULL DEFAULT 1, created_at timestamptz NOT NULL DEFAULT now());
  CREATE TABLE effect (id bigserial PRIMARY KEY, consumer text NOT NULL, event_id text NOT NULL, note text NOT NULL DEFAULT '');
  CREATE INDEX effect_event ON effect (event_id, consumer);`;

/** A database of one test file's own: a copy of a template that is migrated once per run. */
export interface TestDatabase {
  readonly url: string;
  /** A pool for looking at the tables and for being somebody else. */
  readonly pool: pg.Pool;
  /** A Prisma client as a host would have it, by another `url` or with at most `max` connections if told; disconnected by `drop`. */
  prisma(options?: { url?: string; max?: number }): PrismaClient;
  /** The engine's way to it over one connection, so that whatever a statement leaves behind meets the next one; closed by `drop`. */
  engine(limits?: Partial<WaitingLimits>): EngineDatabase;
  /** Another database with all that this one holds. Whoever is connected to this one is disconnected. */
  copy(): Promise<TestDatabase>;
  /** Disconnects everything that it opened, fails if anybody else is still connected, drops the database. */
  drop(): Promise<void>;
}

/** Two test files of one process must not have the same names: what the first leaves open would work on the second's. */
const FILE = randomBytes(4).toString('hex');
let counter = 0;

/** `migrated: false` gives an empty database, without the integration schema; one of another `encoding` is empty as well. */
export async function createTestDatabase(
  options: { migrated?: boolean; encoding?: string } = {},
): Promise<TestDatabase> {
  const name = newName();
  await withServer(async (server) => {
    if (options.encoding !== undefined) {
      await server.query(
        `CREATE DATABASE ${name} ENCODING '${options.encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`,
      );
      return;
    }
    if (options.migrated !== false) await ensureTemplate(server);
    const template = options.migrated === false ? 'template1' : TEMPLATE;
    await server.query(`CREATE DATABASE ${name} TEMPLATE ${template} ${await fileCopy(server)}`);
  });
  return databaseOf(name);
}

/** The usual strategy writes each page to the log as well, which takes twice as long. Before 15 there was no choice. */
async function fileCopy(server: pg.Client): Promise<string> {
  const { rows } = await server.query('SHOW server_version_num');
  return Number(rows[0].server_version_num) < 150_000 ? '' : 'STRATEGY FILE_COPY';
}

function newName(): string {
  return `test_${process.pid}_${FILE}_${++counter}`;
}

function databaseOf(name: string): TestDatabase {
  const url = urlOf(name);
  const pool = new pg.Pool({ connectionString: url, max: 20 });
  pool.on('error', () => {});
  const clients: PrismaClient[] = [];
  const engines: EngineDatabase[] = [];
  return {
    url,
    pool,
    prisma: (options = {}) => {
      const { url: connectionString = url, max } = options;
      const client = new PrismaClient({
        adapter: new PrismaPg({ connectionString, ...(max === undefined ? {} : { max }) }),
      });
      clients.push(client);
      return client;
    },
    engine: (limits) => {
      const engine = new EngineDatabase({ connectionString: url, schema: 'integration', max: 1, limits });
      engines.push(engine);
      return engine;
    },
    copy: async () => {
      const other = newName();
      await withServer(async (server) => {
        await server.query(
          `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'`,
          [name],
        );
        await server.query(`CREATE DATABASE ${other} TEMPLATE ${name}`);
      });
      return databaseOf(other);
    },
    drop: async () => {
      await Promise.all(clients.map((client) => client.$disconnect()));
      await Promise.all(engines.map((engine) => engine.close()));
      await pool.end();
      await withServer(async (server) => {
        const left = await remainingConnections(server, name);
        await server.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
        if (left.length > 0) throw new Error(`connections left open on ${name}: ${left.join(', ')}`);
      });
    },
  };
}

/** A backend leaves a moment after its client did, on a busy machine some seconds after; whoever is there after twenty was left behind. */
async function remainingConnections(server: pg.Client, database: string): Promise<string[]> {
  for (let look = 0; ; look++) {
    const { rows } = await server.query(
      `SELECT application_name || ': ' || left(query, 60) AS what FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend'`,
      [database],
    );
    if (rows.length === 0 || look === 200) return rows.map((row) => row.what as string);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function ensureTemplate(server: pg.Client): Promise<void> {
  await server.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  try {
    const { rowCount } = await server.query('SELECT 1 FROM pg_database WHERE datname = $1', [TEMPLATE]);
    if (rowCount) return;
    const building = `${TEMPLATE}_building`;
    await server.query(`DROP DATABASE IF EXISTS ${building}`);
    await server.query(`CREATE DATABASE ${building}`);
    await runMigrations({ connectionString: urlOf(building) });
    const client = new pg.Client({ connectionString: urlOf(building) });
    await client.connect();
    await client.query(HOST_TABLES);
    await client.end();
    await server.query(`ALTER DATABASE ${building} RENAME TO ${TEMPLATE}`);
  } finally {
    await server.query('SELECT pg_advisory_unlock($1)', [TEMPLATE_LOCK]);
  }
}

async function withServer<R>(run: (server: pg.Client) => Promise<R>): Promise<R> {
  const server = new pg.Client({ connectionString: serverUrl() });
  await server.connect();
  try {
    return await run(server);
  } finally {
    await server.end();
  }
}

function serverUrl(): string {
  const url = process.env.TEST_DATABASE_URL;
  if (url === undefined) throw new Error('TEST_DATABASE_URL is not set: the global setup did not run');
  return url;
}

function urlOf(database: string): string {
  const url = new URL(serverUrl());
  url.pathname = `/${database}`;
  return url.toString();
}
