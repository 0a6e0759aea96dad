import { type EmbeddedPostgres, startEmbeddedPostgres } from 'nestjs-integration/testing';
import pg from 'pg';
import { SETTLE_FILLED_DATABASE, WAL_POSITION, WAL_SINCE } from './bench-server.store.js';

/**
 * A durable server: nothing that a commit promises is switched off. Buffers and WAL are large enough that no checkpoint
 * falls into a measurement.
 */
export const SERVER_SETTINGS = {
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  shared_buffers: '1GB',
  max_wal_size: '16GB',
  checkpoint_timeout: '1h',
} as const;

/** One database of the server, dropped after use. */
export interface BenchDatabase {
  readonly name: string;
  readonly url: string;
  drop(): Promise<void>;
}

/** The embedded Postgres that every system of one run shares. */
export class BenchServer {
  private readonly templates = new Map<string, Promise<BenchDatabase>>();
  private counter = 0;

  private constructor(
    private readonly server: EmbeddedPostgres,
    private readonly admin: pg.Pool,
  ) {}

  static async start(more: Record<string, string> = {}): Promise<BenchServer> {
    const settings = Object.entries({ ...SERVER_SETTINGS, ...more });
    const server = await startEmbeddedPostgres({
      flags: settings.flatMap(([key, value]) => ['-c', `${key}=${value}`]),
    });
    const admin = new pg.Pool({ connectionString: server.url, max: 2 });
    admin.on('error', () => {});
    return new BenchServer(server, admin);
  }

  async stop(): Promise<void> {
    await this.admin.end();
    await this.server.stop();
  }

  async version(): Promise<string> {
    const { rows } = await this.admin.query('SHOW server_version');
    return rows[0].server_version;
  }

  /** An empty database, or a copy of another that nobody is connected to. */
  async createDatabase(template?: BenchDatabase): Promise<BenchDatabase> {
    const database = this.nameDatabase();
    await this.create(database, template);
    return database;
  }

  /** A database that is to be created yet, for callers that get ready for it in the meantime. */
  nameDatabase(): BenchDatabase {
    const name = `bench_${++this.counter}`;
    return {
      name,
      url: this.server.urlOf(name),
      drop: async () => {
        await this.admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      },
    };
  }

  async create({ name }: BenchDatabase, template?: BenchDatabase): Promise<void> {
    await this.admin.query(
      `CREATE DATABASE ${name} ${template === undefined ? '' : `TEMPLATE ${template.name}`}`,
    );
  }

  /** A database of its own for `use`; dropped afterwards. */
  async withDatabase<R>(use: (database: BenchDatabase) => Promise<R>, template?: BenchDatabase): Promise<R> {
    const database = await this.createDatabase(template);
    try {
      return await use(database);
    } finally {
      await database.drop();
    }
  }

  /**
   * The prepared database of this key, built on first use. Every round starts from a copy of it, so that all rounds find the same
   * pages, the same statistics and the same hint bits.
   */
  template(key: string, build: (url: string) => Promise<void>): Promise<BenchDatabase> {
    const known = this.templates.get(key);
    if (known !== undefined) return known;
    const building = this.build(build);
    this.templates.set(key, building);
    return building;
  }

  /** Drops the prepared databases, whose room a long run would otherwise keep. */
  async dropTemplates(): Promise<void> {
    const built = await Promise.allSettled(this.templates.values());
    this.templates.clear();
    for (const one of built) if (one.status === 'fulfilled') await one.value.drop();
  }

  /** Bytes of WAL that the whole server writes during `work`. */
  async walBytesDuring(work: () => Promise<void>): Promise<number> {
    const before = (await this.admin.query(WAL_POSITION)).rows[0].position;
    await work();
    return Number((await this.admin.query(WAL_SINCE, [before])).rows[0].bytes);
  }

  query(sql: string, params: unknown[] = []): Promise<pg.QueryResult> {
    return this.admin.query(sql, params);
  }

  private async build(build: (url: string) => Promise<void>): Promise<BenchDatabase> {
    const database = await this.createDatabase();
    await build(database.url);
    await runIn(database, SETTLE_FILLED_DATABASE);
    return database;
  }
}

/** Runs one statement on a connection of its own. */
export function runIn(database: BenchDatabase, sql: string): Promise<pg.QueryResult> {
  return withClient(database, (client) => client.query(sql));
}

/** A connection of its own for `use`; closed afterwards. */
export async function withClient<R>(
  database: Pick<BenchDatabase, 'url'>,
  use: (client: pg.Client) => Promise<R>,
): Promise<R> {
  const client = new pg.Client({ connectionString: database.url });
  client.on('error', () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
