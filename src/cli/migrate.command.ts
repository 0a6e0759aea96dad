import { readMigrationFiles } from '../database/migrations/migration-files.js';
import { type MigrationProgress, runMigrations } from '../database/migrations/migration-runner.js';
import { migrationStatus, requireCurrent } from '../database/migrations/migration-status.js';
import { linesOf } from '../module/extension.js';
import type { Command, CommandContext, CommandResult } from './command.js';
import { DRY_RUN_OPTION, isDryRun, wouldDo } from './dry-run.js';

/** Applies the migrations that are missing. */
export const migrateCommand: Command = {
  name: 'migrate',
  parameters: [],
  options: DRY_RUN_OPTION,
  summary: 'apply the migrations that the database does not have yet',
  async run(context) {
    const { connectionString, schema, extensions, progress } = context;
    if (isDryRun(context)) return preview(context);
    const { applied, alreadyApplied } = await runMigrations({
      connectionString,
      schema,
      lines: linesOf(extensions),
      onProgress: (step) => progress(describe(step)),
    });
    return {
      ok: true,
      data: { schema, applied, alreadyApplied },
      text:
        applied.length === 0
          ? `Schema "${schema}" is up to date (${alreadyApplied} applied before).`
          : `Applied to schema "${schema}":\n${applied.map((name) => `  ${name}`).join('\n')}`,
    };
  },
};

function preview({ withDatabase, schema, extensions }: CommandContext): Promise<CommandResult> {
  return withDatabase(async (db) => {
    const status = await migrationStatus(db, schema, await readMigrationFiles(linesOf(extensions)));
    const { state, pending } = status;
    // Files that differ, and migrations of a newer version, are refused as the run refuses them.
    if (state === 'changed' || state === 'newer' || state === 'unreleased') requireCurrent(status, db.engine);
    const lines = pending.map((name) => `\n  ${name}`).join('');
    return wouldDo(
      pending.length === 0
        ? `Schema "${schema}" is up to date.`
        : `Would be applied to schema "${schema}":${lines}`,
      { schema, pending },
    );
  });
}

function describe(step: MigrationProgress): string {
  if (step.step === 'waiting') return 'Waiting for another process that is migrating …';
  return `[${step.index}/${step.total}] ${step.step} ${step.name}`;
}
