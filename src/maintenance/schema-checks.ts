import type { EngineDatabase } from '../database/engine-database.js';
import { type MigrationFile, renderMigration } from '../database/migrations/migration-files.js';
import {
  type MigrationStatus,
  migrateCommandLine,
  migrationStatus,
  wayFromUnreleased,
} from '../database/migrations/migration-status.js';
import type { CommandTarget } from '../database/sql/pasteable-text.js';
import { inSchema, tablesOf } from '../database/sql/tables.js';
import { LAST_POSITION } from '../log/last-position.js';
import type { Check, Found } from './finding.js';
import { SchemaHealthStore } from './schema-health.store.js';

/** Checks that the tables are as the migrations made them. */
export function schemaChecks(db: EngineDatabase, files: readonly MigrationFile[]): Check[] {
  const store = new SchemaHealthStore(db);
  return [
    {
      name: 'migrations',
      severity: 'critical',
      run: async () => migrationFindings(await migrationStatus(db, db.schema, files), db),
    },
    { name: 'indexes', run: () => indexFindings(store, wantedOf(files, db.schema), db.schema) },
    { name: 'triggers', run: () => triggerFindings(store, files, db.schema) },
    { name: 'position-source', severity: 'critical', run: () => positionFindings(store, db.schema) },
  ];
}

type Findings = Found[];

const STATES: Record<Exclude<MigrationStatus['state'], 'current'>, { meaning: string; fix?: string }> = {
  missing: { meaning: 'There is nothing to examine: no application can publish or handle here.' },
  outdated: { meaning: 'Applications of this package version refuse to boot (migrations: verify).' },
  changed: {
    meaning: 'The tables may differ from what this package version was tested with.',
    fix: 'Restore the files as they were released: reinstall the package. Changes belong in a migration of your own.',
  },
  newer: {
    meaning:
      'A newer version of the package has migrated this database; this one does not know what that changed.',
    fix: 'Upgrade the package.',
  },
  unreleased: {
    meaning: 'The tables are from before the first release, and no migration goes on from there.',
  },
};

function migrationFindings(status: MigrationStatus, target: CommandTarget): Findings {
  if (status.state === 'current') return [];
  const { meaning, fix } = STATES[status.state];
  const isUsable = status.state === 'changed' || status.state === 'newer';
  const names = {
    missing: status.pending,
    outdated: status.pending,
    changed: status.changed,
    newer: status.unknown,
    unreleased: status.unknown,
  }[status.state];
  return [
    {
      about: [status.state],
      ...(isUsable ? { severity: 'warning' } : {}),
      finding: `The migrations of schema "${status.schema}" are ${status.state}: ${names.join(', ')}.`,
      meaning,
      fix:
        status.state === 'unreleased'
          ? wayFromUnreleased(target)
          : (fix ?? `Run: ${migrateCommandLine(target)}`),
      details: { state: status.state, migrations: names },
    },
  ];
}

async function indexFindings(store: SchemaHealthStore, wanted: Wanted, schema: string): Promise<Findings> {
  const [tables, indexes] = [await store.tables(), await store.indexes()];
  const found = new Map(indexes.map((index) => [index.name, index]));
  const withKey = new Set(indexes.filter((index) => index.primary).map((index) => index.table));
  const lost = wanted.tables.filter((name) => !tables.some((table) => table.name === name));
  return [
    ...lost.map((name) => ({
      about: ['table', name],
      severity: 'critical' as const,
      finding: `Table ${inSchema(schema, name)} is missing.`,
      meaning: 'What needs it fails.',
      fix: 'Restore it from a backup, or take its CREATE TABLE from the migration file of the package.',
      details: { table: name },
    })),
    ...wanted.tables
      .filter((name) => !lost.includes(name) && !withKey.has(name))
      .map((name) => ({
        about: ['key', name],
        severity: 'critical' as const,
        finding: `Table ${inSchema(schema, name)} has no primary key.`,
        meaning: 'Reading and saving scan the whole table, and rows that must be unique may not be.',
        fix: `Add it as the package's migration file has it: ALTER TABLE ${inSchema(schema, `"${name}"`)} ADD PRIMARY KEY (…)`,
        details: { table: name },
      })),
    ...[...wanted.indexes]
      .filter(([name, { table }]) => !found.has(name) && !lost.includes(table))
      .map(([name, { statement, unique }]) => ({
        about: ['missing', name],
        ...(unique ? { severity: 'critical' as const } : {}),
        finding: `Index ${name} is missing.`,
        meaning: unique
          ? 'Duplicates are not refused, and statements scan the table.'
          : 'Statements that rely on it scan the table.',
        fix: statement,
        details: { index: name },
      })),
    ...indexes
      .filter(({ valid }) => !valid)
      .map(({ name }) => ({
        about: ['invalid', name],
        finding: `Index ${name} is not valid.`,
        meaning:
          'It was built concurrently and that failed, or is still under way: it costs writes and serves no reader.',
        fix: `REINDEX INDEX CONCURRENTLY ${inSchema(schema, `"${name}"`)}`,
        details: { index: name },
      })),
  ];
}

