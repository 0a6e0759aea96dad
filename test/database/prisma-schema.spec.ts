import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const FILE = 'prisma/schema.prisma';

/** `table.column` to its Postgres type, with ` null` where the column may be null. */
type Columns = Record<string, string>;

/** The Postgres type of a field, by its type and its `@db` attribute. */
function postgresTypeOf(type: string, attributes: string): string {
  const unsupported = /^Unsupported\("(.+)"\)/.exec(type)?.[1];
  if (unsupported !== undefined) return unsupported;
  const length = /@db\.VarChar\((\d+)\)/.exec(attributes)?.[1];
  if (length !== undefined) return `character varying(${length})`;
  if (attributes.includes('@db.Uuid')) return 'uuid';
  if (attributes.includes('@db.Timestamptz(6)')) return 'timestamp with time zone';
  if (attributes.includes('@db.Date')) return 'date';
  if (attributes.includes('@db.Real')) return 'real';
  if (attributes.includes('@db.SmallInt')) return 'smallint';
  const byName: Record<string, string> = {
    BigInt: 'bigint',
    Boolean: 'boolean',
    Bytes: 'bytea',
    Int: 'integer',
    Float: 'double precision',
    Json: 'jsonb',
    String: 'text',
  };
  const list = type.endsWith('[]');
  const name = byName[type.replace(/(\[\]|\?)$/, '')];
  if (name === undefined) throw new Error(`this test does not know the type ${type} ${attributes}`);
  return list ? `${name}[]` : name;
}

function columnsOfSchema(text: string): Columns {
  const columns: Columns = {};
  for (const [, body = ''] of text.matchAll(/^model \w+ \{\n(.*?)^\}/gms)) {
    const table = /@@map\("(\w+)"\)/.exec(body)?.[1];
    for (const line of body.split('\n')) {
      const field = /^ {2}(\w+) +(Unsupported\("\w+"\)\??|[\w?[\]]+)(.*)$/.exec(line);
      if (field === null) continue;
      const [, name = '', type = '', attributes = ''] = field;
      const column = /@map\("(\w+)"\)/.exec(attributes)?.[1] ?? name;
      columns[`${table}.${column}`] = postgresTypeOf(type, attributes) + (type.endsWith('?') ? ' null' : '');
    }
  }
  return columns;
}

describe('prisma/schema.prisma', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it('describes every table of the migrations, column by column', async () => {
    // The history of migrations is the runner's: a host that uses Prisma Migrate does not have it. A child of a table is read by its name.
    const { rows } = await database.pool.query<{ name: string; type: string }>(
      `SELECT c.relname || '.' || a.attname AS name,
         format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN '' ELSE ' null' END AS type
       FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       WHERE c.relnamespace = 'integration'::regnamespace AND c.relkind = 'r' AND c.relname <> 'integration_migration'
         AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = c.oid)`,
    );
    const columns = Object.fromEntries(rows.map(({ name, type }) => [name, type]));
    expect(columnsOfSchema(await readFile(FILE, 'utf8'))).toEqual(columns);
  });

  it('is valid for Prisma', async () => {
    const validate = promisify(execFile)(
      process.execPath,
      ['node_modules/prisma/build/index.js', 'validate', `--schema=${FILE}`],
      {
        env: {
          ...process.env,
          PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
          CHECKPOINT_DISABLE: '1',
          PRISMA_HIDE_UPDATE_MESSAGE: '1',
        },
      },
    );
    expect((await validate).stdout).toContain('is valid');
  });
});
