import { type MigrationProgress, runMigrations } from '../database/migrations/migration-runner.js';
import { linesOf } from '../module/extension.js';
import type { Command } from './command.js';

/** Applies the migrations that are missing. */
export const migrateCommand: Command = {
  name: 'migrate',
  parameters: [],
  summary: 'apply the migrations that the database does not have yet',
  async run({ connectionString, schema, extensions, progress }) {
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

function describe(step: MigrationProgress): string {
  if (step.step === 'waiting') return 'Waiting for another process that is migrating …';
  return `[${step.index}/${step.total}] ${step.step} ${step.name}`;
}
