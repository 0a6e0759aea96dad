import { type Terminal, terminalOfProcess } from './confirmation.js';

/** What a command line is run in. */
export interface Shell {
  /** Where `.env` is looked for. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Whether somebody follows what is written beside the result. */
  readonly isFollowed: boolean;
  /** Undefined where nobody can be asked. */
  readonly terminal: Terminal | undefined;
  /** The size of the terminal that results go to. Undefined if they go elsewhere. */
  screen(): { readonly rows: number; readonly columns: number } | undefined;
  /** Runs `work` with a signal that aborts when somebody presses Ctrl-C. */
  interruptible<R>(work: (signal: AbortSignal) => Promise<R>): Promise<R>;
  writeResult(text: string): void;
  /** Errors, and how far a command is. */
  writeRemark(text: string): void;
}

export function shellOfProcess(): Shell {
  return {
    folder: process.cwd(),
    environment: process.env,
    isFollowed: process.stderr.isTTY,
    terminal: terminalOfProcess(),
    screen: () =>
      process.stdout.isTTY ? { rows: process.stdout.rows, columns: process.stdout.columns } : undefined,
    interruptible,
    writeResult: (text) => process.stdout.write(text),
    writeRemark: (text) => process.stderr.write(text),
  };
}

/** The second Ctrl-C ends the process as usual. */
async function interruptible<R>(work: (signal: AbortSignal) => Promise<R>): Promise<R> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.once('SIGINT', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop);
  }
}
