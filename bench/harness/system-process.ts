import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SystemOptions } from '../systems/measured-system.js';
import type { SystemName } from '../systems/systems.js';
import type { AnswerOf, ChildAnswer, CommandName, RequestOf } from './child-protocol.js';

const CHILD = fileURLToPath(new URL('./child-main.js', import.meta.url));
const CLOSE_WITHIN_MS = 15_000;

interface Pending {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/** One system in a process of its own, so that neither heaps nor compiled code are shared between systems. */
export class SystemProcess {
  private static readonly running = new Set<SystemProcess>();

  /** For a run that takes too long: whoever waits for one of these processes is told that it has ended. */
  static killAll(): void {
    for (const { child } of SystemProcess.running) child.kill('SIGKILL');
  }

  private readonly pending = new Map<number, Pending>();
  private readonly ended: Promise<void>;
  private nextId = 1;

  private constructor(private readonly child: ChildProcess) {
    SystemProcess.running.add(this);
    child.on('message', (message: ChildAnswer) => this.settle(message));
    this.ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        for (const { reject } of this.pending.values())
          reject(new Error(`the measured process ended (${signal ?? code})`));
        this.pending.clear();
        SystemProcess.running.delete(this);
        resolve();
      });
    });
  }

  static async start(system: SystemName, options: SystemOptions): Promise<SystemProcess> {
    const child = fork(CHILD, [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const process = new SystemProcess(child);
    await process.call('open', { system, options });
    return process;
  }

  /** Runs `use` with a fresh process and ends it afterwards, whatever happened. */
  static async with<R>(
    system: SystemName,
    options: SystemOptions,
    use: (process: SystemProcess) => Promise<R>,
  ): Promise<R> {
    const process = await SystemProcess.start(system, options);
    try {
      return await use(process);
    } finally {
      await process.end();
    }
  }

  call<C extends CommandName>(
    command: C,
    ...[request]: RequestOf<C> extends undefined ? [] : [RequestOf<C>]
  ): Promise<AnswerOf<C>> {
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      if (!this.child.connected) return reject(new Error('the measured process has ended'));
      this.pending.set(id, { resolve: (answer) => resolve(answer as AnswerOf<C>), reject });
      this.child.send({ id, command, request });
    });
  }

  /** Closes the system; a process that does not end in time is killed. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), CLOSE_WITHIN_MS);
    await this.call('close').catch(() => {});
    if (this.child.connected) this.child.disconnect();
    await this.ended;
    clearTimeout(timer);
  }

  private settle(message: ChildAnswer): void {
    const pending = this.pending.get(message.id);
    this.pending.delete(message.id);
    if ('error' in message) pending?.reject(new Error(message.error));
    else pending?.resolve(message.answer);
  }
}
