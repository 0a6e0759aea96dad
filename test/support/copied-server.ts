import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { loadPostgresPackage } from '../../src/testing/postgres-package.js';

const run = promisify(execFile);

/** A second server. */
export interface CopiedServer {
  urlOf(database: string): string;
  stop(): Promise<void>;
}

/**
 * A server that has what the one at `url` has at this moment, and goes its own way from there: an asynchronous replica that was promoted.
 * Both run beside each other.
 */
export async function copyServer(url: string): Promise<CopiedServer> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-integration-copy-'));
  await chmod(folder, 0o755);
  const data = join(folder, 'data');
  await copyData(url, data);
  const asRoot = process.getuid?.() === 0;
  const { default: Server } = await loadPostgresPackage(folder, asRoot);
  const port = await freePort();
  const output: string[] = [];
  const server = new Server({
    databaseDir: data,
    user: 'postgres',
    password: 'postgres',
    port,
    persistent: true,
    createPostgresUser: asRoot,
    postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'fsync=off'],
    onLog: (words: unknown) => output.push(String(words)),
    onError: (words: unknown) => output.push(String(words)),
  });
  await server.start().catch((cause) => {
    throw new Error(`The copy did not start: ${output.join('')}`, { cause });
  });
  return {
    urlOf: (database) => `postgresql://postgres:postgres@127.0.0.1:${port}/${database}`,
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** As a base backup does it. */
async function copyData(url: string, data: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ folder: string }>(
      `SELECT current_setting('data_directory') AS folder, pg_backup_start('copy', true)`,
    );
    const folder = rows[0]?.folder ?? '';
    // A file that vanishes meanwhile is no file of the backup.
    await run('cp', ['-a', folder, data]).catch(() => {});
    const { rows: labels } = await client.query<{ labelfile: string }>(
      'SELECT labelfile FROM pg_backup_stop(false)',
    );
    await run('cp', ['-a', `${folder}/pg_wal/.`, join(data, 'pg_wal')]);
    const label = join(data, 'backup_label');
    await writeFile(label, labels[0]?.labelfile ?? '');
    await run('chown', ['--reference', data, label]);
    for (const name of ['postmaster.pid', 'postmaster.opts']) await rm(join(data, name), { force: true });
  } finally {
    await client.end();
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const address = probe.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
