import type { EngineDatabase } from '../database/engine-database.js';

/** One command of `nestjs-integration`. Each has a file of its own and is named in commands.ts. */
export interface Command {
  /** The words that call it: `migrate`, `settings set`. */
  name: string;
  /** Other words that call it. */
  aliases?: readonly string[];
  /** Names of the arguments that follow, all required. */
  parameters: readonly string[];
  /** Options besides those that every command has. */
  options?: Readonly<Record<string, CommandOption>>;
  /** One line for the list of commands. */
  summary: string;
  run(context: CommandContext): Promise<CommandResult>;
}

export interface CommandOption {
  type: 'string' | 'boolean';
  /** What it stands for and its default, for the usage. */
  summary: string;
}

/** What a command line came to. */
export interface CommandContext {
  /** One for each of the command's `parameters`. */
  arguments: readonly string[];
  /** The command's own options, as given. */
  options: Readonly<Record<string, string | boolean | undefined>>;
  /** The process's environment, with what `.env` adds. */
  environment: Readonly<Record<string, string | undefined>>;
  connectionString: string;
  schema: string;
  /** Shows what is going on, where somebody is looking. */
  progress(line: string): void;
  /** Lends a connection to the database for the length of `work`. */
  withDatabase<R>(work: (db: EngineDatabase) => Promise<R>): Promise<R>;
}

export interface CommandResult {
  /** Whether all is well: the exit status is 0 or 1. */
  ok: boolean;
  /** What `--json` prints. */
  data: Record<string, unknown>;
  /** What a reader sees. */
  text: string;
}

/** The command line cannot be understood: the usage is printed and the exit status is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
