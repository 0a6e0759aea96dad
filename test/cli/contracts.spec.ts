import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Parser } from '@asyncapi/parser';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { ContractsModule, defineEvent } from '../../src/contracts/index.js';
import { startApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const MAIN = resolve('dist/bin/main.js');
const MODULE = resolve('test/support/processes/contracts.mjs');

let folder: string;
let database: TestDatabase;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'contracts-'));
  database = await createTestDatabase();
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await database.drop();
});

interface Said {
  status: number | null;
  text: string;
}

/** Runs the command in a process of its own, in an empty folder and without a database. */
function command(words: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Said> {
  const { DATABASE_URL: _, ...rest } = process.env;
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: folder,
    env: { ...rest, NODE_OPTIONS: '', ...environment },
  });
  const said: Said = { status: null, text: '' };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said.text += chunk));
  return new Promise((done) => child.on('close', (status) => done({ ...said, status })));
}

async function contentOf(name: string): Promise<Record<string, string>> {
  const files = (await readdir(join(folder, name), { recursive: true, withFileTypes: true })).filter((each) =>
    each.isFile(),
  );
  const paths = files.map((file) => join(file.parentPath, file.name)).sort();
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  return Object.fromEntries(
    paths.map((path, index) => [path.slice(join(folder, name).length + 1), texts[index] ?? '']),
  );
}

describe('contracts export', () => {
  it('writes what @asyncapi/parser accepts, the same bytes on every run', async () => {
    for (const out of ['one', 'two'])
      expect(await command(['contracts', 'export', '--module', MODULE, '--out', out])).toMatchObject({
        status: 0,
      });
    const files = await contentOf('one');
    expect(await contentOf('two')).toEqual(files);
    expect(Object.keys(files)).toEqual([
      'asyncapi.json',
      'contracts.json',
      'schemas/order.closed.v2.schema.json',
      'schemas/order.placed.v1.schema.json',
      'schemas/order.sent.v1.schema.json',
      'schemas/order_20_paid_2f__20ac_.v1.schema.json',
      'schemas/tree.grown.v1.schema.json',
    ]);
    const { document, diagnostics } = await new Parser().parse(files['asyncapi.json'] ?? '');
    // 0 is an error, 1 a warning. The parser remarks besides that there is a later version of AsyncAPI.
    expect(
      diagnostics.filter(
        ({ severity, code }) => severity <= 1 && !String(code).startsWith('asyncapi-latest'),
      ),
    ).toEqual([]);
    expect(
      document
        ?.allMessages()
        .all()
        .map((message) => message.name())
        .sort(),
    ).toEqual(['order paid/€', 'order.closed', 'order.placed', 'order.sent', 'tree.grown']);
    const placed = document
      ?.allMessages()
      .all()
      .find((message) => message.name() === 'order.placed');
    expect(placed?.payload()?.json()).toMatchObject({
      type: 'object',
      properties: {
        total: { type: 'number', minimum: 0 },
        placedAt: { type: 'string', format: 'date-time' },
      },
      required: ['total', 'lines'],
    });
  });

  it('leaves internal events out where that is asked for, and files of contracts that have gone', async () => {
    await command(['contracts', 'export', '--module', MODULE, '--out', 'public']);
    await command(['contracts', 'export', '--module', MODULE, '--out', 'public', '--visibility', 'public'], {
      CONTRACTS: 'changed',
    });
    const files = await contentOf('public');
    expect(Object.keys(files)).toEqual([
      'asyncapi.json',
      'contracts.json',
      'schemas/order.placed.v1.schema.json',
    ]);
    expect(Object.keys(JSON.parse(files['asyncapi.json'] ?? '').channels)).toEqual(['order.placed']);
  });
});

describe('contracts check', () => {
  it('compares the code with a committed file, without a database', async () => {
    await command(['contracts', 'export', '--module', MODULE, '--out', 'kept']);
    const check = ['contracts', 'check', '--module', MODULE, '--against', 'kept/contracts.json'];
    const same = await command(check);
    expect(same).toMatchObject({
      status: 0,
      text: expect.stringContaining('5 contracts checked: nothing that would fail a boot.'),
    });
    const changed = await command(check, { CONTRACTS: 'changed' });
    expect(changed.status).toBe(1);
    expect(changed.text).toContain('payload.total (registered: a number from 0; now: a string)');
    expect(changed.text).toContain('[INTEGRATION_CONTRACT_CHANGED, error]');
    expect(changed.text).toContain('The public event "order.sent" has gone without notice');
  });

  it('compares the code with what is registered', async () => {
    const contract = defineEvent({ name: 'order.placed', schema: z.object({ total: z.string() }) });
    const app = await startApp(database, [], {
      imports: [ContractsModule.forRoot(), ContractsModule.forFeature([contract])],
    });
    await app.close();
    const { status, text } = await command(['contracts', 'check', '--module', MODULE], {
      DATABASE_URL: database.url,
    });
    expect(status).toBe(1);
    expect(text).toContain('Version 1 of "order.placed" is not what was registered under it');
    const list = await command(['contracts', 'list'], { DATABASE_URL: database.url });
    expect(list.text).toMatch(/order\.placed +1 +internal +published +[0-9a-f]{12}/);
    const show = await command(['contracts', 'show', 'order.placed'], { DATABASE_URL: database.url });
    expect(show.text).toMatch(/registered +\d{4}-.*"total": \{/s);
  });

  it.each([
    [['contracts', 'list'], 'no database: give --database-url'],
    [['contracts', 'check'], 'no contracts: give --module'],
    [['contracts', 'check', '--module', 'nowhere.js'], '--module nowhere.js cannot be loaded'],
    [['contracts', 'check', '--module', 'empty.mjs'], 'empty.mjs exports no contract'],
    [
      ['contracts', 'check', '--module', MODULE, '--against', 'empty.mjs'],
      '--against empty.mjs cannot be read',
    ],
    [['contracts', 'export', '--module', MODULE], 'contracts export needs --out'],
  ])('says what is wrong with %j', async (words, expected) => {
    await writeFile(join(folder, 'empty.mjs'), 'export const nothing = {};');
    const { status, text } = await command(words);
    expect(text).toContain(expected);
    expect(status).toBe(2);
  });

  it('finds the file in package.json', async () => {
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({ 'nestjs-integration': { contracts: MODULE } }),
    );
    const { status, text } = await command(['contracts', 'list']);
    await rm(join(folder, 'package.json'));
    expect(text).toContain('tree.grown');
    expect(status).toBe(0);
  });
});
