import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApplicationRequest, ApplicationSetup } from '../ops/processes/application-protocol.js';
import type { CallingRequest, CallingSetup } from '../processes/calling-protocol.js';
import type { ConversingRequest, ConversingSetup } from '../processes/conversing-protocol.js';
import type {
  ConsumerKind,
  Message,
  PublisherSetup,
  Request,
  Usage,
  WorkerSetup,
} from '../processes/protocol.js';
import type { ReceiverRequest, ReceiverSetup } from '../processes/receiver-protocol.js';
import type { RelayingRequest, RelayingSetup } from '../processes/relaying-protocol.js';
import type { SenderRequest, SenderSetup } from '../processes/sender-protocol.js';
import type { TickingRequest, TickingSetup } from '../processes/ticking-protocol.js';
import { endAtExit } from './at-exit.js';
import { PROGRAMS, SHIFTED_DATE } from './package-paths.js';
import { until } from './wait.js';

const READY_WITHIN_MS = 90_000;
const CLOSES_WITHIN_MS = 40_000;

export interface Holding {
  readonly consumer: string;
  readonly eventId: string;
}

/** A process of a scenario: known by its pid, and nothing but this pid is ever signalled. */
export class ProofProcess {
  /** Handlers that have announced that they hold. */
  readonly holdings: Holding[] = [];
  /** How it ended; undefined while it runs. */
  end: number | NodeJS.Signals | undefined;

  private readonly ended: Promise<void>;
  private readonly pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  private isReady = false;
  private expected = false;
  private nextId = 1;

  constructor(
    readonly name: string,
    private readonly child: ChildProcess,
    private readonly logFile: string,
  ) {
    child.on('message', (message: Message) => this.hear(message));
    child.on('error', () => {});
    const forget = endAtExit(() => child.kill('SIGKILL'));
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        forget();
        this.end = signal ?? code ?? 0;
        for (const { reject } of this.pending.values()) reject(new Error(`${name} ended: ${this.end}`));
        this.pending.clear();
        resolve();
      });
    });
  }

  /** It ended without having been told to. */
  get endedByItself(): boolean {
    return this.end !== undefined && !this.expected;
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get log(): string {
    return readFileSync(this.logFile, 'utf8');
  }

  async ready(): Promise<this> {
    await until(
      `${this.name} is up`,
      () => {
        if (this.end !== undefined) throw new Error(`${this.name} ended (${this.end}):\n${this.log}`);
        return this.isReady;
      },
      { everyMs: 10, withinMs: READY_WITHIN_MS },
    );
    return this;
  }

  ask<T>(
    request:
      | Request
      | ApplicationRequest
      | CallingRequest
      | ConversingRequest
      | ReceiverRequest
      | RelayingRequest
      | SenderRequest
      | TickingRequest,
  ): Promise<T> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      if (this.end !== undefined) return reject(new Error(`${this.name} ended: ${this.end}`));
      this.pending.set(id, { resolve: (value) => resolve(value as T), reject });
      this.child.send({ id, request });
    });
  }

  usage(): Promise<Usage> {
    return this.ask<Usage>({ kind: 'usage' });
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.expected = true;
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** SIGTERM; a process that does not close in time is killed. */
  async close(): Promise<void> {
    this.expected = true;
    if (this.end !== undefined) return;
    const timer = setTimeout(() => this.child.kill('SIGKILL'), CLOSES_WITHIN_MS);
    this.child.kill('SIGTERM');
    await this.ended;
    clearTimeout(timer);
  }

  freeze(): void {
    this.child.kill('SIGSTOP');
  }

  thaw(): void {
    this.child.kill('SIGCONT');
  }

  whenEnded(): Promise<void> {
    return this.ended;
  }

  private hear(message: Message): void {
    if (message.kind === 'ready') this.isReady = true;
    else if (message.kind === 'holding') this.holdings.push(message);
    else {
      const pending = this.pending.get(message.id);
      this.pending.delete(message.id);
      if (message.kind === 'answer') pending?.resolve(message.value);
      else pending?.reject(new Error(message.error));
    }
  }
}

