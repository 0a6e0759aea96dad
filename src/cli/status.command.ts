import { readMigrationFiles } from '../database/migrations/migration-files.js';
import {
  type MigrationStatus,
  migrateCommandLine,
  migrationStatus,
  wayFromUnreleased,
} from '../database/migrations/migration-status.js';
import type { CommandTarget } from '../database/sql/pasteable-text.js';
import { linesOf } from '../module/extension.js';
import { type CursorStatus, CursorStatusStore } from '../status/cursor-status.store.js';
import { longRunning } from '../status/long-running.store.js';
import type { Command } from './command.js';
import { CONSUMER_COLUMNS, servingText } from './consumer-columns.js';
import { table } from './table.js';
import { visibleLine } from './terminal-text.js';
import { WATCH_OPTION } from './watch.js';

/**
 * Shows the state of the tables and of every consumer. All is well if the tables belong to this version of
 * the package and no consumer is unserved.
 */
export const statusCommand: Command = {
  name: 'status',
  parameters: [],
  options: WATCH_OPTION,
  summary: 'show the state of the migrations and of every consumer',
  run: ({ withDatabase, schema, extensions }) =>
    withDatabase(async (db) => {
      const migrations = await migrationStatus(db, schema, await readMigrationFiles(linesOf(extensions)));
      // The columns that this version reads may not be there.
      const readable =
        migrations.state === 'current' || migrations.state === 'changed' || migrations.state === 'newer';
      const consumers = readable ? await new CursorStatusStore(db).cursorStatuses() : [];
      const running = readable ? await longRunning(db) : [];
      const deadLetters = consumers.reduce((sum, consumer) => sum + consumer.deadLetters, 0);
      return {
        ok: migrations.state === 'current' && consumers.every(({ unservedSince }) => unservedSince === null),
        data: { schema, migrations, consumers, deadLetters, longRunning: running },
        text: [
          describeMigrations(migrations, db),
          ...(readable ? [describeConsumers(consumers)] : []),
          ...running.map(({ sentence }) => visibleLine(sentence)),
        ].join('\n\n'),
      };
    }),
};

function describeMigrations(
  { schema, state, applied, pending, changed, unknown }: MigrationStatus,
  target: CommandTarget,
): string {
  // Whoever looks at the consumers needs the room. `--json` has each of them.
  if (state === 'current') return `Migrations of schema "${schema}": current (${applied.length})`;
  const lines = [
    ...applied.map(({ name, appliedAt, by }) => {
      const remark = changed.includes(name)
        ? ' CHANGED SINCE'
        : unknown.includes(name)
          ? ' UNKNOWN TO THIS VERSION'
          : '';
      return `  ${name}  applied ${appliedAt.toISOString()} by ${by}${remark}`;
    }),
    ...pending.map((name) => `  ${name}  pending`),
  ];
  return [`Migrations of schema "${schema}": ${state}`, ...lines, ...adviceFor(state, target)].join('\n');
}

function adviceFor(state: MigrationStatus['state'], target: CommandTarget): string[] {
  switch (state) {
    case 'current':
      return [];
    case 'missing':
    case 'outdated':
      return [`Run: ${migrateCommandLine(target)}`];
    case 'changed':
      return ['Restore the files as they were released: reinstall the package.'];
    case 'newer':
      return ['Upgrade the package.'];
    case 'unreleased':
      return ['The tables are from before the first release.', wayFromUnreleased(target)];
  }
}

function describeConsumers(consumers: readonly CursorStatus[]): string {
  if (consumers.length === 0) return 'No consumer is registered.';
  return table(consumers, [...CONSUMER_COLUMNS, { heading: 'STATE', cell: servingText }]);
}
