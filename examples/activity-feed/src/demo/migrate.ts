import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';

/** The migrations of the application, each with a table by which one sees that it was applied. */
const TABLES = [
  ['delivery', '20261120000000_activity_feed'],
  ['print_order', '20261129000000_orders'],
] as const;

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
    for (const [table, folder] of TABLES) {
      const { rows } = await client.query('SELECT to_regclass($1) IS NOT NULL AS there', [table]);
      const file = new URL(`../../prisma/migrations/${folder}/migration.sql`, import.meta.url);
      if (!rows[0].there) await client.query(await readFile(file, 'utf8'));
    }
  } finally {
    await client.end();
  }
}
