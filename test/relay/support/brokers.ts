import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe } from '@jest/globals';

/** The programs that these tests start. They are packages of Debian. */
const PROGRAMS = { nats: 'nats-server', rabbitmq: 'rabbitmq-server', kafka: 'kcat' } as const;

export type BrokerName = keyof typeof PROGRAMS;

/** A broker of a test's own, on ports of 127.0.0.1 that were free. */
export interface Broker {
  readonly port: number;
  /** The first address of a client. */
  readonly address: string;
  readonly process: ChildProcess;
  /** Ends the process and removes its data. */
  stop(): Promise<void>;
}

function isInstalled(program: string): boolean {
  return spawnSync('which', [program]).status === 0;
}

/**
 * Tests that need a broker. Where its program is not installed, this is said, and they count as skipped.
 */
export function describeWithBroker(
  brokers: BrokerName | readonly BrokerName[],
  what: string,
  tests: () => void,
): void {
  const missing = [brokers].flat().filter((broker) => !isInstalled(PROGRAMS[broker]));
  if (missing.length === 0) {
    describe(what, tests);
    return;
  }
  const programs = missing.map((broker) => PROGRAMS[broker]).join(' ');
  process.stderr.write(
    `Skipped, because it is not installed: ${programs} (apt-get install ${programs}). ${what}\n`,
  );
  // biome-ignore lint/suspicious/noSkippedTests: a broker that is not installed must not look like a passed test
  describe.skip(what, tests);
}

/** A NATS server with JetStream. */
export async function startNats(port?: number, folder = newFolder('nats')): Promise<Broker> {
  const own = port ?? (await freePort());
  const child = spawn(PROGRAMS.nats, ['-a', '127.0.0.1', '-p', String(own), '-js', '-sd', folder], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await lineOf(child, child.stderr, /Server is ready/);
  return brokerOf(child, own, `127.0.0.1:${own}`, folder);
}

export function newFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `nestjs-integration-${name}-`));
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function brokerOf(child: ChildProcess, port: number, address: string, folder: string): Broker {
  return {
    port,
    address,
    process: child,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits for a line of the output. What the process says later is read and dropped. */
async function lineOf(child: ChildProcess, output: NodeJS.ReadableStream, wanted: RegExp): Promise<string> {
  const said: string[] = [];
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the broker ended with ${code}: ${said.join('\n')}`)));
    createInterface({ input: output }).on('line', (line) => {
      if (said.length < 100) said.push(line);
      if (wanted.test(line)) resolve(line);
    });
  });
}
