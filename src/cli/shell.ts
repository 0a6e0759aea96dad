import { type Terminal, terminalOfProcess } from './confirmation.js';

const USUAL_ROWS = 24;
const USUAL_COLUMNS = 80;

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
  /**
   * Runs `work` with a signal that aborts when somebody presses Ctrl-C, when the process is asked to end, or
   * when nobody reads results any more.
   */
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
    screen: () => screenOf(process.stdout),
    interruptible,
    writeResult: (text) => process.stdout.write(text),
    writeRemark: (text) => process.stderr.write(text),
  };
}

/** A terminal that nobody has given a size says that it has no rows and no columns. */
export function screenOf({
  isTTY,
  rows,
  columns,
}: Pick<NodeJS.WriteStream, 'isTTY' | 'rows' | 'columns'>): ReturnType<Shell['screen']> {
  return isTTY ? { rows: rows || USUAL_ROWS, columns: columns || USUAL_COLUMNS } : undefined;
}

const ASKED_TO_END = ['SIGINT', 'SIGTERM'] as const;

/**
 * The second Ctrl-C ends the process as usual. A pipe whose reader has gone, such as `head`, fails with the
 * next write.
 */
async function interruptible<R>(work: (signal: AbortSignal) => Promise<R>): Promise<R> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  for (const each of ASKED_TO_END) process.once(each, stop);
  process.stdout.once('error', stop);
  try {
    return await work(controller.signal);
  } finally {
    for (const each of ASKED_TO_END) process.off(each, stop);
    process.stdout.off('error', stop);
  }
}