async function triggerFindings(
  store: SchemaHealthStore,
  files: readonly MigrationFile[],
  schema: string,
): Promise<Findings> {
  const text = files.map((file) => renderMigration(file.text, schema)).join('\n');
  const enabled = new Set(
    (await store.triggers()).filter((trigger) => trigger.enabled).map(({ name }) => name),
  );
  return [...text.matchAll(/CREATE TRIGGER "(\w+)"[^;]*;/g)]
    .filter(([, name = '']) => !enabled.has(name))
    .map(([statement, name = '']) => ({
      about: [name],
      finding: `Trigger ${name} is missing or disabled.`,
      meaning: statement.includes('keep_long_link')
        ? 'Links with very long texts cannot be created: an index does not hold them.'
        : 'Settings that are changed by plain SQL are not noted down, and processes learn of them late.',
      fix: `Enable it, or create it anew: ${oneLine(statement)}`,
      details: { trigger: name },
    }));
}

async function positionFindings(store: SchemaHealthStore, schema: string): Promise<Findings> {
  const { sequence, always, cache, increment, cycle, last } = await store.positionSource();
  const column = `Run: ALTER TABLE ${tablesOf(schema).outboxEvent} ALTER COLUMN position`;
  if (sequence === null) {
    return [
      {
        finding: 'The column outbox_event.position draws from no sequence.',
        meaning: 'Events cannot be published.',
        fix: `${column} ADD GENERATED ALWAYS AS IDENTITY (CACHE 1), then set the sequence beyond the highest position`,
        details: {},
      },
    ];
  }
  const findings: Findings = [];
  if (!always) {
    findings.push({
      about: ['not always'],
      finding: 'The column outbox_event.position is not GENERATED ALWAYS.',
      meaning:
        'A writer may give positions of its own; those that a consumer has left behind are never delivered.',
      fix: `${column} SET GENERATED ALWAYS`,
      details: { sequence },
    });
  }
  if (cache !== 1 || increment !== 1 || cycle === true) {
    findings.push({
      about: ['cache'],
      finding: `The sequence of outbox_event.position has CACHE ${cache}, INCREMENT ${increment}${cycle ? ', CYCLE' : ''}.`,
      meaning:
        'Sessions that keep positions in store hand out old ones after others have passed them: events are lost without a trace.',
      fix: `Run: ALTER SEQUENCE ${sequence} CACHE 1 INCREMENT 1 NO CYCLE; then let every session that has published reconnect`,
      details: { sequence, cache, increment, cycle },
    });
  }
  if (last !== null && last > LAST_POSITION) {
    findings.push({
      about: ['last'],
      finding: 'The sequence of outbox_event.position goes on where JavaScript holds whole numbers no more.',
      meaning: `Events behind position ${LAST_POSITION} would be delivered twice or not at all.`,
      fix: `Run: ALTER SEQUENCE ${sequence} MAXVALUE ${LAST_POSITION}`,
      details: { sequence },
    });
  }
  return findings;
}

interface Wanted {
  readonly tables: string[];
  readonly indexes: Map<string, { statement: string; table: string; unique: boolean }>;
}

/** The tables and indexes that exist after all migrations. */
function wantedOf(files: readonly MigrationFile[], schema: string): Wanted {
  const text = files.map((file) => renderMigration(file.text, schema)).join('\n');
  const tables = new Set<string>();
  const indexes: Wanted['indexes'] = new Map();
  // The statements are read in the order of the migrations, because a later one may drop what an earlier one
  // made and create it again.
  for (const [statement] of text.matchAll(/^(?:CREATE|DROP) [^;]*;/gm)) {
    const table = /^CREATE TABLE "\w+"\."(\w+)"/.exec(statement)?.[1];
    const index = /^CREATE (UNIQUE )?INDEX "(\w+)"\s+ON "\w+"\."(\w+)"/.exec(statement);
    const dropped = /^DROP (?:INDEX|TABLE)[^;]*"(\w+)"\s*;/.exec(statement)?.[1];
    if (table !== undefined) tables.add(table);
    if (index !== null) {
      const [, unique, name = '', on = ''] = index;
      indexes.set(name, { statement: oneLine(statement), table: on, unique: unique !== undefined });
    }
    if (dropped !== undefined) {
      tables.delete(dropped);
      indexes.delete(dropped);
    }
  }
  return { tables: [...tables], indexes };
}

function oneLine(statement: string): string {
  return statement.replace(/\s+/g, ' ').replace(/;$/, '');
}
