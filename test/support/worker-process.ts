import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { ReplaySubject } from 'rxjs';

/** What a worker process says on its standard output, one line each. */
export interface WorkerLine {
  ready?: boolean;
  handling?: number;
  handled?: number;
  /** The numbers of a batch that begins. */
  batch?: number[];
  waiting?: number;
  consumer?: string;
  attempt?: number;
}

/** A worker as an operating-system process of its own (test/support/processes/worker.mjs). */
export interface WorkerProcess<Line = WorkerLine> {
  readonly pid: number;
  readonly lines$: ReplaySubject<Line>;
  /** What it logs on its standard output: warnings. */
  readonly logged$: ReplaySubject<string>;
  /** What it says on its standard error, line by line. */
  readonly errors$: ReplaySubject<string>;
  /** Resolves with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  kill(signal: NodeJS.Signals): void;
}

export function startWorker(
  databaseUrl: string,
  consumers: readonly object[],
  settings: object = {},
  options: object = {},
  environment: Readonly<Record<string, string>> = {},
): WorkerProcess {
  return startProcess('worker.mjs', {
    DATABASE_URL: databaseUrl,
    CONSUMERS: JSON.stringify(consumers),
    SETTINGS: JSON.stringify(settings),
    OPTIONS: JSON.stringify(options),
    ...environment,
  });
}

/** Starts a script of test/support/processes that says a line of JSON for each thing that happens. */
export function startProcess<Line>(
  script: string,
  environment: Readonly<Record<string, string>>,
): WorkerProcess<Line> {
  const child: ChildProcess = spawn(process.execPath, [`test/support/processes/${script}`], {
    env: { ...process.env, NODE_OPTIONS: '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const errors$ = new ReplaySubject<string>();
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      errors$.next(line);
      if (process.env.TEST_LOG) process.stderr.write(`${line}\n`);
    });
  }
  const lines$ = new ReplaySubject<Line>();
  const logged$ = new ReplaySubject<string>();
  if (child.stdout !== null) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) {
        lines$.next(JSON.parse(line));
        return;
      }
      logged$.next(line);
      if (process.env.TEST_LOG) process.stderr.write(`${line}\n`);
    });
  }
  return {
    pid: child.pid ?? 0,
    lines$,
    logged$,
    errors$,
    ended: once(child, 'exit').then(([code, signal]) => code ?? signal),
    kill: (signal) => child.kill(signal),
  };
}
