import { readFile } from 'node:fs/promises';
import { runMigrations } from '../../src/database/migrations/migration-runner.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/* The roles and grants are those of the guide, as they are printed there. */

export const ROLES = ['migrator', 'publisher', 'worker', 'handlers', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** A database with the roles of the guide, which have its grants and no others. */
export interface GrantedDatabase {
  readonly database: TestDatabase;
  urlOf(role: Role): string;
  /** Runs statements as a role. */
  run(role: Role, sql: string): Promise<void>;
  drop(): Promise<void>;
}

/** @param hostTables statements for the tables of the application */
export async function createGrantedDatabase(hostTables = ''): Promise<GrantedDatabase> {
  const database = await createTestDatabase({ migrated: false });
  const urlOf = (role: Role): string => {
    const url = new URL(database.url);
    url.username = nameOf(role);
    url.password = 'secret';
    return url.toString();
  };
  const run = async (role: Role, sql: string): Promise<void> => {
    const client = await database.pool.connect();
    try {
      await client.query(`SET ROLE ${nameOf(role)}; ${sql}`);
    } finally {
      await client.query('RESET ROLE');
      client.release();
    }
  };
  await database.pool.query(`${await sqlOfGuide('roles.sql')}; ${hostTables}`);
  for (const role of ROLES) await database.pool.query(`ALTER ROLE ${nameOf(role)} LOGIN PASSWORD 'secret'`);
  await runMigrations({ connectionString: urlOf('migrator') });
  await run('migrator', await sqlOfGuide('grants.sql'));
  return {
    database,
    urlOf,
    run,
    async drop() {
      const names = ROLES.map(nameOf).join(', ');
      await database.pool.query(`DROP OWNED BY ${names} CASCADE; DROP ROLE ${names}`);
      await database.drop();
    },
  };
}

/** Roles belong to the whole server: the names of this process are its own. */
export function nameOf(role: Role): string {
  return `integration_${role}_${process.pid}`;
}

/** Statements of the guide, with the names of this process. */
export async function sqlOfGuide(file: string): Promise<string> {
  const page = await readFile('docs/guide/operate/security.md', 'utf8');
  const sql = new RegExp(`\`\`\`sql\\n-- file: ${file}\\n(.*?)\`\`\``, 's').exec(page)?.[1];
  if (sql === undefined) throw new Error(`the guide has no ${file}`);
  return sql.replace(/\bintegration_(migrator|publisher|worker|handlers|admin)\b/g, (_, role: Role) =>
    nameOf(role),
  );
}
