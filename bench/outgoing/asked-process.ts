import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

type Commands<C> = { [K in keyof C]: [given: object, answer: unknown] };
type Handlers<C extends Commands<C>> = { [K in keyof C]: (given: C[K][0]) => Promise<C[K][1]> };

interface Asked {
  readonly id: number;
  readonly name: string;
  readonly given: object;
}

/** A process of its own that answers commands. Whoever starts it ends it. */
export class AskedProcess<C extends Commands<C>> {
  private readonly waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  private next = 1;

  private constructor(private readonly child: ChildProcess) {
    child.on('message', ({ id, value, error }: { id: number; value?: unknown; error?: string }) => {
      const waiting = this.waiting.get(id);
      this.waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    child.once('exit', (code) => {
      for (const { reject } of this.waiting.values()) reject(new Error(`the process ended (${code})`));
      this.waiting.clear();
    });
  }

  /** @param program a file beside this one, without its ending */
  static start<C extends Commands<C>>(
    program: string,
    env: Readonly<Record<string, string>> = {},
    execArgv: string[] = [],
  ): AskedProcess<C> {
    const file = fileURLToPath(new URL(`./${program}.js`, import.meta.url));
    return new AskedProcess<C>(
      fork(file, [], {
        env: { ...process.env, ...env },
        execArgv,
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      }),
    );
  }

  ask<K extends keyof C>(name: K, given: C[K][0]): Promise<C[K][1]> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      if (this.child.exitCode !== null || !this.child.connected)
        return reject(new Error('the process has ended'));
      this.waiting.set(id, { resolve, reject });
      this.child.send({ id, name, given });
    });
  }

  /** Ends it. It has ten seconds to close what it has open. */
  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 10_000);
    if (this.child.connected) this.child.disconnect();
    await ended;
    clearTimeout(timer);
  }
}

/** The side of the process. It ends with the process that started it. */
export function answering<C extends Commands<C>>(handlers: Handlers<C>, close: () => Promise<unknown>): void {
  process.on('message', ({ id, name, given }: Asked) => {
    handlers[name as keyof C](given).then(
      (value) => process.connected && process.send?.({ id, value }),
      (error) => process.connected && process.send?.({ id, error: String(error?.stack ?? error) }),
    );
  });
  process.on('disconnect', () => {
    close().finally(() => process.exit(0));
  });
}

/** What this work takes of time and of the processor. */
export async function measured(work: () => Promise<unknown>) {
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  await work();
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  return { ms, cpuMs: (user + system) / 1e3 };
}
