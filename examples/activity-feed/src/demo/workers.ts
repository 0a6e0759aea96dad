import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { HandlerStart } from './stopwatch.js';

const READY_WITHIN_MS = 30_000;
const STOPPED_WITHIN_MS = 15_000;

/** What became of the worker that was killed. */
export interface Kill {
  pid: number;
  signal: string | null;
  /** The event that it was handling. */
  during: HandlerStart;
}

/** The worker processes of `--processes N`. */
export class Workers {
  /** Workers that ended although nobody asked them to. */
  crashes = 0;

  private readonly running = new Set<ChildProcess>();
  private onNextStart: ((worker: ChildProcess, start: HandlerStart) => void) | undefined;

  constructor(
    private readonly environment: Record<string, string>,
    private readonly started: (start: HandlerStart) => void,
  ) {}

  /** Starts `count` workers; resolves when they handle events. */
  async start(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.startOne()));
  }

  /** Ends a worker with SIGKILL, in the middle of a handler that it has just begun. */
  async killOneAtWork(): Promise<Kill> {
    const { worker, during } = await new Promise<{ worker: ChildProcess; during: HandlerStart }>(
      (resolve) => {
        this.onNextStart = (worker, during) => {
          this.running.delete(worker);
          worker.kill('SIGKILL');
          resolve({ worker, during });
        };
      },
    );
    if (worker.exitCode === null && worker.signalCode === null) await once(worker, 'exit');
    return { pid: worker.pid ?? 0, signal: worker.signalCode, during };
  }

  /** Lets every worker finish what it is doing. */
  async stop(): Promise<void> {
    const workers = [...this.running];
    this.running.clear();
    await Promise.all(workers.map((worker) => stopped(worker)));
  }

  private async startOne(): Promise<void> {
    const worker = fork(fileURLToPath(new URL('worker.js', import.meta.url)), {
      env: { ...process.env, ...this.environment, PROCESS_ROLE: 'worker' },
    });
    this.running.add(worker);
    worker.once('exit', () => {
      if (this.running.delete(worker)) this.crashes++;
    });
    const ready = new Promise<void>((resolve, reject) => {
      worker.on('message', (message: 'ready' | HandlerStart) => {
        if (message === 'ready') resolve();
        else this.noteStart(worker, message);
      });
      worker.once('exit', (code) => reject(new Error(`A worker ended while it started (exit ${code}).`)));
      setTimeout(() => reject(new Error('A worker did not start in time.')), READY_WITHIN_MS).unref();
    });
    await ready;
  }

  private noteStart(worker: ChildProcess, start: HandlerStart): void {
    this.started(start);
    const { onNextStart } = this;
    this.onNextStart = undefined;
    onNextStart?.(worker, start);
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
