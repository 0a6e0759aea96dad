import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IntegrationError } from '../../errors.js';
import { DEFAULT_SCHEMA } from '../sql/schema-name.js';
import { copyBesideBundle, packageFolder } from './package-folder.js';

/**
 * A line of migrations is a folder whose migrations follow each other. The line of the engine has no name. A
 * subpath with tables of its own brings its own line, which is applied after that of the engine. A process
 * that does not have a line ignores it.
 */
export interface MigrationLine {
  /**
   * The name: lower-case letters, digits and underscores. Names in the history begin with it:
   * `webhooks/20270101_a`.
   */
  readonly name?: string | undefined;
  /** Returns the folder. Is called only when the files are read (see `packagedMigrations`). */
  readonly folder: () => string;
}

/** The line of the engine. */
const OWN_LINE: MigrationLine = { folder: () => packagedMigrations('prisma/migrations') };

/** One file of a line of migrations. */
export interface MigrationFile {
  /** The name of its folder. Prisma Migrate uses the same name. */
  name: string;
  /** The text of the file, written for the default schema. */
  text: string;
  /** sha256 of `text`, in hex. */
  checksum: string;
}

/**
 * The migrations of this version of the package, and those of the given lines, in the order in which they are
 * applied.
 */
export async function readMigrationFiles(
  added: readonly MigrationLine[] = [],
  own: MigrationLine = OWN_LINE,
): Promise<MigrationFile[]> {
  return (await Promise.all([own, ...added].map(readLine))).flat();
}

async function readLine(line: MigrationLine): Promise<MigrationFile[]> {
  const folder = line.folder();
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw missing(`they are not at ${folder}`, { folder }, { cause });
  });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const text = await readFile(`${folder}/${name}/migration.sql`, 'utf8');
      const checksum = createHash('sha256').update(text).digest('hex');
      return { name: line.name === undefined ? name : `${line.name}/${name}`, text, checksum };
    }),
  );
}

/** The line that a migration belongs to. Undefined for a migration of the engine. */
export function lineOf(name: string): string | undefined {
  return name.includes('/') ? name.slice(0, name.indexOf('/')) : undefined;
}

/** The name of a migration without that of its line. Prisma Migrate uses this name. */
export function folderNameOf(name: string): string {
  return name.slice(name.indexOf('/') + 1);
}

/** A folder of migrations that comes with this package. */
export function packagedMigrations(path: string): string {
  const folder = packageFolder();
  if (folder !== undefined) return join(folder, path);
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
    `The migrations of nestjs-integration are missing: ${problem}. Leave nestjs-integration out of the bundle (it is installed where the application runs), or copy the folder node_modules/nestjs-integration to ${copy}; docs/guide/start/bundlers.md of the package says how. With migrations: 'off' the boot does not look at them`,
    { copy, ...details },
    options,
  );
}

/**
 * The text for one schema. The statement that creates the schema is left out, because the runner has created
 * the schema if it was missing. Postgres would ask for the right to create schemas even if there is nothing
 * to create.
 */
export function renderMigration(text: string, schema: string): string {
  return text
    .replaceAll(`CREATE SCHEMA IF NOT EXISTS "${DEFAULT_SCHEMA}";`, '')
    .replaceAll(`"${DEFAULT_SCHEMA}".`, `"${schema}".`);
}
