import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Commit, type HandlerStart, now, type Stopwatch } from './stopwatch.js';

const READY_WITHIN_MS = 30_000;
const STOPPED_WITHIN_MS = 15_000;

/** What a worker tells its parent. */
export type WorkerMessage = 'ready' | { started: HandlerStart } | { committed: Commit };

/** What became of the worker that was killed. */
export interface Kill {
  pid: number;
  signal: string | null;
  /** The consumer whose handler it was running. */
  consumerName: string;
  /** Until another process went on with that consumer, in ms; undefined if it had nothing left to do. */
  resumedAfterMs: number | undefined;
}

/** The worker processes of `--processes N`. */
export class Workers {
  /** Workers that ended although nobody asked them to. */
  crashes = 0;

  private readonly running = new Set<ChildProcess>();
  private killNext: ((worker: ChildProcess, start: HandlerStart) => void) | undefined;
  private killed: { kill: Kill; worker: ChildProcess; at: number } | undefined;

  constructor(
    private readonly environment: Record<string, string>,
    private readonly stopwatch: Stopwatch,
  ) {}

  /** Starts `count` workers; resolves when they handle events. */
  async start(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.startOne()));
  }

  /** Ends a worker with SIGKILL, in the middle of a handler that it has just begun. */
  async killOneAtWork(): Promise<Kill> {
    const { worker, kill } = await new Promise<{ worker: ChildProcess; kill: Kill }>((resolve) => {
      this.killNext = (worker, { consumerName }) => {
        this.killNext = undefined;
        this.running.delete(worker);
        worker.kill('SIGKILL');
        const kill = { pid: worker.pid ?? 0, signal: null, consumerName, resumedAfterMs: undefined };
        this.killed = { kill, worker, at: now() };
        resolve({ worker, kill });
      };
    });
    if (worker.exitCode === null && worker.signalCode === null) await once(worker, 'exit');
    kill.signal = worker.signalCode;
    return kill;
  }

  /** Lets every worker finish what it is doing. */
  async stop(): Promise<void> {
    const workers = [...this.running];
    this.running.clear();
    await Promise.all(workers.map((worker) => stopped(worker)));
  }

  private async startOne(): Promise<void> {
    // In a session of its own: Ctrl-C in the terminal reaches the demo alone, which then stops its workers.
    const worker = fork(fileURLToPath(new URL('worker.js', import.meta.url)), {
      detached: true,
      env: { ...process.env, ...this.environment, PROCESS_ROLE: 'worker' },
    });
    this.running.add(worker);
    worker.once('exit', () => {
      if (this.running.delete(worker)) this.crashes++;
    });
    const ready = new Promise<void>((resolve, reject) => {
      worker.on('message', (message: WorkerMessage) => {
        if (message === 'ready') resolve();
        else if ('committed' in message) this.stopwatch.committed(message.committed);
        else this.noteStart(worker, message.started);
      });
      worker.once('exit', (code) => reject(new Error(`A worker ended while it started (exit ${code}).`)));
      setTimeout(() => reject(new Error('A worker did not start in time.')), READY_WITHIN_MS).unref();
    });
    await ready;
  }

  private noteStart(worker: ChildProcess, start: HandlerStart): void {
    this.stopwatch.started(start);
    this.killNext?.(worker, start);
    if (this.killed === undefined || this.killed.worker === worker) return;
    const { kill, at } = this.killed;
    if (start.consumerName === kill.consumerName) kill.resumedAfterMs ??= start.at - at;
  }
}

async function stopped(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return;
  const exited = once(worker, 'exit');
  if (worker.connected) worker.disconnect();
  const timer = setTimeout(() => worker.kill('SIGKILL'), STOPPED_WITHIN_MS);
  await exited;
  clearTimeout(timer);
}
