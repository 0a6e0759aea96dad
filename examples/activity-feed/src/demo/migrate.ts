import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

const TABLES = new URL('../../prisma/migrations/20261120000000_activity_feed/migration.sql', import.meta.url);

/** Creates the tables of nestjs-integration with its own command, then those of the application, where they are missing. */
export async function migrate(connectionString: string): Promise<void> {
  const fromHere = createRequire(import.meta.url);
  const manifest = fromHere.resolve('nestjs-integration/package.json');
  const { bin } = fromHere(manifest) as { bin: Record<string, string> };
  const command = join(dirname(manifest), bin['nestjs-integration'] ?? '');
  const env = { ...process.env, DATABASE_URL: connectionString };
  await promisify(execFile)(process.execPath, [command, 'migrate'], { env }).catch(
    ({ stderr, message }: { stderr?: string; message: string }) => {
      throw new Error(stderr?.trim() || message);
    },
  );

  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    // A project with Prisma's command line at hand says `prisma migrate deploy` instead.
    const { rows } = await client.query(`SELECT to_regclass('delivery') IS NOT NULL AS there`);
    if (!rows[0].there) await client.query(await readFile(TABLES, 'utf8'));
  } finally {
    await client.end();
  }
}
