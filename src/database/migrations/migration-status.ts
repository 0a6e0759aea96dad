import { IntegrationError } from '../../errors.js';
import type { EngineSession } from '../engine-database.js';
import { type CommandTarget, commandLine } from '../sql/pasteable-text.js';
import { type AppliedMigration, MigrationStore } from './migration.store.js';
import { folderNameOf, lineOf, type MigrationFile, readMigrationFiles } from './migration-files.js';

/**
 * `current`: nothing is to be done. `missing`: no migration was applied. `outdated`: some migrations were not
 * applied yet. `changed`: a file differs from the one that was applied. `newer`: the database has migrations
 * that this version of the package does not know.
 */
export type MigrationState = 'current' | 'missing' | 'outdated' | 'changed' | 'newer';

/** The migrations of one schema, compared with those of the package. Names are in order. */
export interface MigrationStatus {
  schema: string;
  state: MigrationState;
  applied: { name: string; appliedAt: Date; by: 'nestjs-integration' | 'prisma' }[];
  pending: string[];
  changed: string[];
  unknown: string[];
}

/** Compares the database with the files of the package. It only reads. */
export async function migrationStatus(
  session: EngineSession,
  schema: string,
  files?: readonly MigrationFile[],
): Promise<MigrationStatus> {
  const known = files ?? (await readMigrationFiles());
  const store = new MigrationStore(session, schema);
  const history = await store.history();
  const noted = new Set(history.map((line) => line.name));
  const missing = known.filter((file) => !noted.has(file.name)).map((file) => file.name);
  const lines = new Set(known.map((file) => lineOf(file.name)));
  // Migrations of lines that this process does not have are ignored.
  const own = history.filter(({ name }) => lineOf(name) === undefined || lines.has(lineOf(name)));
  return compare(schema, known, own, await appliedByPrisma(store, missing));
}

async function appliedByPrisma(
  store: MigrationStore,
  missing: readonly string[],
): Promise<AppliedMigration[]> {
  if (missing.length === 0) return [];
  const found = new Map(
    (await store.appliedByPrisma(missing.map(folderNameOf))).map((applied) => [applied.name, applied]),
  );
  return missing.flatMap((name) => {
    const applied = found.get(folderNameOf(name));
    return applied === undefined ? [] : [{ ...applied, name }];
  });
}

function compare(
  schema: string,
  files: readonly MigrationFile[],
  history: readonly AppliedMigration[],
  byPrisma: readonly AppliedMigration[],
): MigrationStatus {
  const checksums = new Map(files.map((file) => [file.name, file.checksum]));
  const applied = [
    ...history.map(({ name, appliedAt }) => ({ name, appliedAt, by: 'nestjs-integration' as const })),
    ...byPrisma.map(({ name, appliedAt }) => ({ name, appliedAt, by: 'prisma' as const })),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
  const names = new Set(applied.map((line) => line.name));
  const status = {
    schema,
    applied,
    pending: files.filter((file) => !names.has(file.name)).map((file) => file.name),
    changed: history
      .filter((line) => checksums.has(line.name) && checksums.get(line.name) !== line.checksum)
      .map((line) => line.name),
    unknown: history.filter((line) => !checksums.has(line.name)).map((line) => line.name),
  };
  return { ...status, state: stateOf(status) };
}

function stateOf(status: Omit<MigrationStatus, 'state'>): MigrationState {
  if (status.unknown.length > 0) return 'newer';
  if (status.changed.length > 0) return 'changed';
  if (status.pending.length === 0) return 'current';
  return status.applied.length === 0 ? 'missing' : 'outdated';
}

/**
 * Throws for the states that a migration cannot repair: INTEGRATION_SCHEMA_NEWER,
 * INTEGRATION_MIGRATION_CHANGED.
 */
export function refuseForeignHistory(status: MigrationStatus): void {
  const { schema, unknown, changed } = status;
  if (status.state === 'newer') {
    throw new IntegrationError(
      'INTEGRATION_SCHEMA_NEWER',
      `schema "${schema}" has migrations that this version of nestjs-integration does not know (${unknown.join(', ')}): upgrade the package`,
      { schema, migrations: unknown },
    );
  }
  if (status.state === 'changed') {
    throw new IntegrationError(
      'INTEGRATION_MIGRATION_CHANGED',
      `migration ${changed.join(', ')} was changed after it was applied to schema "${schema}": restore the file as it was released (reinstall the package); changes belong in a new migration`,
      { schema, migrations: changed },
    );
  }
}

/**
 * Throws unless the schema is exactly the one that this package version needs: INTEGRATION_SCHEMA_MISSING or
 * INTEGRATION_SCHEMA_OUTDATED with the command to run, INTEGRATION_SCHEMA_NEWER,
 * INTEGRATION_MIGRATION_CHANGED.
 *
 * @param engine whose tables they are, for that command
 */
export function requireCurrent(status: MigrationStatus, engine?: string): void {
  refuseForeignHistory(status);
  const { schema, pending } = status;
  if (status.state === 'missing') {
    throw new IntegrationError(
      'INTEGRATION_SCHEMA_MISSING',
      `schema "${schema}" does not have the integration tables. Run: ${migrateCommandLine({ schema, engine })}`,
      { schema, pending },
    );
  }
  if (status.state === 'outdated') {
    throw new IntegrationError(
      'INTEGRATION_SCHEMA_OUTDATED',
      `schema "${schema}" lacks ${pending.join(', ')}. Run: ${migrateCommandLine({ schema, engine })}`,
      { schema, pending },
    );
  }
}

/** The command line that brings this schema up to date. */
export function migrateCommandLine(target: CommandTarget): string {
  return commandLine(target, 'migrate');
}
