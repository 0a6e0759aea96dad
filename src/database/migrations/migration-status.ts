import { IntegrationError } from '../../errors.js';
import type { EngineSession } from '../sql/engine-session.js';
import { type CommandTarget, commandLine } from '../sql/pasteable-text.js';
import { type AppliedMigration, MigrationStore } from './migration.store.js';
import { folderNameOf, lineOf, type MigrationFile, readMigrationFiles } from './migration-files.js';

/**
 * `current`: nothing is to be done. `missing`: no migration was applied. `outdated`: some migrations were not
 * applied yet. `changed`: a file differs from the one that was applied. `newer`: the database has migrations
 * that this version of the package does not know. `unreleased`: the tables are from before the first release.
 */
export type MigrationState = 'current' | 'missing' | 'outdated' | 'changed' | 'newer' | 'unreleased';

/**
 * The migration with which each database began before the first release. No released migration goes on from
 * there (see `docs/decisions/0089`).
 */
const FIRST_UNRELEASED = '20261120000000_outbox_and_inbox';

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
  const byPrisma = await appliedByPrisma(store, missing);
  // Prisma's history goes on where a host has dropped the tables and made those of a release.
  const isOfNoRelease = missing.length === known.length && byPrisma.length === 0;
  const unreleased = isOfNoRelease ? await appliedByPrisma(store, [FIRST_UNRELEASED]) : [];
  return compare(schema, known, own, [...byPrisma, ...unreleased]);
}

async function appliedByPrisma(store: MigrationStore, names: readonly string[]): Promise<AppliedMigration[]> {
  if (names.length === 0) return [];
  const found = new Map(
    (await store.appliedByPrisma(names.map(folderNameOf))).map((applied) => [applied.name, applied]),
  );
  return names.flatMap((name) => {
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
    unknown: applied.filter((line) => !checksums.has(line.name)).map((line) => line.name),
  };
  return { ...status, state: stateOf(status) };
}

function stateOf(status: Omit<MigrationStatus, 'state'>): MigrationState {
  if (status.unknown.includes(FIRST_UNRELEASED)) return 'unreleased';
  if (status.unknown.length > 0) return 'newer';
  if (status.changed.length > 0) return 'changed';
  if (status.pending.length === 0) return 'current';
  return status.applied.length === 0 ? 'missing' : 'outdated';
}

/** What to do where the tables are from before the first release. */
export function wayFromUnreleased(target: CommandTarget): string {
  return `Nothing in them can be taken over: drop them (docs/guide/operate/troubleshooting.md has the statement), or give the package a new database or another schema, and run: ${migrateCommandLine(target)}`;
}

/**
 * Throws for the states that a migration cannot repair: INTEGRATION_SCHEMA_UNRELEASED,
 * INTEGRATION_SCHEMA_NEWER, INTEGRATION_MIGRATION_CHANGED.
 *
 * @param engine whose tables they are, for the command to run
 */
export function refuseForeignHistory(status: MigrationStatus, engine?: string): void {
  const { schema, unknown, changed } = status;
  if (status.state === 'unreleased') {
    throw new IntegrationError(
      'INTEGRATION_SCHEMA_UNRELEASED',
      `schema "${schema}" has tables of nestjs-integration from before its first release, and no migration goes on from there. ${wayFromUnreleased({ schema, engine })}`,
      { schema, migrations: unknown },
    );
  }
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
 * INTEGRATION_SCHEMA_OUTDATED with the command to run, INTEGRATION_SCHEMA_UNRELEASED,
 * INTEGRATION_SCHEMA_NEWER, INTEGRATION_MIGRATION_CHANGED.
 *
 * @param engine whose tables they are, for that command
 */
export function requireCurrent(status: MigrationStatus, engine?: string): void {
  refuseForeignHistory(status, engine);
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
