import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IntegrationError } from '../../errors.js';
import { DEFAULT_SCHEMA } from '../sql/schema-name.js';
import { copyBesideBundle, packageFolder } from './package-folder.js';

/** One file of `prisma/migrations`. */
export interface MigrationFile {
  /** The name of its folder, which is the name that Prisma Migrate gives it too. */
  name: string;
  /** The text as it stands in the file, for the default schema. */
  text: string;
  /** sha256 of `text`, in hex. */
  checksum: string;
}

/** The migrations of this package version, in the order in which they apply. */
export async function readMigrationFiles(folder: string = ownFolder()): Promise<MigrationFile[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw missing(`they are not at ${folder}`, { folder }, { cause });
  });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const text = await readFile(`${folder}/${name}/migration.sql`, 'utf8');
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
    }),
  );
}

function ownFolder(): string {
  const folder = packageFolder();
  if (folder !== undefined) return join(folder, 'prisma/migrations');
  throw missing('a bundler has put its code into the application, without them');
}

function missing(
  problem: string,
  details: Record<string, unknown> = {},
  options?: ErrorOptions,
): IntegrationError {
  const copy = copyBesideBundle();
  return new IntegrationError(
    'INTEGRATION_MIGRATIONS_MISSING',
    `The migrations of nestjs-integration are missing: ${problem}. Leave nestjs-integration out of the bundle (it is installed where the application runs), or copy the folder node_modules/nestjs-integration to ${copy}; docs/guide/bundlers.md of the package says how. With migrations: 'off' the boot does not look at them.`,
    { copy, ...details },
    options,
  );
}

/**
 * The text for one schema. The statement that creates the schema is left out: the runner did that, if it was
 * missing, and Postgres would ask for the right to create schemas even where there is nothing to create.
 */
export function renderMigration(text: string, schema: string): string {
  return text
    .replaceAll(`CREATE SCHEMA IF NOT EXISTS "${DEFAULT_SCHEMA}";`, '')
    .replaceAll(`"${DEFAULT_SCHEMA}".`, `"${schema}".`);
}
