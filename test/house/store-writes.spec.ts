import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse, sourceFiles } from '../support/source-files.js';
import { storeWritesIn } from '../support/store-writes.js';

const MAP = join(import.meta.dirname, '../../src/README.md');
/** The history of migrations is no table of the engine. */
const OWN_TABLES = 'database/migrations/';

/** What each room may write, as `table room: what`, from the table "Who writes what" of the map. */
function writesOfTheMap(): Set<string> {
  const [, section = ''] = readFileSync(MAP, 'utf8').split('\n## Who writes what\n');
  const rows = [
    ...section
      .split('\n## ', 1)
      .join('')
      .matchAll(/^\| `(\w+)`\s*\| `(\w+)`\s*\| ([^|]*)\|/gm),
  ];
  return new Set(
    rows.flatMap(([, table, room, what = '']) =>
      what.split(',').map((each) => `${table} ${room}: ${each.trim().replaceAll('`', '')}`),
    ),
  );
}

const FILES = sourceFiles();
const STORES = FILES.filter(({ name }) => name.endsWith('.store.ts') && !name.startsWith(OWN_TABLES));

const roomOf = (name: string) => name.split('/')[0];

/** The writes of these files that the map does not allow, with their places. */
function writesNotAllowed(files: typeof FILES): string[] {
  const allowed = writesOfTheMap();
  return files.flatMap((file) =>
    storeWritesIn(file, FILES)
      .filter(({ table }) => !allowed.has(`${table} ${roomOf(file.name)}: all`))
      .map(({ table, what, place }) => ({ write: `${table} ${roomOf(file.name)}: ${what}`, place }))
      .filter(({ write }) => !allowed.has(write))
      .map(({ write, place }) => `${place} ${write}`),
  );
}

describe('the table of who writes what', () => {
  it('allows what the stores write', () => {
    expect(writesNotAllowed(STORES)).toEqual([]);
  });

  it('allows nothing that no store of the room writes', () => {
    const written = new Set(
      STORES.flatMap((file) =>
        storeWritesIn(file, FILES).flatMap(({ table, what }) => [
          `${table} ${roomOf(file.name)}: ${what}`,
          `${table} ${roomOf(file.name)}: all`,
        ]),
      ),
    );
    expect([...writesOfTheMap()].filter((write) => !written.has(write))).toEqual([]);
  });

  it.each([
    [
      'a column of another room',
      `UPDATE \${db.tables.inboxCursor} c SET served_at = now(), unread = $1`,
      'inbox_cursor membership: unread',
    ],
    [
      'a new row',
      `WITH a AS (INSERT INTO \${db.tables.inboxEvent} (id) VALUES (1)) SELECT 1`,
      'inbox_event membership: new rows',
    ],
    [
      'what a conflict sets',
      `INSERT INTO \${db.tables.integrationWork} AS w (at) VALUES (1) ON CONFLICT (at) DO UPDATE SET upto = $1`,
      'integration_work membership: upto',
    ],
    ['a row that goes', `DELETE FROM \${table} WHERE position = $1`, 'outbox_event membership: rows away'],
    [
      'columns in brackets',
      `UPDATE \${db.tables.inboxCursor} SET (lease_ms, paused_at) = (SELECT 1, 2) WHERE true`,
      'inbox_cursor membership: paused_at',
    ],
    [
      'a column that is put in',
      `UPDATE \${db.tables.inboxCursor} SET \${PAUSED}, lease_ms = 1`,
      'inbox_cursor membership: pause_reason',
    ],
    ['what nobody can read', `UPDATE \${db.tables.inboxCursor} SET \${what()}`, 'inbox_cursor membership: ?'],
    ['a table that nobody can read', `UPDATE \${other()} SET a = 1`, '? membership: a'],
  ])('refuses a store that writes what the table does not give it: %s', (_what, sql, write) => {
    const text = `const table = db.tables.outboxEvent;\nconst PAUSED = \`pause_reason = 'x'\`;\nconst sql = \`${sql}\`;`;
    const planted = parse('membership/planted.store.ts', text);
    expect(writesNotAllowed([planted])).toContain(`membership/planted.store.ts:3 ${write}`);
  });

  it('passes over locks and over what stands in a value', () => {
    const sql = `SELECT 1 FROM \${db.tables.inboxCursor} FOR UPDATE SKIP LOCKED; UPDATE \${db.tables.inboxCursor} SET lease_ms = (CASE WHEN a = 1 THEN f(b, c) ELSE 2 END), served_at = 'UPDATE, paused_at = 1' WHERE paused_at = 1`;
    expect(writesNotAllowed([parse('membership/planted.store.ts', `const sql = \`${sql}\`;`)])).toEqual([]);
  });
});
