import { IntegrationError, messageOf } from '../../errors.js';
import { connectionFailure } from '../connection/connection-failure.js';
import { isConnectionLoss } from '../connection/connection-loss.js';
import type { EngineConnectionOptions } from '../connection/connection-options.js';
import {
  type ConnectionTarget,
  type EngineConnection,
  EngineConnectionFactory,
} from '../connection/engine-connection.js';
import type { EngineDatabase } from '../engine-database.js';
import { DEFAULT_SCHEMA, validateSchemaName } from '../sql/schema-name.js';
import { MigrationStore } from './migration.store.js';
import {
  type MigrationFile,
  type MigrationLine,
  readMigrationFiles,
  renderMigration,
} from './migration-files.js';
import { migrationStatus, refuseForeignHistory, requireCurrent } from './migration-status.js';

/**
 * The steps of a run, in this order. `adopted` means that Prisma Migrate had applied the migration, and that
 * it is now noted in the history of this package too.
 */
export type MigrationProgress =
  | { step: 'waiting' }
  | { step: 'applying' | 'applied' | 'adopted'; name: string; index: number; total: number };

export interface RunMigrationsOptions {
  /** The URL of a direct connection, not of a transaction pooler. Give this or `connection`. */
  connectionString?: string | undefined;
  /** The same connection, in parts. */
  connection?: EngineConnectionOptions | undefined;
  /** The Postgres schema of the tables. Default: `integration`. It is created if it is missing. */
  schema?: string | undefined;
  onProgress?: ((progress: MigrationProgress) => void) | undefined;
  /** A folder of migrations to use instead of that of the package. */
  folder?: string | undefined;
  /** Lines of migrations to apply in addition to that of the engine. */
  lines?: readonly MigrationLine[] | undefined;
}

export interface MigrationResult {
  /** Names of the migrations that this call applied. */
  applied: string[];
  /** The number of migrations that were applied before this call. */
  alreadyApplied: number;
}

/**
 * Applies the migrations of the package that the schema does not have yet, each in a transaction. Any number
 * of processes may call it at once: one does the work, and the others wait for it and find nothing left to
 * do.
 *
 * Throws INTEGRATION_DATABASE_UNREACHABLE, INTEGRATION_MIGRATION_CHANGED, INTEGRATION_SCHEMA_NEWER,
 * INTEGRATION_SCHEMA_UNRELEASED or, if a statement fails, INTEGRATION_MIGRATION_FAILED. A failed migration
 * leaves nothing behind.
 */
export async function runMigrations(options: RunMigrationsOptions): Promise<MigrationResult> {
  const schema = validateSchemaName(options.schema ?? DEFAULT_SCHEMA);
  const { folder, lines } = options;
  const files = await readMigrationFiles(lines, folder === undefined ? undefined : { folder: () => folder });
  const connection = await connect(options);
  try {
    const store = new MigrationStore(connection, schema);
    await store.liftTimeouts();
    if (!(await store.lockMigrations({ wait: false }))) {
      options.onProgress?.({ step: 'waiting' });
      await store.lockMigrations({ wait: true });
    }
    return await migrate(connection, store, schema, files, options.onProgress ?? (() => {}));
  } finally {
    await connection.close();
  }
}

/**
 * Checks that the schema is the one that this version of the package needs, and changes nothing. Migrations
 * that Prisma Migrate applied count. Throws INTEGRATION_SCHEMA_MISSING, INTEGRATION_SCHEMA_OUTDATED (both
 * with the command to run), INTEGRATION_SCHEMA_UNRELEASED, INTEGRATION_SCHEMA_NEWER or
 * INTEGRATION_MIGRATION_CHANGED.
 */
export async function verifyMigrations(
  db: EngineDatabase,
  lines: readonly MigrationLine[] = [],
): Promise<void> {
  requireCurrent(await migrationStatus(db, db.schema, await readMigrationFiles(lines)), db.engine);
}

async function migrate(
  connection: EngineConnection,
  store: MigrationStore,
  schema: string,
  files: readonly MigrationFile[],
  report: (progress: MigrationProgress) => void,
): Promise<MigrationResult> {
  const status = await migrationStatus(connection, schema, files);
  refuseForeignHistory(status);
  const adopted = new Set(status.applied.filter((line) => line.by === 'prisma').map((line) => line.name));
  const pending = new Set(status.pending);
  const todo = files.filter((file) => pending.has(file.name) || adopted.has(file.name));
  if (todo.length > 0) await store.createHistory();
  for (const [index, file] of todo.entries()) {
    const at = { name: file.name, index: index + 1, total: todo.length };
    if (adopted.has(file.name)) {
      await store.record(file);
      report({ step: 'adopted', ...at });
      continue;
    }
    report({ step: 'applying', ...at });
    await apply(store, schema, file);
    report({ step: 'applied', ...at });
  }
  return { applied: status.pending, alreadyApplied: status.applied.length };
}

async function apply(store: MigrationStore, schema: string, file: MigrationFile): Promise<void> {
  try {
    await store.apply({ ...file, sql: renderMigration(file.text, schema) });
  } catch (cause) {
    const words = messageOf(cause);
    // The connection may have been lost in the COMMIT.
    const outcome = isConnectionLoss(cause)
      ? `was cut short, because the connection was lost: ${words}. Run the migrations again: this one is applied then, unless it was already`
      : `failed and was rolled back: ${words}`;
    throw new IntegrationError(
      'INTEGRATION_MIGRATION_FAILED',
      `migration ${file.name} on schema "${schema}" ${outcome}`,
      { schema, migration: file.name },
      { cause },
    );
  }
}

async function connect(target: ConnectionTarget): Promise<EngineConnection> {
  const connections = new EngineConnectionFactory(target);
  try {
    return await connections.open('nestjs-integration migrate');
  } catch (cause) {
    if (cause instanceof IntegrationError) throw cause;
    throw connectionFailure(cause, connections.describe());
  }
}
