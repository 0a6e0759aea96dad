import { execFile } from 'node:child_process';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/testing/index.js';

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

it('a process that used an embedded Postgres ends with the exit code that it set', async () => {
  const program = `
    import { startEmbeddedPostgres } from './dist/testing/index.js';
    const server = await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
    await server.stop();
    process.exitCode = 3;`;
  const status = await new Promise((resolve) => {
    execFile(process.execPath, ['--input-type=module', '--eval', program], (error) =>
      resolve(error?.code ?? 0),
    );
  });
  expect(status).toBe(3);
});
