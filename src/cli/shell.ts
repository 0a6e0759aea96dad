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
    writeResult: (text) => process.stdout.write(text),
    writeRemark: (text) => process.stderr.write(text),
  };
}
