import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe } from '@jest/globals';

/** The programs that these tests start. They are packages of Debian. */
const PROGRAMS = { nats: 'nats-server', rabbitmq: 'rabbitmq-server', kafka: 'kcat' } as const;

/** The program of this name on the path starts this script as another user, and does not end it. */
const RABBIT_SCRIPT = '/usr/lib/rabbitmq/bin/rabbitmq-server';

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

/** A RabbitMQ with a node, data and an epmd of its own. `lines` are lines of its `rabbitmq.conf`. */
export async function startRabbit(lines: readonly string[] = []): Promise<Broker> {
  const folder = newFolder('rabbitmq');
  chmodSync(folder, 0o777);
  const [port, distribution, epmd] = await Promise.all([freePort(), freePort(), freePort()]);
  const config = join(folder, 'rabbitmq.conf');
  writeFileSync(
    config,
    [`listeners.tcp.1 = 127.0.0.1:${port}`, 'loopback_users = none', ...lines, ''].join('\n'),
  );
  const child = spawn(RABBIT_SCRIPT, [], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      HOME: folder,
      ERL_EPMD_PORT: String(epmd),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_NODENAME: `test${port}@localhost`,
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(distribution),
      RABBITMQ_CONFIG_FILE: config,
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
      RABBITMQ_PID_FILE: join(folder, 'pid'),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1',
    },
  });
  child.stderr.resume();
  await lineOf(child, child.stdout, /completed with \d+ plugins|Starting broker\.\.\. completed/);
  const broker = brokerOf(child, port, `amqp://guest:guest@127.0.0.1:${port}`, folder);
  return {
    ...broker,
    stop: async () => {
      await endRabbit(child);
      await broker.stop();
      // Erlang starts the name server as a process of its own. It is of this node only.
      spawnSync('epmd', ['-port', String(epmd), '-kill']);
    },
  };
}

/** The program is a script. Its node ends in order when the script is asked to. */
async function endRabbit(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** The mock cluster of librdkafka with three brokers. It lives as long as its producer waits for input. */
export async function startKafka(): Promise<Broker> {
  const child = spawn(
    PROGRAMS.kafka,
    ['-P', '-X', 'test.mock.num.brokers=3', '-X', 'debug=mock', '-b', 'mock', '-t', 'none'],
    { stdio: ['pipe', 'ignore', 'pipe'] },
  );
  const line = await lineOf(child, child.stderr, /127\.0\.0\.1:\d+/);
  const address = /127\.0\.0\.1:(\d+)/.exec(line);
  const port = Number(address?.[1]);
  return brokerOf(child, port, `127.0.0.1:${port}`, newFolder('kafka'));
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
