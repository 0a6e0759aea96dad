import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { IntegrationError } from '../../errors.js';
import { DEFAULT_SCHEMA } from '../sql/schema-name.js';
import { copyBesideBundle, packageFolder } from './package-folder.js';

/**
 * A line of migrations: a folder whose migrations follow each other. The engine has one without a name. Who
 * brings tables of its own brings a line, which is applied after the engine's. A process that does not have
 * the line leaves it alone.
 */
export interface MigrationLine {
  /** Lower-case letters, digits and underscores. It begins names in the history: `webhooks/20270101_a`. */
  readonly name?: string | undefined;
  /** Asked for when the files are read, and not before: see `packagedMigrations`. */
  readonly folder: () => string;
}

/** The engine's own line. */
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

/** The migrations of this package version, and of the lines that are brought along, in their order. */
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

/** The line that a migration belongs to; undefined for the engine's own. */
export function lineOf(name: string): string | undefined {
  return name.includes('/') ? name.slice(0, name.indexOf('/')) : undefined;
}

/** The name without that of its line, as Prisma Migrate has it. */
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
    `The migrations of nestjs-integration are missing: ${problem}. Leave nestjs-integration out of the bundle (it is installed where the application runs), or copy the folder node_modules/nestjs-integration to ${copy}; docs/guide/bundlers.md of the package says how. With migrations: 'off' the boot does not look at them.`,
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
