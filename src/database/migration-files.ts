import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IntegrationError } from '../errors.js';
import { packageFolder } from './package-folder.js';
import { DEFAULT_SCHEMA } from './schema-name.js';

/** One file of `prisma/migrations`. */
export interface MigrationFile {
  /** The name of its folder, which is the name that Prisma Migrate gives it too. */
  name: string;
  /** The text as it stands in the file, for the default schema. */
  text: string;
  /** sha256 of `text`, in hex. */
  checksum: string;
}

const FOLDER = join(packageFolder(), 'prisma/migrations');

/** The migrations of this package version, in the order in which they apply. */
export async function readMigrationFiles(folder: string = FOLDER): Promise<MigrationFile[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new IntegrationError(
      'INTEGRATION_MIGRATION_FAILED',
      `the package's migrations are not at ${folder}: a bundler must leave nestjs-integration out of its bundle`,
      { folder },
      { cause },
    );
  });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const text = await readFile(`${folder}/${name}/migration.sql`, 'utf8');
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

/**
 * The text for one schema. The statement that creates the schema is left out: the runner did that, if it was missing, and
 * Postgres would ask for the right to create schemas even where there is nothing to create.
 */
export function renderMigration(text: string, schema: string): string {
  return text
    .replaceAll(`CREATE SCHEMA IF NOT EXISTS "${DEFAULT_SCHEMA}";`, '')
    .replaceAll(`"${DEFAULT_SCHEMA}".`, `"${schema}".`);
}
