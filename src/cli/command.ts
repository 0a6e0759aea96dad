import type { EngineDatabase } from '../database/engine-database.js';
import type { IntegrationExtension } from '../module/extension.js';

/** One command of `nestjs-integration`. Each has a file of its own and is named in commands.ts. */
export interface Command {
  /** The words that call it: `migrate`, `settings set`. */
  name: string;
  /**
   * Words that called it in earlier versions. They still do, and say on standard error which words do now.
   */
  formerly?: readonly string[];
  /** Names of the arguments that follow, all required. */
  parameters: readonly string[];
  /** Options besides those that every command has. */
  options?: Readonly<Record<string, CommandOption>>;
  /**
   * It stood before commands asked: without a terminal it goes on without `--yes`, as scripts know it, and so
   * does whatever is called by former words. Every other command that asks refuses there.
   */
  goesOnUnasked?: boolean;
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
  /** Whose migrations, settings and checks there are beside the engine's. */
  extensions: readonly IntegrationExtension[];
  /** Shows what is going on, where somebody is looking. */
  progress(line: string): void;
  /**
   * For whatever changes more than one event or cannot be undone, before it is done: resolves if it may be.
   * `consequence` says in a sentence what would happen, and to how many; undefined: there is nothing to ask.
   */
  confirm(consequence: () => Promise<string | undefined>): Promise<void>;
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

/** Whoever was asked did not say yes: nothing was changed, and the exit status is 1. */
export class Declined extends Error {
  override readonly name = 'Declined';

  constructor() {
    super('Nothing was changed.');
  }
}