type Given<T> = Partial<Omit<T, 'folder' | 'name'>> & Pick<WorkerSetup, 'databaseUrl'>;

interface StartOptions {
  /** How wrong its `Date` is. */
  readonly shiftMs?: number;
  /** Another place of the program than this package's own. */
  readonly program?: string;
  /** Options of Node. */
  readonly execArgv?: readonly string[];
}

/** Starts the processes of one scenario, and ends whatever is left of them. */
export class ProcessGroup {
  readonly all: ProofProcess[] = [];

  constructor(readonly folder: string) {}

  worker(
    given: Given<WorkerSetup> & Pick<WorkerSetup, 'consumers'>,
    options: StartOptions = {},
  ): ProofProcess {
    const setup = { hostConnections: 20, settings: {}, workMs: 3, holds: false, ...given };
    return this.start('worker', setup, options);
  }

  publisher(given: Given<PublisherSetup>, options: StartOptions = {}): ProofProcess {
    const setup = {
      hostConnections: 12,
      settings: {},
      seed: 1,
      writers: 8,
      eventsPerTransaction: 3,
      aggregates: 200,
      eventNames: ['thing.changed'],
      rollbacks: 0.01,
      ...given,
    };
    return this.start('publisher', setup, options);
  }

  /** An application with the admin API, unless that is not wanted. */
  application(given: ApplicationSetup, options: StartOptions = {}): ProofProcess {
    return this.start('application', { admin: true, ...given }, options);
  }

  /** An application that takes in webhooks. */
  receiver(given: ReceiverSetup, options: StartOptions = {}): ProofProcess {
    return this.start('receiver', given, options);
  }

  /** An application that routes and sends webhooks. */
  sender(given: SenderSetup, options: StartOptions = {}): ProofProcess {
    return this.start('sender', given, options);
  }

  /** An application with a relay, a source or both. */
  relaying(given: RelayingSetup, options: StartOptions = {}): ProofProcess {
    return this.start('relaying', given, options);
  }

  /** An application with calls to another system. */
  calling(given: CallingSetup, options: StartOptions = {}): ProofProcess {
    return this.start('calling', given, options);
  }

  /** An application with schedules. */
  ticking(given: TickingSetup, options: StartOptions = {}): ProofProcess {
    return this.start('ticking', given, options);
  }

  /** An application with a saga. */
  conversing(given: ConversingSetup, options: StartOptions = {}): ProofProcess {
    return this.start('conversing', given, options);
  }

  /** Processes that ended without having been told to. */
  get deaths(): ProofProcess[] {
    return this.all.filter((one) => one.endedByItself);
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.all.map((one) => one.close()));
  }

  /** For the end of a scenario, however it came about. */
  async killAll(): Promise<void> {
    await Promise.all(this.all.filter((one) => one.end === undefined).map((one) => one.kill()));
  }

  private start(program: keyof typeof PROGRAMS, setup: object, options: StartOptions): ProofProcess {
    const name = `${program}-${this.all.length + 1}`;
    const logFile = join(this.folder, `${name}.log`);
    const log = openSync(logFile, 'a');
    const { shiftMs } = options;
    const child = fork(options.program ?? PROGRAMS[program], [], {
      execArgv: [...(options.execArgv ?? []), ...(shiftMs === undefined ? [] : ['--import', SHIFTED_DATE])],
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        NO_COLOR: '1',
        PROOF_SETUP: JSON.stringify({ ...setup, folder: this.folder, name }),
        ...(shiftMs === undefined ? {} : { PROOF_DATE_SHIFT_MS: String(shiftMs) }),
      },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    const started = new ProofProcess(name, child, logFile);
    this.all.push(started);
    return started;
  }
}

/** The three kinds of consumers under their own names. */
export function consumersOfEveryKind(
  options: {
    eventNames?: readonly string[];
    partitions?: number;
    concurrency?: number;
    timeoutMs?: number;
  } = {},
) {
  const kinds: readonly ConsumerKind[] = ['plain', 'transactional', 'batch'];
  return kinds.map((kind) => ({ name: kind, kind, eventNames: ['thing.*'], ...options }));
}
