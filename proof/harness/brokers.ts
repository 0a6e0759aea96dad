import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { endAtExit } from './at-exit.js';

/** The programs of the brokers. They are packages of Debian. */
export const BROKER_PROGRAMS = { nats: 'nats-server', rabbitmq: 'rabbitmq-server', kafka: 'kcat' } as const;

/** The program of this name on the path starts this script as another user, and does not end it. */
const RABBIT_SCRIPT = '/usr/lib/rabbitmq/bin/rabbitmq-server';

export type BrokerName = keyof typeof BROKER_PROGRAMS;

/** A broker of one's own, on ports of 127.0.0.1 that were free. */
export interface Broker {
  /** The first address of a client. */
  readonly address: string;
  /** Stops the process where it is (SIGSTOP). Its connections stay open, and nobody answers. */
  freeze(): void;
  thaw(): void;
  /** Ends the process. Its data stay. */
  end(): Promise<void>;
  /** Starts it again after `end`, on the same ports and with its data. */
  restart(): Promise<void>;
  /** Ends the process and removes its data. */
  stop(): Promise<void>;
}

/** Those whose program is not installed. */
export function missingBrokers(brokers: readonly BrokerName[]): BrokerName[] {
  return brokers.filter((broker) => spawnSync('which', [BROKER_PROGRAMS[broker]]).status !== 0);
}

/** A NATS server with JetStream. */
export async function startNats(): Promise<Broker> {
  const folder = newFolder('nats');
  const port = String(await freePort());
  const launch = async () => {
    const child = spawn(BROKER_PROGRAMS.nats, ['-a', '127.0.0.1', '-p', port, '-js', '-sd', folder], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    endsWithKit(child, 'SIGKILL');
    await lineOf(child, child.stderr, /Server is ready/);
    return child;
  };
  return new BrokerProcess(`127.0.0.1:${port}`, folder, await launch(), launch);
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
  const env = {
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
  };
  const launch = async () => {
    const child = spawn(RABBIT_SCRIPT, [], { stdio: ['ignore', 'pipe', 'pipe'], env });
    endsWithKit(child, 'SIGTERM');
    child.stderr.resume();
    await lineOf(child, child.stdout, /completed with \d+ plugins|Starting broker\.\.\. completed/);
    return child;
  };
  const address = `amqp://guest:guest@127.0.0.1:${port}`;
  const names = await startNameServer(epmd);
  const endNames = () => {
    names.kill('SIGKILL');
  };
  try {
    // The program is a script. Its node ends in order when the script is asked to.
    return new BrokerProcess(address, folder, await launch(), launch, 'SIGTERM', endNames);
  } catch (error) {
    endNames();
    throw error;
  }
}

/** Erlang would start one by itself, which nobody could end by its id. */
async function startNameServer(port: number): Promise<ChildProcess> {
  const child = spawn('epmd', ['-address', '127.0.0.1', '-port', String(port), '-d'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  endsWithKit(child, 'SIGKILL');
  await lineOf(child, child.stderr, /epmd running/);
  return child;
}

/** The mock cluster of librdkafka with three brokers. It lives as long as its producer waits for input. */
export async function startKafka(): Promise<Broker> {
  const child = spawn(
    BROKER_PROGRAMS.kafka,
    ['-P', '-X', 'test.mock.num.brokers=3', '-X', 'debug=mock', '-b', 'mock', '-t', 'none'],
    { stdio: ['pipe', 'ignore', 'pipe'] },
  );
  endsWithKit(child, 'SIGKILL');
  const line = await lineOf(child, child.stderr, /127\.0\.0\.1:\d+/);
  const [address = ''] = /127\.0\.0\.1:\d+/.exec(line) ?? [];
  return new BrokerProcess(address, newFolder('kafka'), child, () => {
    throw new Error('the mock cluster keeps neither its ports nor its data');
  });
}

class BrokerProcess implements Broker {
  private readonly forget = endAtExit(() => {
    try {
      this.removeData();
    } catch {
      // RabbitMQ writes until it has ended, which nobody waits for.
    }
  });

  constructor(
    readonly address: string,
    private readonly folder: string,
    private child: ChildProcess,
    private readonly launch: () => Promise<ChildProcess>,
    private readonly signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL',
    private readonly afterwards: () => void = () => {},
  ) {}

  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill(this.signal);
    await ended;
  }

  async restart(): Promise<void> {
    this.child = await this.launch();
  }

  async stop(): Promise<void> {
    this.forget();
    await this.end();
    this.afterwards();
    this.removeData();
  }

  private removeData(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A process that is stopped where it is (SIGSTOP) would not hear SIGTERM. */
function endsWithKit(child: ChildProcess, signal: NodeJS.Signals): void {
  const forget = endAtExit(() => {
    child.kill('SIGCONT');
    child.kill(signal);
  });
  child.once('exit', forget);
}

function newFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `nestjs-integration-${name}-`));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
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
